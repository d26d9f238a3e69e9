"""The templates of tasks that devctl brings along."""

import json
from importlib.resources import files

from pydantic import JsonValue

from devctl.errors import NoSuchTemplate
from devctl.records import Record


class Template(Record):
    """One task, and what of devcontainer.json goes with it."""

    name: str
    description: str
    task: dict[str, JsonValue]
    """As tasks.json holds it; its label is what the person calls it by."""
    devcontainer: dict[str, JsonValue]
    """Merged into a devcontainer.json that is there: lists grow, objects are filled."""

    def in_environment(self, environment: str) -> "Template":
        """The same task run in a kept environment from the editor of this machine."""
        words = [str(self.task["command"]), *(str(word) for word in _list(self.task.get("args")))]
        label = f"{self.task['label']} ({environment})"
        task = {**self.task, "label": label, "command": "devctl", "args": ["exec", environment, "--", *words]}
        return self.model_copy(update={"task": task, "devcontainer": {}})


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def templates() -> list[Template]:
    """All templates, by name."""
    folder = files("devctl.tasks").joinpath("templates")
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return [
        Template.model_validate({"name": file.name.removesuffix(".json"), **json.loads(file.read_text("utf-8"))})
        for file in found
    ]


def template(name: str) -> Template:
    """The template of a name; raises NoSuchTemplate."""
    known = {one.name: one for one in templates()}
    if name not in known:
        raise NoSuchTemplate(f"no template is called {name!r}", f"there are {', '.join(known)}")
    return known[name]
