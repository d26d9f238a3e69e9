"""Features of devcontainer.json: their metadata, their order, and the Dockerfile that installs them."""

import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from devctl.errors import SourceInvalid
from devctl.fleet.records import LifecycleGroup, Moment, Mount
from devctl.records import Record
from devctl.sources.devcontainer import FeatureWish
from devctl.sources.fields import Fields, read_document
from devctl.sources.lifecycle_commands import read_commands
from devctl.sources.mounting import read_mounts
from devctl.sources.variables import Variables

METADATA, SCRIPT = "devcontainer-feature.json", "install.sh"
_WIDER = {
    "privileged": "the container stays unprivileged",
    "capAdd": "no capability is added",
    "securityOpt": "the security options stay devctl's own",
}
_SILENT = (
    *("id", "version", "name", "description", "documentationURL", "licenseURL", "keywords", "init", "deprecated"),
    *("$schema", "options", "initializeCommand"),
)


class Feature(Record):
    """A feature whose files are at hand."""

    reference: str
    """As it was asked for."""
    id: str
    folder: Path
    options: dict[str, str]
    """The variables that its script sees."""
    aliases: tuple[str, ...] = ()
    """Names by which others may ask to be installed after it."""
    depends_on: tuple[FeatureWish, ...] = ()
    installs_after: tuple[str, ...] = ()
    container_env: dict[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    entrypoint: str | None = None
    commands: dict[Moment, LifecycleGroup] = {}
    customizations: dict[str, JsonValue] = {}
    notes: tuple[str, ...] = ()


def read_feature(wish: FeatureWish, folder: Path, variables: Variables) -> Feature:
    """Read a feature's folder and fit the options to it; raises SourceInvalid."""
    if not (folder / SCRIPT).is_file():
        raise SourceInvalid(f"the feature {wish.reference} has no {SCRIPT}", f"add {folder / SCRIPT}")
    document = read_document(folder / METADATA)
    fields = Fields(document, document.root, variables.fill)
    identity = fields.string("id")
    if identity is None:
        raise fields.wrong("id", "the feature has no id")
    options, notes = _options(fields, wish)
    customizations = fields.value("customizations")
    depends = fields.find("dependsOn", "object")
    found = Feature(
        reference=wish.reference,
        id=identity,
        folder=folder,
        options=options,
        aliases=(base_of(wish.reference), identity, *fields.strings("legacyIds")),
        depends_on=tuple(
            FeatureWish(reference=str(key.scalar), options=_given(value.value())) for key, value in depends.members()
        )
        if depends
        else (),
        installs_after=fields.strings("installsAfter"),
        container_env={name: value or "" for name, value in fields.texts("containerEnv", str).items()},
        mounts=read_mounts(fields, "mounts"),
        entrypoint=fields.string("entrypoint"),
        commands=read_commands(fields, identity),
        customizations=customizations if isinstance(customizations, dict) else {},
    )
    for key, why in _WIDER.items():
        node = fields.find(key)
        if node is not None and node.scalar is not False:
            notes.append(f"the feature {identity} asks for {key}, which was left out: {why}")
    fields.asked.update(_SILENT)
    notes += [f"{key} of the feature {identity} was left out: devctl does not know it" for key in fields.rest()]
    return found.model_copy(update={"notes": tuple(notes)})


def _given(value: JsonValue) -> dict[str, str | bool]:
    if isinstance(value, str):
        return {"version": value}
    return {k: v for k, v in value.items() if isinstance(v, str | bool)} if isinstance(value, dict) else {}


def _options(fields: Fields, wish: FeatureWish) -> tuple[dict[str, str], list[str]]:
    """The options as variables: what was given, else the defaults."""
    declared = fields.fields("options")
    values: dict[str, str] = {}
    for key, node in declared.node.members() if declared else ():
        default = node.get("default")
        values[variable_of(str(key.scalar))] = fields.text(default) if default and default.kind != "null" else ""
    notes = []
    for name, value in wish.options.items():
        if variable_of(name) not in values and name != "version":
            notes.append(f"the feature {wish.reference} has no option {name!r}; its script sees it all the same")
        values[variable_of(name)] = str(value).lower() if isinstance(value, bool) else value
    return values, notes


def variable_of(option: str) -> str:
    """The variable in which a script finds an option."""
    return re.sub(r"^[\d_]+", "_", re.sub(r"\W", "_", option, flags=re.ASCII)).upper()


def base_of(reference: str) -> str:
    """A reference without its version or digest."""
    bare = reference.partition("@")[0]
    head, colon, tail = bare.rpartition(":")
    return head.lower() if colon and "/" not in tail else bare.lower()


def in_order(features: Sequence[Feature], wanted: Sequence[str] = ()) -> list[Feature]:
    """The features so that each comes after what it depends on or installs after; ``wanted`` come first where that
    leaves a choice. Raises SourceInvalid for a circle.
    """
    left, done = list(features), list[Feature]()
    rank = {base_of(reference): index for index, reference in enumerate(wanted)}
    while left:
        ready = [
            feature for feature in left if not any(_waits(feature, other) for other in left if other is not feature)
        ]
        if not ready:
            names = ", ".join(feature.id for feature in left)
            raise SourceInvalid(
                f"the features {names} wait for each other", "take one of installsAfter or dependsOn out"
            )
        best = min(ready, key=lambda feature: min((rank.get(name, len(rank)) for name in feature.aliases), default=0))
        left.remove(best)
        done.append(best)
    return done


def _waits(feature: Feature, other: Feature) -> bool:
    names = {base_of(name) for name in (*feature.installs_after, *(wish.reference for wish in feature.depends_on))}
    return any(base_of(alias) in names for alias in other.aliases) or other.id in {
        name.rpartition("/")[2] for name in names
    }


def write_context(features: Sequence[Feature], base: str | None, folder: Path, user: str | None) -> Path:
    """Lay out a build context that installs the features in their order; returns its Dockerfile.

    ``base`` is the image to begin with; None takes the build argument DEVCTL_BASE.
    """
    lines = [f"FROM {base}"] if base else ["ARG DEVCTL_BASE", "FROM ${DEVCTL_BASE}"]
    lines.append("USER root")
    for index, feature in enumerate(features):
        name = f"{index:02}-{re.sub(r'[^a-z0-9-]', '-', feature.id.lower())[:40]}"
        shutil.copytree(feature.folder, folder / name, symlinks=True)
        (folder / name / "devcontainer-features.env").write_text(_variables(feature, user), encoding="utf-8")
        inside = f"/tmp/devctl-features/{name}"  # noqa: S108 - inside the image
        lines += [
            f"ENV {_name(feature, key)}={_quoted(feature, value)}" for key, value in feature.container_env.items()
        ]
        lines.append(f"COPY {name} {inside}")
        lines.append(
            f"RUN cd {inside} && chmod +x {SCRIPT} && set -a && . ./devcontainer-features.env && set +a"
            f" && ./{SCRIPT} && rm -rf {inside}"
        )
    if user:
        lines.append(f"USER {user}")
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return dockerfile


def _variables(feature: Feature, user: str | None) -> str:
    """The shell lines that a script's variables are read from."""
    name = shlex.quote(user or "root")
    lines = [f"{key}={shlex.quote(value)}" for key, value in feature.options.items()]
    for prefix in ("_REMOTE_USER", "_CONTAINER_USER"):
        lines.append(f"{prefix}={name}")
        lines.append(f'{prefix}_HOME="$(getent passwd {name} | cut -d: -f6)"')
    return "\n".join(lines) + "\n"


def _name(feature: Feature, key: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
        raise SourceInvalid(f"containerEnv of the feature {feature.id} has the name {key!r}", "take letters and digits")
    return key


def _quoted(feature: Feature, value: str) -> str:
    """A value as a Dockerfile's ENV takes it; `${PATH}` in it stays a variable."""
    if "\n" in value or "\r" in value:
        raise SourceInvalid(f"containerEnv of the feature {feature.id} holds a line break", "write it on one line")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
