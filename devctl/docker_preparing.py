"""Installing a tree's dependencies into an image of the Docker engine."""

import hashlib
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devctl import archives, jsonc, mounts
from devctl.capture import MiddleCut
from devctl.ecosystems.catalogue import ecosystem_named, plan_tree
from devctl.ecosystems.python import uv_path
from devctl.ecosystems.records import Plan, Seen, Step
from devctl.ecosystems.toolchain import ToolchainMissing
from devctl.errors import PreparationFailed
from devctl.files import Budget
from devctl.inside import prelude
from devctl.installers import common_env
from devctl.locks import locked
from devctl.preparing import (
    LAYOUT,
    LOG_TAIL,
    check_python,
    part_of,
    parts_digest,
    prepare_parts,
    prepared_of,
    run_steps,
)
from devctl.records import WORKDIR, ExecResult, Part, Prepared, PrepareRequest
from devctl.settings import DevctlSettings
from devctl.store import Store

if TYPE_CHECKING:
    from devctl.docker_engine import Engine

log = logging.getLogger(__name__)

REPOSITORY = "devctl-prepared"
_CERTIFICATES = f"{mounts.HOME}/certificates.pem"
_VERSION = ("python3", "-c", "import platform; print(platform.python_version())")
_FIND = 'for name; do command -v "$name" >/dev/null || { echo "$name"; exit 3; }; done'
_MOVE = 'result=$1; shift; while [ $# -gt 0 ]; do mkdir -p "$(dirname "$2")"; mv "$result/$1" "$2"; shift 2; done'
_CLEAR = f"rm -rf {mounts.HOME}/* {mounts.HOME}/.[!.]* {mounts.DOWNLOADS}/* {mounts.PLAN}/*"


def prepare_image(engine: "Engine", settings: DevctlSettings, store: Store, request: PrepareRequest) -> Prepared:
    """Install a tree's dependencies into an image, or find it; raises PreparationFailed."""
    from devctl.docker_engine import container_name

    image = choose_image(engine, settings, request)
    plans = plan_tree(request.tree, request.packages)
    base = engine.ensure_image(image)
    digest = parts_digest([plan.digest("docker", LAYOUT, base) for plan in plans])
    location = f"{REPOSITORY}:{digest}"
    folder = store.home / "prepared"
    folder.mkdir(exist_ok=True, mode=0o700)
    with locked(folder / f"{digest}.lock"):
        labels = engine.labels(location)
        if labels is not None and "devctl.prepared" in labels:
            return Prepared.model_validate_json(labels["devctl.prepared"])
        name = container_name(f"prepare-{digest[:12]}")
        engine.remove(name)
        engine.create(name, image, request.limits, settings.docker_prepare_network, {})
        try:
            return _install(engine, name, settings, request, plans, location)
        finally:
            engine.remove(name)


class ContainerInstaller:
    """Runs the steps of one ecosystem's installation in a container."""

    def __init__(
        self, engine: "Engine", name: str, settings: DevctlSettings, request: PrepareRequest, ecosystem: str
    ) -> None:
        trusted = settings.certificates is not None and settings.certificates.is_file()
        self.engine = engine
        self.name = name
        self.settings = settings
        self.request = request
        self.seen = Seen(
            plan=f"{mounts.PLAN}/{ecosystem}",
            result=mounts.result_place(ecosystem),
            downloads=f"{mounts.DOWNLOADS}/{ecosystem}",
            home=mounts.HOME,
            certificates=_CERTIFICATES if trusted else None,
        )
        path = engine.variables(choose_image(engine, settings, request)).get("PATH", "/usr/local/bin:/usr/bin:/bin")
        self._env = common_env(settings, self.seen, f"{mounts.HOME}/bin:{path}")

    def lay_out(self, plan: Plan) -> None:
        """Put the plan's files and our own programs where the installer's user can read them."""
        from devctl.docker_engine import UID

        if self.seen.certificates is not None and self.settings.certificates is not None:
            self.upload(mounts.HOME, {"certificates.pem": self.settings.certificates.read_bytes()})
        if plan.ecosystem == "python":
            with archives.of_path(Path(uv_path()).resolve(), ("bin", "uv"), UID, Budget(512)) as program:
                self.engine.upload(self.name, mounts.HOME, program)
        folders = [self.seen.plan, self.seen.result, self.seen.downloads, mounts.DOWNLOADS, mounts.PLAN, mounts.PARTS]
        files = {**plan.more, **plan.files}
        inner = {str(parent) for path in files for parent in Path(path).parents if str(parent) != "."}
        folders += [f"{self.seen.plan}/{path}" for path in inner]
        self.engine.upload(
            self.name, "/", archives.of_folders(sorted(folder.removeprefix("/") for folder in folders), UID)
        )
        self.upload(self.seen.plan, files)

    def upload(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Put files into a folder of the container."""
        from devctl.docker_engine import UID

        self.engine.upload(self.name, folder, archives.of_bytes(files, UID))

    def run(self, step: Step, env: Mapping[str, str]) -> ExecResult:
        """Run one step; one that must be without network is left out, for a container has it all the time."""
        if not step.network:
            return ExecResult(exit_code=0, output="", timed_out=False, truncated=False, seconds=0)
        output = MiddleCut(self.request.limits.output_bytes)
        begin = time.monotonic()
        argv = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", f"{self.seen.result}/{step.cwd}", *step.argv)
        limit = self.request.limits.seconds
        code = self.engine.execute(self.name, argv, {**self._env, **env}, output.add, limit)
        return ExecResult(
            exit_code=124 if code is None else code,
            output=output.value().decode("utf-8", "replace"),
            timed_out=code is None,
            truncated=output.omitted > 0,
            seconds=time.monotonic() - begin,
        )


def choose_image(engine: "Engine", settings: DevctlSettings, request: PrepareRequest) -> str:
    """The image a tree wants: the request's, devcontainer.json's, its Dockerfile's, or the default."""
    if request.image is not None:
        return request.image
    for folder in (request.tree / ".devcontainer", request.tree):
        for name in ("devcontainer.json", ".devcontainer.json"):
            if (path := folder / name).is_file():
                return _devcontainer_image(engine, path, request.tree) or settings.docker_image
    if (request.tree / "Dockerfile").is_file():
        return _built(engine, request.tree, request.tree / "Dockerfile")
    return settings.docker_image


def read_devcontainer(path: Path) -> dict[str, object]:
    """Read a devcontainer.json, which may hold comments and trailing commas; raises PreparationFailed."""
    try:
        found = jsonc.parse(path.read_text(encoding="utf-8")).value()
    except (jsonc.JsoncInvalid, UnicodeDecodeError) as error:
        raise PreparationFailed(f"{path} cannot be read: {error}", log=str(error), hint="correct it") from error
    return dict(found) if isinstance(found, dict) else {}


def _devcontainer_image(engine: "Engine", path: Path, tree: Path) -> str | None:
    settings = read_devcontainer(path)
    if isinstance(image := settings.get("image"), str):
        return image
    build = settings.get("build")
    dockerfile = build.get("dockerfile") if isinstance(build, dict) else settings.get("dockerFile")
    if isinstance(dockerfile, str):
        return _built(engine, tree, path.parent / dockerfile)
    return None


def _built(engine: "Engine", tree: Path, dockerfile: Path) -> str:
    """Build the tree's Dockerfile under a tag of its text."""
    resolved = dockerfile.resolve()
    if not resolved.is_relative_to(tree.resolve()) or not resolved.is_file():
        raise PreparationFailed(f"{dockerfile} is not a file of the tree", log="", hint="correct its path")
    tag = f"devctl-image:{hashlib.sha256(resolved.read_bytes()).hexdigest()[:32]}"
    if engine.labels(tag) is None:
        engine.build(tree, str(resolved.relative_to(tree.resolve())), tag)
    return tag


def _install(
    engine: "Engine",
    name: str,
    settings: DevctlSettings,
    request: PrepareRequest,
    plans: tuple[Plan, ...],
    location: str,
) -> Prepared:
    digest = location.rpartition(":")[2]
    parts, notes = prepare_parts(
        plans, lambda plan: _part(ContainerInstaller(engine, name, settings, request, plan.ecosystem), plan, digest)
    )
    last = ContainerInstaller(engine, name, settings, request, "python")
    last.run(Step(argv=("sh", "-c", _CLEAR)), {})
    for part in parts:
        _give(last, part)
    has_python = any(part.ecosystem == "python" and part.location for part in parts)
    python = f"{prelude.VENV}/bin/python" if has_python else None
    prepared = prepared_of(parts, notes, backend="docker", location=location, python=python, digest=digest)
    engine.commit(name, REPOSITORY, digest, {"devctl.prepared": prepared.model_dump_json()})
    return prepared


def _part(work: ContainerInstaller, plan: Plan, digest: str) -> Part:
    begin = time.monotonic()
    ecosystem = ecosystem_named(plan.ecosystem)
    work.lay_out(plan)
    if lacking := _lacking(work, ecosystem.programs):
        if plan.ecosystem == "python" and not plan.packages:
            return Part(ecosystem=plan.ecosystem, digest=digest, location="")
        raise ToolchainMissing(
            f"the image has no {lacking}, and the tree needs it for {plan.ecosystem}", log="", hint=ecosystem.how
        )
    if plan.ecosystem == "python":
        check_python(plan, work.run(Step(argv=_VERSION), {}).output.strip(), work.request.tree)
    output, fitting = run_steps(ecosystem, plan, work, work.settings, work.request)
    update = {"log": output[-LOG_TAIL:], "seconds": round(time.monotonic() - begin, 3)}
    return part_of(plan, fitting, digest, work.seen.result).model_copy(update=update)


def _lacking(work: ContainerInstaller, programs: tuple[str, ...]) -> str:
    """The first program that the image does not have."""
    found = work.run(Step(argv=("sh", "-c", _FIND, "sh", *programs)), {})
    return (found.output.strip() or " or ".join(programs)) if found.exit_code else ""


def _give(work: ContainerInstaller, part: Part) -> None:
    """Move what belongs into the work folder and the home to where environments have it."""
    moves = [(place.source, f"{WORKDIR}/{place.target}") for place in part.places]
    moves += [(seed.source, f"{mounts.HOME}/{seed.target}") for seed in part.seeds]
    words = [word for move in moves for word in move]
    work.run(Step(argv=("sh", "-euc", _MOVE, "sh", part.location, *words)), {})
