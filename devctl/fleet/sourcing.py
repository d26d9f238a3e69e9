"""From a source, as a person writes it, to an environment that runs: resolved, built, launched."""

import importlib.util
from pathlib import Path

from devctl.errors import LaunchFailed
from devctl.fleet.fleet import Fleet
from devctl.fleet.lifecycle import Progress
from devctl.fleet.records import EnvironmentRecord, User
from devctl.settings import DevctlSettings
from devctl.sources import BuildPlan, EngineFacts, Overrides, resolve


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
            spec = spec.model_copy(update={"image": _build(resolved.build)})
        if command:
            spec = spec.model_copy(update={"command": command})
        return fleet.up(user, spec, resolved.tree, progress)


def _build(plan: BuildPlan) -> str:
    """Build the image; the builder is a part of its own."""
    if importlib.util.find_spec("devctl.builder") is None:
        raise LaunchFailed(
            f"{Path(plan.dockerfile).name} cannot be built here: devctl has no builder", "name an image with --image"
        )
    raise LaunchFailed("the builder is not joined yet", "name an image with --image")
