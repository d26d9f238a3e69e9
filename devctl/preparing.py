"""Installing a tree's dependencies into a read-only environment that is kept and shared.

The installer runs in a sandbox with the network and without secrets, as a user of its own. Its result is
published whole, by a rename, under the digest of all that decides it; two processes that want the same one
wait for each other at a lock file.
"""

import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from devctl import mounts
from devctl.capture import run_tool
from devctl.dependencies import DependencyPlan, plan_dependencies
from devctl.errors import PreparationFailed, SettingsInvalid
from devctl.inside import hook, prelude
from devctl.records import Command, ExecResult, Limits, Prepared, PrepareRequest
from devctl.sandbox import Sandbox, run_in
from devctl.settings import DevctlSettings
from devctl.store import FIRST_UID, Store

log = logging.getLogger(__name__)

INSTALLER_UID = FIRST_UID - 1
"""The user that installs when devctl runs as root; it owns the download cache and nothing else."""
UV = "/opt/devctl/uv"
DOWNLOADS = "/opt/devctl/downloads"
PLAN = "/opt/devctl/plan"
LOG_TAIL = 6_000
LAYOUT = "1"
"""Raised when the same dependencies would be laid out differently, so that old caches are not used."""


class Installer(Protocol):
    """Runs the installer in a scratch folder that holds `venv` and `plan`."""

    venv: str
    """The virtual environment, as the installer sees it."""
    plan: str
    """The folder of requirements, as the installer sees it."""
    python: str
    """The Python to build on, as the installer sees it."""

    def run(self, arguments: tuple[str, ...], seconds: float) -> ExecResult:
        """Run the installer to its end."""


class InstallerMaker(Protocol):
    """Makes the installer of one preparation."""

    def __call__(
        self, settings: DevctlSettings, scratch: Path, interpreter: mounts.Interpreter, limits: Limits
    ) -> Installer:
        """Lay out the scratch folder for one run."""


class VenvCache:
    """Virtual environments by the digest of what decides them."""

    def __init__(self, settings: DevctlSettings, store: Store, backend: str, installer: InstallerMaker) -> None:
        self._settings = settings
        self._store = store
        self._backend = backend
        self._installer = installer
        self._folder = store.home / "prepared"

    def prepare(self, request: PrepareRequest) -> Prepared:
        """Install a tree's dependencies, or find them; raises PreparationFailed."""
        interpreter = mounts.find_interpreter(request.interpreter or self._settings.interpreter)
        version = interpreter_version(interpreter.host)
        plan = plan_dependencies(request.tree, request.packages)
        check_python(plan, version, request.tree)
        digest = plan.digest(self._backend, LAYOUT, str(interpreter.host), version)
        self._folder.mkdir(exist_ok=True, mode=0o700)
        with locked(self._folder / f"{digest}.lock"):
            if found := self._find(digest):
                return found
            return self._install(request, plan, interpreter, digest)

    def prune(self) -> list[str]:
        """Remove all cached environments that nobody uses, and the downloads; returns the digests."""
        used = {state.info.prepared for state in self._store.states()}
        removed = []
        for folder in sorted(self._folder.glob("*")) if self._folder.is_dir() else ():
            if folder.is_dir() and folder.name not in used:
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder.name)
        shutil.rmtree(self._store.home / "downloads", ignore_errors=True)
        return removed

    def _find(self, digest: str) -> Prepared | None:
        record = self._folder / digest / "prepared.json"
        return Prepared.model_validate_json(record.read_text()) if record.is_file() else None

    def _install(
        self, request: PrepareRequest, plan: DependencyPlan, interpreter: mounts.Interpreter, digest: str
    ) -> Prepared:
        begin = time.monotonic()
        log.info("installing %s requirements of %s as %s", len(plan.requirements), request.tree, digest)
        scratch = Path(tempfile.mkdtemp(prefix=f".{digest}-", dir=self._folder))
        try:
            installer = self._installer(self._settings, scratch, interpreter, request.limits)
            result = installer.run(("venv", "--python", installer.python, installer.venv), request.limits.seconds)
            output = check_installer(result, request, plan)
            _add_hook(scratch / "venv")  # before any package's code could lay links in the way
            _write_plan(scratch / "plan", plan)
            if plan.requirements:
                arguments = install_arguments(f"{installer.venv}/bin/python", installer.plan)
                output += check_installer(installer.run(arguments, request.limits.seconds), request, plan)
            return self._publish(scratch, digest, interpreter, output, time.monotonic() - begin)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _publish(
        self, scratch: Path, digest: str, interpreter: mounts.Interpreter, output: str, seconds: float
    ) -> Prepared:
        """Make the environment read-only and give it its final name; the record inside makes it whole."""
        place = self._folder / digest
        prepared = Prepared(
            digest=digest,
            backend=self._backend,
            location=str(place / "venv"),
            python=f"{prelude.VENV}/bin/python" if self._backend == "bubblewrap" else f"{place}/venv/bin/python",
            interpreter=str(interpreter.host),
            log=output[-LOG_TAIL:],
            seconds=round(seconds, 3),
        )
        final = scratch / "final"
        final.mkdir()
        (scratch / "venv").rename(final / "venv")
        _close(final / "venv")
        (final / "prepared.json").write_text(prepared.model_dump_json())
        shutil.rmtree(place, ignore_errors=True)
        final.rename(place)
        return prepared


class SandboxedInstaller:
    """Runs the installer in a sandbox with the network of this host and none of its files or secrets."""

    venv, plan = prelude.VENV, PLAN

    def __init__(
        self, settings: DevctlSettings, scratch: Path, interpreter: mounts.Interpreter, limits: Limits
    ) -> None:
        self.python = interpreter.inside
        uid = INSTALLER_UID if os.geteuid() == 0 else None
        downloads = settings.folder / "downloads"
        for folder in (downloads, scratch / "plan", scratch / "venv", *(scratch / n for n in mounts.PRIVATE)):
            folder.mkdir(exist_ok=True)
            if uid is not None and folder.name != "plan":
                os.chown(folder, uid, uid)
        mounts.write_accounts(scratch, uid or os.getuid(), uid or os.getgid())
        arguments = [*mounts.system_mounts(), *mounts.kernel_mounts(256), *mounts.private_mounts(scratch)]
        arguments += [*interpreter.binds, *mounts.network_mounts(settings.certificates)]
        arguments += ["--ro-bind", uv_path(), UV, "--ro-bind", str(scratch / "plan"), PLAN]
        arguments += ["--bind", str(scratch / "venv"), prelude.VENV, "--bind", str(downloads), DOWNLOADS]
        env = installer_env(settings, DOWNLOADS)
        if settings.certificates is not None and settings.certificates.is_file():
            env |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"), mounts.CERTIFICATES)
        self._sandbox = Sandbox(mounts=tuple(arguments), env=env, limits=limits, uid=uid, network=True)

    def run(self, arguments: tuple[str, ...], seconds: float) -> ExecResult:
        return run_in(self._sandbox, Command(argv=(UV, *arguments), seconds=seconds))


def install_arguments(python: str, plan: str) -> tuple[str, ...]:
    """The installer's arguments; copies, not links, so that nothing shares a file with the downloads."""
    files = ("-r", f"{plan}/requirements.txt", "-c", f"{plan}/constraints.txt")
    return ("pip", "install", "--python", python, "--link-mode", "copy", *files)


def uv_path() -> str:
    """The installer that the wheel `uv` brings."""
    import uv

    return uv.find_uv_bin()


def installer_env(settings: DevctlSettings, downloads: str) -> dict[str, str]:
    """What the installer sees: proxy and index, where it may write, and nothing else."""
    env = {
        "HOME": mounts.HOME,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "UV_CACHE_DIR": downloads,
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_COMPILE_BYTECODE": "1",
        **settings.installer_env,
    }
    if pip_index := settings.installer_env.get("PIP_INDEX_URL"):
        env.setdefault("UV_DEFAULT_INDEX", pip_index)
    return env


def check_installer(result: ExecResult, request: PrepareRequest, plan: DependencyPlan) -> str:
    """Return the installer's output; raises PreparationFailed when it did not succeed."""
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
    raise PreparationFailed(
        f"the dependencies of {request.tree} could not be installed (from {read})",
        log=tail,
        hint="the installer's last lines say which package is at fault",
    )


def interpreter_version(host: Path) -> str:
    """The version of a Python on this host, asked from it; raises SettingsInvalid."""
    finished = run_tool((str(host), "-I", "-S", "-c", "import platform; print(platform.python_version())"))
    if finished.exit_code != 0:
        raise SettingsInvalid(f"{host} is no working Python: {finished.text.strip()[-200:]}", "name another one")
    return finished.text.strip()


def check_python(plan: DependencyPlan, version: str, tree: Path) -> None:
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


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; other processes and threads wait."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_plan(folder: Path, plan: DependencyPlan) -> None:
    """Write what is to be installed where the installer's user can read it, whatever our umask is."""
    folder.chmod(0o755)
    for name, lines in (("requirements.txt", plan.requirements), ("constraints.txt", plan.constraints)):
        (folder / name).write_text("\n".join(lines) + "\n")
        (folder / name).chmod(0o644)


def _add_hook(venv: Path) -> None:
    """Let the environment's Python find the project in /work first."""
    for folder in (venv / "lib").glob("python*/site-packages"):
        (folder / f"{hook.NAME}.py").write_text(hook.MODULE)
        (folder / f"{hook.NAME}.pth").write_text(hook.PTH)


def _close(venv: Path) -> None:
    """Take all write permission from a tree, and give it to root where root published it."""
    for folder, _, names in os.walk(venv):
        for path in (Path(folder), *(Path(folder) / name for name in names)):
            if path.is_symlink():
                continue
            if os.geteuid() == 0:
                os.chown(path, 0, 0)
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
