"""The lifecycle commands of devcontainer.json and of features, as groups of commands."""

from devctl import jsonc
from devctl.fleet.records import LifecycleCommand, LifecycleGroup, Moment
from devctl.sources.fields import Fields

KEYS: dict[str, Moment] = {
    "initializeCommand": "initialize",
    "onCreateCommand": "on_create",
    "updateContentCommand": "update_content",
    "postCreateCommand": "post_create",
    "postStartCommand": "post_start",
    "postAttachCommand": "post_attach",
}
INSIDE: tuple[Moment, ...] = ("on_create", "update_content", "post_create", "post_start", "post_attach")
"""The moments whose commands run in the environment, in their order."""


def read_commands(fields: Fields, owner: str = "") -> dict[Moment, LifecycleGroup]:
    """The commands by their moment: a text goes through a shell, a list does not, an object is run in parallel.

    ``owner`` names the feature that they belong to. Raises SourceInvalid.
    """
    found: dict[Moment, LifecycleGroup] = {}
    for key, moment in KEYS.items():
        node = fields.find(key, "string", "array", "object")
        if node is None:
            continue
        if node.kind == "object":
            group = [_command(fields, key, value, str(name.scalar)) for name, value in node.members()]
        else:
            group = [_command(fields, key, node, owner)]
        commands = tuple(command for command in group if command is not None)
        if commands:
            found[moment] = commands
    return found


def _command(fields: Fields, key: str, node: jsonc.Node, name: str) -> LifecycleCommand | None:
    """One command; None where there is nothing to run."""
    if node.kind == "string":
        line = fields.text(node)
        return LifecycleCommand(argv=("/bin/sh", "-c", line), name=name) if line.strip() else None
    if node.kind == "null":
        return None
    if node.kind != "array" or any(element.kind != "string" for element in node.elements):
        raise fields.document.wrong(node, f"{key!r} must be a text, a list of texts, or an object of those")
    argv = tuple(fields.text(element) for element in node.elements)
    return LifecycleCommand(argv=argv, name=name) if argv else None
