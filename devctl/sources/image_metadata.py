"""What an image says of itself in its label `devcontainer.metadata`, taken into the environment that is made of it.

The label holds one object of devcontainer.json's keys, or a list of them: of the image and of each feature that was
built into it. It is read when the image is on its host, after the launch was allowed; so nothing of it is followed
that would widen what was allowed: not the user root, mounts, entrypoints or requirements. Those become notes.
"""

from collections.abc import Mapping
from pathlib import Path

from devctl import jsonc
from devctl.errors import SourceInvalid
from devctl.fleet.records import EnvironmentSpec, Lifecycle, LifecycleGroup, Moment
from devctl.hosts.engine import IMAGE_METADATA, is_root
from devctl.sources.devcontainer import DevContainer, read_devcontainer
from devctl.sources.fields import LARGEST, Document
from devctl.sources.fitting import merge_customizations, port_labels
from devctl.sources.lifecycle_commands import INSIDE
from devctl.sources.variables import Variables

_MINE = ("id", "entrypoint", "init")


def follow_image(spec: EnvironmentSpec, labels: Mapping[str, str]) -> EnvironmentSpec:
    """The spec with what the image's label says laid under it; a label that cannot be read becomes a note."""
    text = labels.get(IMAGE_METADATA, "").strip()
    if not text:
        return spec
    try:
        layers, notes = _layers(spec, text)
    except SourceInvalid as error:
        return _noted(spec, [f"the image's label {IMAGE_METADATA} was left out: {error}"])
    users = [layer.remote_user or layer.container_user for layer in layers]
    user = next((user for user in reversed(users) if user), None)
    if spec.user is None and is_root(user):
        notes.append("the image asks for the user root: ask for it with --user root")
        user = None
    return _noted(
        spec.model_copy(
            update={
                "user": spec.user or user,
                "env": _over(*(layer.container_env for layer in layers), spec.env),
                "remote_env": {**_over_all(layers), **spec.remote_env},
                "ports": tuple(dict.fromkeys((*(port for layer in layers for port in layer.ports), *spec.ports))),
                "labels": _over(*(port_labels(layer) for layer in layers), spec.labels),
                "lifecycle": _lifecycle(layers, spec.lifecycle),
                "customizations": merge_customizations(
                    *(layer.customizations for layer in layers), spec.customizations
                ),
            }
        ),
        [*notes, *_wider(spec, layers)],
    )


def _layers(spec: EnvironmentSpec, text: str) -> tuple[list[DevContainer], list[str]]:
    """The objects of the label in their order, and what of them is not done. Raises SourceInvalid."""
    place = Path(f"label {IMAGE_METADATA} of {spec.image}")
    if len(text) > LARGEST:
        raise SourceInvalid(f"it has more than {LARGEST} characters", "")
    try:
        root = jsonc.parse(text)
    except jsonc.JsoncInvalid as error:
        raise SourceInvalid(f"line {error.line}, column {error.column}: {error.problem}", "") from error
    document = Document(place, text, root)
    layers: list[DevContainer] = []
    notes: dict[str, None] = {}
    for node in root.elements if root.kind == "array" else (root,):
        if node.kind != "object":
            raise document.wrong(node, "the label holds objects")
        variables = Variables(None, spec.workdir, {}, place)
        layer = read_devcontainer(Document(place, text, node), variables, known=_MINE)
        layers.append(layer)
        notes |= dict.fromkeys(
            f"of the image's label {IMAGE_METADATA}: {note}" for note in (*layer.notes, *variables.notes)
        )
        if (entrypoint := node.get("entrypoint")) is not None and entrypoint.scalar:
            notes[f"the image's entrypoint {entrypoint.scalar} was left out: it would run as root"] = None
    return layers, list(notes)


def _wider(spec: EnvironmentSpec, layers: list[DevContainer]) -> list[str]:
    """Words for what the image asks for that only the person may grant."""
    notes = [
        f"the image asks for a {mount.kind} at {mount.target}, which was left out: ask for it with --mount"
        for layer in layers
        for mount in layer.mounts
    ]
    for word, option, wanted, given in (
        ("cores", "--cpus", max((layer.requirements.cpus or 0 for layer in layers), default=0), spec.limits.cpus),
        (
            "MiB of memory",
            "--memory-mb",
            max((layer.requirements.memory_mb or 0 for layer in layers), default=0),
            spec.limits.memory_mb,
        ),
    ):
        if wanted > given:
            notes.append(f"the image asks for {wanted:g} {word} and got {given:g}: ask for more with {option}")
    if spec.gpu.want == "none" and any(layer.requirements.gpu.want != "none" for layer in layers):
        notes.append("the image asks for a GPU: ask for it with --gpu")
    return notes


def _lifecycle(layers: list[DevContainer], own: Lifecycle) -> Lifecycle:
    """The image's commands of each moment before the source's; what is there already is not run twice."""

    def groups(moment: Moment) -> tuple[LifecycleGroup, ...]:
        there: tuple[LifecycleGroup, ...] = getattr(own, moment)
        before = [layer.commands[moment] for layer in layers if moment in layer.commands]
        return (*(group for group in before if group not in there), *there)

    return own.model_copy(update={moment: groups(moment) for moment in INSIDE})


def _over(*layers: Mapping[str, str]) -> dict[str, str]:
    return {key: value for layer in layers for key, value in layer.items()}


def _over_all(layers: list[DevContainer]) -> dict[str, str | None]:
    return {key: value for layer in layers for key, value in layer.remote_env.items()}


def _noted(spec: EnvironmentSpec, notes: list[str]) -> EnvironmentSpec:
    return spec.model_copy(update={"notes": tuple(dict.fromkeys((*spec.notes, *notes)))})
