"""Installing a tree's dependencies into an image of the Docker engine."""

import hashlib
import json
import logging
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from devctl import archives, mounts
from devctl.capture import MiddleCut
from devctl.dependencies import DependencyPlan, plan_dependencies
from devctl.errors import PreparationFailed
from devctl.files import Budget
from devctl.inside import hook, prelude
from devctl.preparing import (
    DOWNLOADS,
    LAYOUT,
    LOG_TAIL,
    check_installer,
    check_python,
    install_arguments,
    installer_env,
    locked,
    uv_path,
)
from devctl.records import ExecResult, Prepared, PrepareRequest
from devctl.settings import DevctlSettings
from devctl.store import Store

if TYPE_CHECKING:
    from devctl.docker_engine import Engine

log = logging.getLogger(__name__)

REPOSITORY = "devctl-prepared"
_CERTIFICATES = f"{mounts.HOME}/certificates.pem"
_UV = f"{mounts.HOME}/uv"
_VERSION = ("python3", "-c", "import platform; print(platform.python_version())")


def prepare_image(engine: "Engine", settings: DevctlSettings, store: Store, request: PrepareRequest) -> Prepared:
    """Install a tree's dependencies into an image, or find it; raises PreparationFailed."""
    from devctl.docker_engine import container_name

    image = choose_image(engine, settings, request)
    plan = plan_dependencies(request.tree, request.packages)
    digest = plan.digest("docker", LAYOUT, engine.ensure_image(image))
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
            return _install(Installation(engine, name, settings, request, plan), digest, location)
        finally:
            engine.remove(name)


class Installation:
    """One run of the installer in a container."""

    def __init__(
        self,
        engine: "Engine",
        name: str,
        settings: DevctlSettings,
        request: PrepareRequest,
        plan: DependencyPlan,
    ) -> None:
        self.engine = engine
        self.name = name
        self.settings = settings
        self.request = request
        self.plan = plan
        self.env = installer_env(settings, DOWNLOADS) | {"UV_NO_CACHE": "1"}
        path = engine.variables(choose_image(engine, settings, request)).get("PATH")
        self.env |= {"PATH": path} if path else {}
        if settings.certificates is not None:
            self.env |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"), _CERTIFICATES)

    def run(self, *argv: str) -> ExecResult:
        """Run one command in the container."""
        output = MiddleCut(self.request.limits.output_bytes)
        begin = time.monotonic()
        code = self.engine.execute(self.name, argv, self.env, output.add, self.request.limits.seconds)
        return ExecResult(
            exit_code=124 if code is None else code,
            output=output.value().decode("utf-8", "replace"),
            timed_out=code is None,
            truncated=output.omitted > 0,
            seconds=time.monotonic() - begin,
        )

    def upload(self, files: dict[str, bytes]) -> None:
        """Put files where the installer's user can read them."""
        from devctl.docker_engine import UID

        self.engine.upload(self.name, mounts.HOME, archives.of_bytes(files, UID))


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
    text = path.read_text(encoding="utf-8")
    strings_or_comments = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
    bare = strings_or_comments.sub(lambda match: match[1] or "", text)
    commas = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.DOTALL)
    try:
        found = json.loads(commas.sub(lambda match: match[1] or "", bare))
    except ValueError as error:
        raise PreparationFailed(f"{path} cannot be read: {error}", log=str(error), hint="correct it") from error
    return found if isinstance(found, dict) else {}


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


def _install(work: Installation, digest: str, location: str) -> Prepared:
    begin = time.monotonic()
    version = work.run(*_VERSION)
    python: str | None = f"{prelude.VENV}/bin/python"
    output = ""
    if version.exit_code != 0:
        if work.request.packages or work.plan.requirements:
            raise PreparationFailed(
                "the image has no python3", log=version.output, hint="name an image with Python in it"
            )
        python = None
    else:
        check_python(work.plan, version.output.strip(), work.request.tree)
        output = _install_packages(work)
    prepared = Prepared(
        digest=digest, backend="docker", location=location, python=python,
        log=output[-LOG_TAIL:], seconds=round(time.monotonic() - begin, 3),
    )  # fmt: skip
    work.engine.commit(work.name, REPOSITORY, digest, {"devctl.prepared": prepared.model_dump_json()})
    return prepared


def _install_packages(work: Installation) -> str:
    from devctl.docker_engine import UID

    work.upload({"requirements.txt": _lines(work.plan.requirements), "constraints.txt": _lines(work.plan.constraints)})
    if work.settings.certificates is not None and work.settings.certificates.is_file():
        work.upload({"certificates.pem": work.settings.certificates.read_bytes()})
    with archives.of_path(Path(uv_path()).resolve(), ("uv",), UID, Budget(512)) as program:
        work.engine.upload(work.name, mounts.HOME, program)
    work.engine.upload(work.name, "/opt/devctl", archives.of_folders(("venv", "downloads"), UID))
    plan, request = work.plan, work.request
    output = check_installer(
        work.run(_UV, "venv", "--allow-existing", "--python", "python3", prelude.VENV), request, plan
    )
    _add_hook(work)
    if plan.requirements:
        arguments = install_arguments(f"{prelude.VENV}/bin/python", mounts.HOME)
        output += check_installer(work.run(_UV, *arguments), request, plan)
    work.run("sh", "-c", f"rm -rf {mounts.HOME}/* {mounts.HOME}/.[!.]* {DOWNLOADS}/*")
    return output


def _add_hook(work: Installation) -> None:
    from devctl.docker_engine import UID

    found = work.run(f"{prelude.VENV}/bin/python", "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])")
    files = {f"{hook.NAME}.py": hook.MODULE.encode(), f"{hook.NAME}.pth": hook.PTH.encode()}
    work.engine.upload(work.name, found.output.strip(), archives.of_bytes(files, UID))


def _lines(lines: tuple[str, ...]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
