"""Tasks of the editor from templates: `.vscode/tasks.json` and what of devcontainer.json goes with them."""

from devctl.tasks.adding import Addition, add_tasks, present
from devctl.tasks.templates_of import Template, template, templates

__all__ = ["Addition", "Template", "add_tasks", "present", "template", "templates"]
