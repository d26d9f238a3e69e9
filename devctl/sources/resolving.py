"""From a SOURCE to an environment to launch: what it is, what is built for it and what is copied into it."""

import re
from contextlib import ExitStack
from pathlib import Path

from pydantic import ValidationError

from devctl.errors import SourceInvalid
from devctl.fleet.records import NAME, EnvironmentSpec
from devctl.settings import DevctlSettings
from devctl.sources.cloning import clone
from devctl.sources.devcontainer import DevContainer, read_devcontainer
from devctl.sources.features import Feature, write_context
from devctl.sources.fetching import Features, drop, scratch_folder
from devctl.sources.fields import read_document
from devctl.sources.finding import Found, find_config, is_image, name_from, recognise, within, workspace_of
from devctl.sources.fitting import as_spec, override
from devctl.sources.records import BuildPlan, Clone, EngineFacts, Overrides, Resolved
from devctl.sources.variables import Variables

WORKDIR = "/work"


def resolve(
    text: str,
    *,
    name: str | None = None,
    overrides: Overrides | None = None,
    settings: DevctlSettings,
    engine_facts: EngineFacts | None = None,
) -> Resolved:
    """Say what a SOURCE comes to; nothing is built or launched, a git address is cloned.

    The result is a context manager: what was cloned or fetched is removed with it, so it is to be kept until the
    environment runs. Raises SourceInvalid, with file, line and column where a file is wrong, and CloneFailed.
    """
    overrides = overrides or Overrides()
    facts = engine_facts or EngineFacts(default_image=settings.docker_image)
    with ExitStack() as cleanup:
        resolver = _Resolver(text, overrides, settings, facts, cleanup)
        found = recognise(text)
        resolved = resolver.resolve(found, checked_name(name) if name else None)
        cleanup.pop_all()  # from here on the result removes them
        return resolved


def checked_name(name: str) -> str:
    """The name, where it can be one; raises SourceInvalid."""
    if not re.fullmatch(NAME, name):
        raise SourceInvalid(
            f"{name!r} cannot be a name", "take small letters, digits and dashes, 48 at most, and no dash in front"
        )
    return name


class _Resolver:
    def __init__(
        self, text: str, overrides: Overrides, settings: DevctlSettings, facts: EngineFacts, cleanup: ExitStack
    ) -> None:
        self._text = text
        self._overrides = overrides
        self._settings = settings
        self._facts = facts
        self._cleanup = cleanup
        self._temporary: list[Path] = []

    def resolve(self, found: Found, name: str | None) -> Resolved:
        """Resolve what was recognised."""
        overrides = self._overrides
        cloned: Clone | None = None
        tree, config, build = found.path, None, None
        if found.kind == "git":
            cloned = clone(found.address, found.ref, self._settings)
            self._keep(cloned.folder.parent)
            tree = cloned.folder
        if found.kind == "devcontainer" and found.path is not None:
            config, tree = found.path, workspace_of(found.path)
        elif found.kind == "dockerfile" and found.path is not None:
            tree = found.path.parent
            build = BuildPlan(context=tree, dockerfile=found.path)
        elif found.kind in ("folder", "git") and tree is not None:
            config = find_config(tree, overrides.config)
            if config is None and (tree / "Dockerfile").is_file():
                build = BuildPlan(context=tree, dockerfile=within(tree, tree / "Dockerfile"))
        named = name or name_from(found.address.rpartition("/")[2].partition(":")[0] if tree is None else tree.name)
        source = self._text if found.path is None else str(found.path)
        spec = EnvironmentSpec(name=named, image="", source=source, notes=found.notes, workdir=WORKDIR)
        if config is not None and tree is not None:
            spec, build = self._follow(spec, config, tree)
        if found.kind == "image":
            spec = spec.model_copy(update={"image": found.address})
        return self._finish(found, spec, build, None if found.kind == "image" else tree, cloned, config)

    def _finish(
        self,
        found: Found,
        spec: EnvironmentSpec,
        build: BuildPlan | None,
        tree: Path | None,
        cloned: Clone | None,
        config: Path | None,
    ) -> Resolved:
        overrides = self._overrides
        if overrides.image is not None:
            spec, build = spec.model_copy(update={"image": _checked_image(overrides.image)}), None
        elif build is None and not spec.image:
            spec = spec.model_copy(update={"image": self._facts.default_image})
        spec = override(spec, overrides, self._facts)
        try:
            spec = EnvironmentSpec.model_validate(spec.model_dump())
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise SourceInvalid(f"{where} is {problem.get('input')!r}: {problem['msg']}", "correct it") from error
        return Resolved(
            kind=found.kind,
            spec=spec,
            build=build,
            tree=tree,
            clone=cloned,
            config=config,
            temporary=tuple(self._temporary),
        )

    def _follow(self, spec: EnvironmentSpec, config: Path, tree: Path) -> tuple[EnvironmentSpec, BuildPlan | None]:
        """Follow a devcontainer.json."""
        variables = Variables(tree, spec.workdir, self._settings.local_env, config)
        container = read_devcontainer(read_document(config), variables)
        build = _build_of(container, tree)
        features: list[Feature] = []
        if container.features:
            scratch = scratch_folder(self._settings.folder)
            self._keep(scratch)
            finder = Features(tree, config.parent, scratch, variables)
            features = finder.find(container.features, container.feature_order)
            build = self._with_features(container, features, build, scratch)
        image = "" if build is not None else _checked_image(container.image or self._facts.default_image)
        spec = as_spec(spec.model_copy(update={"image": image}), container, features, tree, self._overrides)
        return spec.model_copy(update={"notes": tuple(dict.fromkeys((*spec.notes, *variables.notes)))}), build

    def _with_features(
        self, container: DevContainer, features: list[Feature], base: BuildPlan | None, scratch: Path
    ) -> BuildPlan:
        context = scratch / "context"
        context.mkdir()
        image = None if base is not None else _checked_image(container.image or self._facts.default_image)
        user = container.remote_user or container.container_user
        dockerfile = write_context(features, image, context, user)
        return BuildPlan(context=context, dockerfile=dockerfile, base=base)

    def _keep(self, folder: Path) -> None:
        self._temporary.append(folder)
        self._cleanup.callback(drop, folder)


def _build_of(container: DevContainer, tree: Path) -> BuildPlan | None:
    section = container.build
    if section is None:
        return None
    beside = container.file.parent
    dockerfile = within(tree, beside / section.dockerfile)
    context = within(tree, beside / section.context)
    if not dockerfile.is_file() or not context.is_dir():
        raise SourceInvalid(f"{container.file}: the build's dockerfile or context is of the wrong kind", "check both")
    return BuildPlan(
        context=context,
        dockerfile=dockerfile,
        args=section.args,
        target=section.target,
        cache_from=section.cache_from,
    )


def _checked_image(image: str) -> str:
    if not is_image(image):
        raise SourceInvalid(f"{image!r} is no name of an image", "write it as registry/name:tag")
    return image
