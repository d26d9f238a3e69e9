"""devcontainer.json as records: every key is read, done, or put into words."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, JsonValue

from devctl import jsonc
from devctl.fleet.records import LifecycleGroup, Moment, Mount
from devctl.records import Record
from devctl.sources.fields import Document, Fields
from devctl.sources.lifecycle_commands import KEYS, read_commands
from devctl.sources.mounting import read_mounts
from devctl.sources.requirements import Requirements, read_requirements
from devctl.sources.run_args import RunArgs, read_run_args
from devctl.sources.variables import Variables

UNDONE = {
    "privileged": "the container stays unprivileged",
    "capAdd": "no capability is added",
    "securityOpt": "the security options stay devctl's own",
    "dockerComposeFile": "devctl runs one container, not a composition",
    "service": "devctl runs one container, not a composition",
    "runServices": "devctl runs one container, not a composition",
    "workspaceMount": "the source is copied into the work folder, not mounted",
    "otherPortsAttributes": "ports that are not listed are not forwarded",
    "secrets": "give them with --secret NAME=FILE",
    "extensions": "write it as customizations.vscode.extensions",
    "settings": "write it as customizations.vscode.settings",
    "devPort": "it is the editor's own affair",
}
"""Keys of the specification that are not done, and why."""

_SILENT = ("$schema", "name", "init", "overrideCommand", "shutdownAction", "userEnvProbe", "updateRemoteUserUID")


class BuildSection(Record):
    """How devcontainer.json wants its image built; paths are relative to the file."""

    dockerfile: str
    context: str = "."
    args: dict[str, str] = {}
    target: str | None = None
    cache_from: tuple[str, ...] = ()


class FeatureWish(Record):
    """A feature that is asked for, with the options that were given."""

    reference: str
    """`./folder`, `https://…/devcontainer-feature-x.tgz` or `registry/namespace/feature:version`."""
    options: dict[str, str | bool] = {}


class DevContainer(Record):
    """What a devcontainer.json asks for, its variables filled in."""

    file: Path
    name: str = ""
    image: str | None = None
    build: BuildSection | None = None
    features: tuple[FeatureWish, ...] = ()
    feature_order: tuple[str, ...] = ()
    container_env: dict[str, str] = {}
    remote_env: dict[str, str | None] = {}
    container_user: str | None = None
    remote_user: str | None = None
    mounts: tuple[Mount, ...] = ()
    workdir: str
    run_args: RunArgs = RunArgs()
    ports: tuple[int, ...] = ()
    port_labels: dict[str, str] = {}
    """Ports or ranges by what portsAttributes calls them."""
    commands: dict[Moment, LifecycleGroup] = {}
    wait_for: Moment = "update_content"
    requirements: Requirements = Requirements()
    customizations: dict[str, JsonValue] = {}
    notes: tuple[str, ...] = Field(default=())


def read_devcontainer(document: Document, variables: Variables, known: Sequence[str] = ()) -> DevContainer:
    """Read all keys; raises SourceInvalid with file, line and column for what has the wrong kind of value.

    ``known`` are keys beside the usual ones that the caller sees to, so that no note says they were left out.
    """
    fields = Fields(document, document.root, variables.fill)
    fields.asked.update(known)
    notes: list[str] = []
    if workdir := fields.string("workspaceFolder"):
        if not workdir.startswith("/"):
            raise fields.wrong("workspaceFolder", f"the workspaceFolder {workdir!r} is no absolute path")
        variables.move(workdir)
    run_args = read_run_args(fields.strings("runArgs"))
    fixed = {name: value or "" for name, value in fields.texts("containerEnv").items()}
    found = DevContainer(
        file=document.path,
        name=fields.string("name") or "",
        image=fields.string("image"),
        build=_build(fields),
        features=_features(fields),
        feature_order=fields.strings("overrideFeatureInstallOrder"),
        container_env=fixed,
        remote_env=fields.texts("remoteEnv", lambda text: variables.fill(text, container=True)),
        container_user=fields.string("containerUser") or run_args.user,
        remote_user=fields.string("remoteUser"),
        mounts=(*read_mounts(fields, "mounts"), *run_args.mounts),
        workdir=variables.fill("${containerWorkspaceFolder}"),
        run_args=run_args,
        ports=_ports(fields, notes),
        port_labels=_port_labels(fields),
        commands=read_commands(fields),
        wait_for=_wait_for(fields),
        requirements=read_requirements(fields),
        customizations=_customizations(fields),
    )
    if found.image is None and found.build is None and fields.find("dockerComposeFile") is not None:
        raise fields.wrong(
            "dockerComposeFile", "a composition of containers cannot be launched", "give an image or a build"
        )
    notes += _undone(fields)
    notes += run_args.notes
    notes += variables.notes
    return found.model_copy(update={"notes": tuple(dict.fromkeys(notes))})


def _build(fields: Fields) -> BuildSection | None:
    section = fields.fields("build")
    if section is None:
        old = fields.string("dockerFile")
        return BuildSection(dockerfile=old, context=fields.string("context") or ".") if old else None
    dockerfile = section.string("dockerfile") or fields.string("dockerFile")
    if dockerfile is None:
        raise fields.wrong("build", "the build names no dockerfile")
    arguments = section.texts("args")
    return BuildSection(
        dockerfile=dockerfile,
        context=section.string("context") or ".",
        args={name: value for name, value in arguments.items() if value is not None},
        target=section.string("target"),
        cache_from=section.strings("cacheFrom"),
    )


def _features(fields: Fields) -> tuple[FeatureWish, ...]:
    node = fields.find("features", "object")
    return tuple(
        FeatureWish(reference=str(name.scalar), options=_options(fields, str(name.scalar), value))
        for name, value in (node.members() if node else ())
    )


def _options(fields: Fields, reference: str, node: jsonc.Node) -> dict[str, str | bool]:
    """The options of a feature; a text alone is its version, true or null alone its defaults."""
    if node.kind == "string":
        return {"version": fields.text(node)}
    if node.kind in ("boolean", "null"):
        return {}
    if node.kind != "object":
        raise fields.document.wrong(node, f"the options of {reference!r} must be an object")
    found: dict[str, str | bool] = {}
    for name, value in node.members():
        if value.kind in ("object", "array"):
            raise fields.document.wrong(value, f"the option {name.scalar!r} must be a text, or true or false")
        found[str(name.scalar)] = bool(value.scalar) if value.kind == "boolean" else fields.text(value)
    return found


def _ports(fields: Fields, notes: list[str]) -> tuple[int, ...]:
    """Ports of this container; those of other hosts of a composition become notes."""
    found: list[int] = []
    for key in ("forwardPorts", "appPort"):
        node = fields.find(key, "array", "number", "string")
        for element in node.elements if node and node.kind == "array" else [node] if node else []:
            text = fields.text(element)
            host, _, port = text.rpartition(":")
            if not port.isdigit() or not 0 < int(port) < 65_536:
                raise fields.document.wrong(element, f"{key} holds {text!r}, which is no port from 1 to 65535")
            if host and host not in ("localhost", "127.0.0.1") and key == "forwardPorts":
                notes.append(f"forwardPorts: {text} was left out: there is no other container called {host}")
                continue
            found.append(int(port))
    return tuple(dict.fromkeys(found))


def _port_labels(fields: Fields) -> dict[str, str]:
    node = fields.find("portsAttributes", "object")
    labels: dict[str, str] = {}
    for name, value in node.members() if node else ():
        if value.kind != "object":
            raise fields.document.wrong(value, f"portsAttributes.{name.scalar} must be an object")
        inner = Fields(fields.document, value, fields.fill)
        if label := inner.string("label"):
            labels[str(name.scalar)] = label
    return labels


def _wait_for(fields: Fields) -> Moment:
    word = fields.string("waitFor")
    if word is None:
        return "update_content"
    if word not in KEYS:
        raise fields.wrong("waitFor", f"waitFor is {word!r}", f"write one of {', '.join(KEYS)}")
    return KEYS[word]


def _customizations(fields: Fields) -> dict[str, JsonValue]:
    found = fields.find("customizations", "object")
    value = found.value() if found else {}
    return value if isinstance(value, dict) else {}


def _undone(fields: Fields) -> list[str]:
    """Words for what stands in the file and is not done."""
    notes = []
    for key in UNDONE:
        node = fields.find(key)
        if node is not None and node.scalar is not False:
            notes.append(f"{key} was left out: {UNDONE[key]}")
    fields.asked.update(_SILENT)
    if fields.fields("build") is not None and (options := fields.node.get("build")) is not None:
        known = {"dockerfile", "context", "args", "target", "cacheFrom"}
        notes += [
            f"build.{key.scalar} was left out: devctl does not do it" for key in options.keys if key.scalar not in known
        ]
    return notes + [f"{key} was left out: devctl does not know this key" for key in fields.rest()]
