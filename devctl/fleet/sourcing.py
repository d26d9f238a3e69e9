"""From a source, as a person writes it, to an environment that runs: resolved, built, launched."""

from devctl.errors import SourceInvalid
from devctl.fleet.fleet import Fleet
from devctl.fleet.lifecycle import Progress
from devctl.fleet.records import EnvironmentRecord, User
from devctl.hosts.local import LOCAL
from devctl.settings import DevctlSettings
from devctl.sources import BASE_ARGUMENT, BuildPlan, EngineFacts, Overrides, Resolved, resolve

_BUILT_BEFORE = "devctl-built-before"
"""Stands for the image that a plan's own base is built to."""


def up_from_source(
    fleet: Fleet, settings: DevctlSettings, user: User, source: str, *, name: str | None = None,
    overrides: Overrides | None = None, command: tuple[str, ...] = (), progress: Progress | None = None,
) -> EnvironmentRecord:  # fmt: skip
    """Make an environment of an image, a Dockerfile, a devcontainer.json, a folder or a git address.

    `command` becomes its main process. Raises SourceInvalid, CloneFailed, and what `Fleet.up` raises.
    """
    facts = EngineFacts(default_image=fleet.default_image(settings))
    with resolve(source, name=name, overrides=overrides, settings=settings, engine_facts=facts) as resolved:
        spec = resolved.spec
        if resolved.build is not None:
            fleet.parts.admission.foresee(user, spec)  # no image is built for what is refused in the end
            image = build_image(fleet, settings, user, resolved, progress or (lambda _words: None))
            spec = spec.model_copy(update={"image": image})
        if command:
            spec = spec.model_copy(update={"command": command})
        return fleet.up(user, spec, resolved.tree, progress)


def build_image(fleet: Fleet, settings: DevctlSettings, user: User, resolved: Resolved, progress: Progress) -> str:
    """Build the image of a source on the host that is asked for, or on this machine's own engine; returns its tag.

    The policy is asked for each image that it builds on. Raises LaunchRefused, BuildRefused and BuildFailed.
    """
    from devctl.builder import BuildOptions, BuildStep, open_builder
    from devctl.builder.admitted import decide_bases

    if resolved.build is None:
        return resolved.spec.image

    def told(step: BuildStep) -> None:
        if step.state in ("started", "cached", "failed"):
            progress(f"build {step.name}{'' if step.state == 'started' else f' ({step.state})'}")

    bases = _bases(resolved.build)
    host = fleet.parts.hosts.describe(resolved.spec.host or LOCAL)
    with open_builder(settings, host) as builder:
        decide_bases(fleet.parts.admission, builder, user, resolved.spec.name, bases)
        return builder.build(resolved.build, told, BuildOptions(owner=user.name)).tag


def _bases(plan: BuildPlan) -> tuple[str, ...]:
    """The images that a plan begins with, those of the plan before it too; raises SourceInvalid."""
    from devctl.builder.digest import bases_of

    before = _bases(plan.base) if plan.base is not None else ()
    given = {BASE_ARGUMENT: _BUILT_BEFORE, **plan.args} if plan.base is not None else plan.args
    try:
        found = bases_of(plan.dockerfile.read_bytes(), given)
    except OSError as error:
        raise SourceInvalid(f"{plan.dockerfile} cannot be read: {error.strerror}", "check the file") from error
    return (*before, *(base for base in found if base != _BUILT_BEFORE))
