"""Fitting together what devcontainer.json, its features, the engines and the person say of one environment."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from devctl.fleet.records import Egress, EnvironmentSpec, GpuWish, KeptLimits, Lifecycle, LifecycleGroup, Moment, Mount
from devctl.sources.devcontainer import DevContainer
from devctl.sources.features import Feature
from devctl.sources.lifecycle_commands import INSIDE
from devctl.sources.mounting import refuse
from devctl.sources.records import EngineFacts, Overrides

PORT_LABEL = "devcontainer.port."
"""Labels that begin so say what portsAttributes calls a port or a range."""
INITIALIZE = "initializeCommand was left out: devctl runs nothing of a source on your machine"


def as_spec(
    spec: EnvironmentSpec,
    container: DevContainer,
    features: Sequence[Feature],
    tree: Path,
    overrides: Overrides,
) -> EnvironmentSpec:
    """The spec as a devcontainer.json and its features want it."""
    notes = [*spec.notes, *container.notes, *(note for feature in features for note in feature.notes)]
    if "initialize" in container.commands:
        notes.append(INITIALIZE)
    wanted = [*(mount for feature in features for mount in feature.mounts), *container.mounts]
    mounts = list[Mount]()
    for mount in wanted:
        if why := refuse(mount, tree, overrides.trust_mounts):
            notes.append(why)
        else:
            mounts.append(mount)
    return spec.model_copy(
        update={
            "labels": _labels(container),
            "env": {**container.container_env, **container.run_args.env},
            "remote_env": container.remote_env,
            "limits": _limits(container),
            "mounts": tuple(_by_target(mounts)),
            "ports": tuple(dict.fromkeys((*container.ports, *container.run_args.ports))),
            "user": container.remote_user or container.container_user,
            "workdir": container.workdir,
            "gpu": _gpu(container),
            "lifecycle": _lifecycle(container, features),
            "shm_mb": container.run_args.shm_mb,
            "entrypoints": tuple(feature.entrypoint for feature in features if feature.entrypoint),
            "customizations": merge_customizations(
                *(feature.customizations for feature in features), container.customizations
            ),
            "notes": tuple(dict.fromkeys(notes)),
        }
    )


def port_labels(container: DevContainer) -> dict[str, str]:
    """What portsAttributes calls the ports, as labels of the environment."""
    return {f"{PORT_LABEL}{port}": label for port, label in container.port_labels.items()}


def _labels(container: DevContainer) -> dict[str, str]:
    labels = port_labels(container)
    if container.name:
        labels["devcontainer.name"] = container.name
    return {**labels, **container.run_args.labels}


def _limits(container: DevContainer) -> KeptLimits:
    """What runArgs sets, else the usual or what hostRequirements asks for, whichever is more."""
    usual, asked, least = KeptLimits(), container.run_args, container.requirements
    return KeptLimits(
        cpus=asked.cpus or max(usual.cpus, least.cpus or 0),
        memory_mb=asked.memory_mb or max(usual.memory_mb, least.memory_mb or 0),
        pids=asked.pids or usual.pids,
        disk_mb=max(usual.disk_mb, least.disk_mb or 0),
    )


def _gpu(container: DevContainer) -> GpuWish:
    wish = container.requirements.gpu
    return GpuWish(want="optional") if wish.want == "none" and container.run_args.gpu else wish


def _lifecycle(container: DevContainer, features: Sequence[Feature]) -> Lifecycle:
    """The commands of each moment: those of the features in their order, then the source's own."""

    def groups(moment: Moment) -> tuple[LifecycleGroup, ...]:
        holders = [*(feature.commands for feature in features), container.commands]
        return tuple(commands[moment] for commands in holders if moment in commands)

    found = {moment: groups(moment) for moment in INSIDE}
    own = container.commands.get("initialize")
    return Lifecycle(initialize=(own,) if own else (), wait_for=container.wait_for, **found)


def _by_target(mounts: Sequence[Mount]) -> list[Mount]:
    """One mount for each place; the last that was asked for wins."""
    return list({mount.target: mount for mount in mounts}.values())


def override(spec: EnvironmentSpec, wished: Overrides, facts: EngineFacts) -> EnvironmentSpec:
    """The spec with what the person asks for laid over it, and words where no engine can give what it wants."""
    given = wished.model_dump(include={"cpus", "memory_mb", "pids", "disk_mb", "seconds", "output_bytes"})
    limits = spec.limits.model_copy(update={key: value for key, value in given.items() if value is not None})
    single: dict[str, object] = {"user": wished.user, "workdir": wished.workdir, "host": wished.host, "gpu": wished.gpu}
    single["keep_until"] = wished.keep_until
    spec = spec.model_copy(
        update={
            "limits": limits,
            "labels": {**spec.labels, **wished.labels},
            "env": {**spec.env, **wished.env},
            "egress": _egress(wished),
            "secrets": wished.secrets,
            "mounts": tuple(_by_target([*spec.mounts, *wished.mounts])),
            "ports": tuple(dict.fromkeys((*spec.ports, *wished.ports))),
            **{key: value for key, value in single.items() if value is not None},
        }
    )
    return spec.model_copy(update={"notes": (*spec.notes, *_too_much(spec, facts))})


def _egress(wished: Overrides) -> Egress:
    mode = wished.egress or ("allow" if wished.domains else "none")
    return Egress(mode=mode, domains=wished.domains if mode == "allow" else ())


def _too_much(spec: EnvironmentSpec, facts: EngineFacts) -> list[str]:
    notes = []
    for word, wanted, there in (
        ("cores", spec.limits.cpus, facts.cpus),
        ("MiB of memory", spec.limits.memory_mb, facts.memory_mb),
        ("MiB of disk", spec.limits.disk_mb, facts.disk_mb),
    ):
        if there is not None and wanted > there:
            notes.append(f"it wants {wanted:g} {word}, and the largest host has {there:g}")
    if spec.gpu.want == "required" and facts.gpu is False:
        notes.append("it wants a GPU, and no host has one: it will run without")
    return notes


def merge_customizations(*layers: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Customizations one over the other: objects are merged, lists joined, anything else replaced."""
    merged: dict[str, JsonValue] = {}
    for layer in layers:
        for key, value in layer.items():
            before = merged.get(key)
            if isinstance(before, dict) and isinstance(value, dict):
                merged[key] = merge_customizations(before, value)
            elif isinstance(before, list) and isinstance(value, list):
                merged[key] = before + [item for item in value if item not in before]
            else:
                merged[key] = value
    return merged
