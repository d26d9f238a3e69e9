"""Installing a tree's dependencies into read-only folders that are kept and shared.

Each ecosystem of a tree is a part of its own. Its installer runs in a sandbox with the network and without
secrets, as a user of its own. The result is published whole, by a rename, under the digest of all that decides
it; two processes that want the same one wait for each other at a lock file.
"""

import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from devctl import mounts
from devctl.capture import run_tool
from devctl.ecosystems.catalogue import ecosystem_named, plan_tree
from devctl.ecosystems.ecosystem import Ecosystem
from devctl.ecosystems.records import Fitting, Plan, Step
from devctl.ecosystems.toolchain import Host, ToolchainMissing
from devctl.errors import PreparationFailed, SettingsInvalid
from devctl.inside import prelude
from devctl.installers import Installer, InstallerMaker, Site
from devctl.locks import locked
from devctl.records import ExecResult, Part, Prepared, PrepareRequest
from devctl.settings import DevctlSettings
from devctl.store import Store

log = logging.getLogger(__name__)

LOG_TAIL = 6_000
LAYOUT = "2"
"""Raised when the same dependencies would be laid out differently, so that old caches are not used."""


class PartCache:
    """What was installed, by the digest of what decides it."""

    def __init__(self, settings: DevctlSettings, store: Store, backend: str, installer: InstallerMaker) -> None:
        self._settings = settings
        self._store = store
        self._backend = backend
        self._installer = installer
        self._folder = store.home / "prepared"
        self._host = Host(settings)

    def prepare(self, request: PrepareRequest) -> Prepared:
        """Install a tree's dependencies, or find them; raises PreparationFailed."""
        interpreter = mounts.find_interpreter(request.interpreter or self._settings.interpreter)
        plans = plan_tree(request.tree, request.packages)
        parts, notes = prepare_parts(plans, lambda plan: self._part(request, plan, interpreter))
        python = next(part for part in parts if part.ecosystem == "python")
        inside = prelude.VENV if self._backend == "bubblewrap" else python.location
        return prepared_of(
            parts,
            notes,
            backend=self._backend,
            location=python.location,
            python=f"{inside}/bin/python",
            interpreter=str(interpreter.host),
        )

    def prune(self) -> list[str]:
        """Remove all that was installed and that nobody uses, and the downloads; returns the digests."""
        used = {digest for state in self._store.states() for digest in state.info.parts}
        removed = []
        for folder in sorted(self._folder.glob("*")) if self._folder.is_dir() else ():
            if folder.is_dir() and folder.name not in used:
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder.name)
        shutil.rmtree(self._store.home / "downloads", ignore_errors=True)
        return removed

    def _part(self, request: PrepareRequest, plan: Plan, interpreter: mounts.Interpreter) -> Part:
        ecosystem = ecosystem_named(plan.ecosystem)
        toolchain = ecosystem.toolchain(plan, self._host)
        decided = [self._backend, LAYOUT, toolchain.version, *toolchain.programs.values()]
        if plan.ecosystem == "python":
            version = interpreter_version(interpreter.host)
            check_python(plan, version, request.tree)
            decided = [self._backend, LAYOUT, str(interpreter.host), version]
        digest = plan.digest(*decided)
        self._folder.mkdir(exist_ok=True, mode=0o700)
        with locked(self._folder / f"{digest}.lock"):
            record = self._folder / digest / "part.json"
            if record.is_file():
                return Part.model_validate_json(record.read_text())
            log.info("installing the %s packages of %s as %s", plan.ecosystem, request.tree, digest)
            scratch = Path(tempfile.mkdtemp(prefix=f".{digest}-", dir=self._folder))
            site = Site(
                scratch=scratch,
                downloads=self._store.home / "downloads" / plan.ecosystem,
                ecosystem=plan.ecosystem,
                toolchain=toolchain,
                interpreter=interpreter,
                limits=request.limits,
            )
            try:
                return self._install(request, plan, site, digest)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)

    def _install(self, request: PrepareRequest, plan: Plan, site: Site, digest: str) -> Part:
        begin = time.monotonic()
        ecosystem = ecosystem_named(plan.ecosystem)
        installer = self._installer(self._settings, site, plan)
        output, fitting = run_steps(ecosystem, plan, installer, self._settings, request)
        place = self._folder / digest
        part = part_of(plan, fitting, digest, str(place / "result")).model_copy(
            update={
                "toolchain": site.toolchain,
                "log": output[-LOG_TAIL:],
                "seconds": round(time.monotonic() - begin, 3),
            }
        )
        final = site.scratch / "final"
        final.mkdir()
        (site.scratch / "result").rename(final / "result")
        _close(final / "result", 0o755 if plan.ecosystem == "python" else 0o777)
        (final / "part.json").write_text(part.model_dump_json())
        shutil.rmtree(place, ignore_errors=True)
        final.rename(place)
        return part


def prepare_parts(plans: tuple[Plan, ...], prepare: Callable[[Plan], Part]) -> tuple[list[Part], list[str]]:
    """Prepare each plan; returns the parts, and notes on those that a tree can do without.

    What lies deeper in the tree than its shallowest project may fail, and a toolchain may be missing where
    another of the tree's ecosystems is there. Raises PreparationFailed otherwise.
    """
    depths = [plan.depth for plan in plans if plan.depth is not None]
    parts: list[Part] = []
    failed: list[tuple[Plan, PreparationFailed]] = []
    for plan in plans:
        try:
            parts.append(prepare(plan))
        except PreparationFailed as error:
            deeper = plan.depth is not None and plan.depth > min(depths)
            if plan.ecosystem == "python" or not (deeper or isinstance(error, ToolchainMissing)):
                raise
            failed.append((plan, error))
    declared = {plan.ecosystem for plan in plans if plan.depth is not None}
    if failed and not declared & {part.ecosystem for part in parts}:
        raise failed[0][1]
    notes = [f"{plan.ecosystem} was not prepared: {error}" for plan, error in failed]
    for note in notes:
        log.warning("%s", note)
    return parts, notes


def prepared_of(
    parts: list[Part],
    notes: list[str],
    *,
    backend: str,
    location: str,
    python: str | None,
    interpreter: str | None = None,
    digest: str | None = None,
) -> Prepared:
    """All parts of a tree as one record."""
    return Prepared(
        digest=digest or parts_digest([part.digest for part in parts]),
        backend=backend,
        location=location,
        python=python,
        interpreter=interpreter,
        log="\n".join([*notes, *(part.log for part in parts if part.log)])[-LOG_TAIL:],
        seconds=round(sum(part.seconds for part in parts), 3),
        parts=tuple(parts),
        notes=tuple(notes),
    )


def parts_digest(digests: list[str]) -> str:
    """One digest for several; that of a single part is its own."""
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()[:32]


def part_of(plan: Plan, fitting: Fitting, digest: str, location: str) -> Part:
    """What a plan has come to; places that lead out of the work folder are dropped."""
    return Part(
        ecosystem=plan.ecosystem,
        digest=digest,
        location=location,
        env=fitting.env,
        path=fitting.path,
        written=fitting.written,
        places=tuple(place for place in fitting.places if is_inner(place.target) and is_inner(place.source)),
        seeds=fitting.seeds,
        locks=tuple(path for path in fitting.locks if is_inner(path)),
    )


def is_inner(path: str) -> bool:
    """Whether a path that an installation printed is a plain one below the folder it is for."""
    pure = PurePosixPath(path)
    return bool(path) and path.isprintable() and not pure.is_absolute() and ".." not in pure.parts


def run_steps(
    ecosystem: Ecosystem, plan: Plan, installer: Installer, settings: DevctlSettings, request: PrepareRequest
) -> tuple[str, Fitting]:
    """Install a plan; returns the installer's output and how the result is laid out. Raises PreparationFailed."""
    env = ecosystem.environment(plan, installer.seen, settings)
    output = ""
    for step in ecosystem.steps(plan, installer.seen):
        result = installer.run(step, env)
        if result.exit_code != 0 and step.instead is not None:
            log.info("a step for %s failed, another is run instead: %s", plan.ecosystem, result.output[-300:])
            result = installer.run(step.instead, env)
        if step.optional and result.exit_code != 0:
            log.info(
                "an optional step for %s ended with %s: %s", plan.ecosystem, result.exit_code, result.output[-300:]
            )
            continue
        output += check_step(result, request, plan, step)
    listing = ecosystem.listing(plan, installer.seen)
    listed = installer.run(listing, env).output.splitlines() if listing is not None else []
    return output, ecosystem.fit(plan, tuple(listed))


def check_step(result: ExecResult, request: PrepareRequest, plan: Plan, step: Step) -> str:
    """Return a step's output; raises PreparationFailed when it did not succeed."""
    if result.exit_code == 0:
        return result.output
    notes = "".join(f"left out: {line}\n" for line in plan.ignored)
    tail = (notes + result.output)[-LOG_TAIL:]
    if result.timed_out:
        raise PreparationFailed(
            f"installing the dependencies of {request.tree} took more than {request.limits.seconds:g} s",
            log=tail,
            hint="allow more time, or look at what is downloaded",
        )
    read = ", ".join(plan.sources) or "the packages asked for"
    where = f" in {step.cwd}" if step.cwd else ""
    raise PreparationFailed(
        f"the {plan.ecosystem} dependencies of {request.tree} could not be installed{where} (from {read})",
        log=tail,
        hint="the installer's last lines say which package is at fault",
    )


def interpreter_version(host: Path) -> str:
    """The version of a Python on this host, asked from it; raises SettingsInvalid."""
    finished = run_tool((str(host), "-I", "-S", "-c", "import platform; print(platform.python_version())"))
    if finished.exit_code != 0:
        raise SettingsInvalid(f"{host} is no working Python: {finished.text.strip()[-200:]}", "name another one")
    return finished.text.strip()


def check_python(plan: Plan, version: str, tree: Path) -> None:
    """Refuse a Python that the tree says it does not support; raises PreparationFailed."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        supported = plan.requires_python is None or SpecifierSet(plan.requires_python).contains(
            version, prereleases=True
        )
    except InvalidSpecifier as error:
        raise PreparationFailed(
            f"requires-python of {tree} is {plan.requires_python!r}: {error}",
            log=str(error),
            hint="correct it",
        ) from error
    if not supported:
        raise PreparationFailed(
            f"{tree} needs Python {plan.requires_python}, and the interpreter is {version}",
            log="",
            hint="set DEVCTL_PYTHON (or the request's interpreter) to a Python it supports",
        )


def _close(result: Path, folder_mode: int) -> None:
    """Take all write permission from the files of a tree, and give it to root where root published it.

    Folders stay open where environments write into a layer above them; the cache itself is closed to others.
    """
    for folder, _, names in os.walk(result):
        for path in (Path(folder), *(Path(folder) / name for name in names)):
            if path.is_symlink():
                continue
            if os.geteuid() == 0:
                os.chown(path, 0, 0)
            path.chmod(folder_mode if path.is_dir() else 0o755 if path.stat().st_mode & 0o100 else 0o644)
