"""Mounts of devcontainer.json, and which of them may show folders of the host."""

from pathlib import Path

from pydantic import ValidationError

from devctl import jsonc
from devctl.fleet.records import Mount
from devctl.sources.fields import Fields

_SOURCES, _TARGETS = ("source", "src"), ("target", "destination", "dst")
_SOCKETS = ("docker.sock", "podman.sock", "containerd.sock")


def read_mounts(fields: Fields, key: str) -> tuple[Mount, ...]:
    """The mounts of a list: texts as `docker run --mount` takes them, or objects. Raises SourceInvalid."""
    found = fields.find(key, "array")
    return tuple(_mount(fields, element) for element in (found.elements if found else ()))


def _mount(fields: Fields, node: jsonc.Node) -> Mount:
    if node.kind == "string":
        parts = words_of(fields.text(node))
    elif node.kind == "object":
        parts = {str(name.scalar): fields.text(value) for name, value in node.members()}
    else:
        raise fields.document.wrong(node, "a mount is a text (type=volume,source=…,target=…) or an object")
    try:
        return mount_of(parts)
    except ValueError as error:
        raise fields.document.wrong(
            node, f"this mount {error}", "write type=bind|volume|tmpfs,source=…,target=/…"
        ) from error


def words_of(text: str) -> dict[str, str]:
    """The parts of `type=bind,source=…,target=…,readonly`."""
    found: dict[str, str] = {}
    for word in text.split(","):
        name, equals, value = word.strip().partition("=")
        found[name.strip()] = value.strip() if equals else "true"
    return found


def mount_of(parts: dict[str, str]) -> Mount:
    """A mount from its parts; raises ValueError with what is wrong with it."""
    kind = parts.get("type", "volume")
    if kind not in ("bind", "volume", "tmpfs"):
        raise ValueError(f"has the type {kind!r}, which is none of bind, volume and tmpfs")
    target = next((parts[name] for name in _TARGETS if name in parts), "")
    source = next((parts[name] for name in _SOURCES if name in parts), "")
    if not target.startswith("/"):
        raise ValueError(f"has the target {target!r}, which is no absolute path")
    if kind == "bind" and not source:
        raise ValueError("is a bind and has no source")
    read_only = any(parts.get(name, "false") in ("true", "1") for name in ("readonly", "ro", "readOnly"))
    try:
        return Mount.model_validate({"kind": kind, "source": source, "target": target, "read_only": read_only})
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["msg"])) from error


def refuse(mount: Mount, tree: Path | None, trusted: bool) -> str:
    """Why a mount that a source asks for is not made, or nothing where it may be.

    A source is somebody's text: only folders of the source itself may be shown, unless the person trusts it, and
    the engine's socket never is, as who holds it is root on the host.
    """
    if mount.kind != "bind":
        return ""
    if mount.source.endswith(_SOCKETS):
        return f"the mount of {mount.source} was left out: whoever holds an engine's socket is root on its host"
    try:
        real = Path(mount.source).resolve(strict=True)
    except (OSError, RuntimeError):
        return f"the mount of {mount.source} was left out: there is no such folder on this machine"
    if trusted or (tree is not None and real.is_relative_to(tree.resolve())):
        return ""
    return (
        f"the mount of {mount.source} was left out, as it lies outside the source: "
        f"ask for it with --mount type=bind,source={mount.source},target={mount.target}"
    )
