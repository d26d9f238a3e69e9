"""Adding tasks to a folder: what would change, and writing it whole or not at all."""

import difflib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devctl import jsonc
from devctl.errors import SourceInvalid
from devctl.records import Record
from devctl.sources.fields import read_document
from devctl.sources.finding import find_config
from devctl.tasks.merging import Merged, add_labelled, merge
from devctl.tasks.templates_of import Template

TASKS = Path(".vscode") / "tasks.json"
_NEW = '{\n  "version": "2.0.0",\n  "tasks": []\n}\n'


class Change(Record):
    """A file before and after."""

    path: Path
    before: str
    """Empty where there is none yet."""
    after: str

    def diff(self) -> str:
        """The change as a unified diff."""
        lines = (self.before.splitlines(keepends=True), self.after.splitlines(keepends=True))
        name = str(self.path)
        return "".join(difflib.unified_diff(*lines, name if self.before else "/dev/null", name))


class Addition(Record):
    """What adding tasks comes to."""

    changes: tuple[Change, ...]
    """Only files that change."""
    conflicts: tuple[str, ...]
    """What stands in the way, and was left as the person wrote it."""

    def write(self) -> None:
        """Write the files; each is replaced as a whole, a link where it leads."""
        for change in self.changes:
            _replace(change.path, change.after)


def add_tasks(folder: Path, wanted: Sequence[Template]) -> Addition:
    """Say what adding these tasks to a folder changes; nothing is written yet.

    devcontainer.json is filled only where there is one. Raises SourceInvalid, with line and column.
    """
    conflicts: list[str] = []
    tasks = folder / TASKS
    before = read_document(tasks).text if tasks.exists() else ""
    after = before or _NEW
    for one in wanted:
        after = _noted(add_labelled(after, "tasks", one.task), tasks, conflicts)
    after = _noted(merge(after, {"version": "2.0.0"}), tasks, conflicts)
    changes = [Change(path=tasks, before=before, after=after)]
    if any(one.devcontainer for one in wanted) and (config := _config_of(folder)) is not None:
        text = after = read_document(config).text
        for one in wanted:
            after = _noted(merge(after, one.devcontainer), config, conflicts)
        changes.append(Change(path=config, before=text, after=after))
    different = tuple(change for change in changes if change.before != change.after)
    return Addition(changes=different, conflicts=tuple(dict.fromkeys(conflicts)))


def _noted(merged: Merged, path: Path, conflicts: list[str]) -> str:
    conflicts += [f"{path}: {words}" for words in merged.conflicts]
    return merged.text


def _config_of(folder: Path) -> Path | None:
    try:
        return find_config(folder, None)
    except SourceInvalid:
        return None  # several of them, and none is the folder's own: none is chosen for the person


def present(folder: Path) -> set[str]:
    """The labels of the tasks that a folder has; raises SourceInvalid."""
    path = folder / TASKS
    found = read_document(path).root.get("tasks") if path.exists() else None
    labels = (element.get("label") for element in (found.elements if found else ()))
    return {str(label.scalar) for label in labels if isinstance(label, jsonc.Node)}


def _replace(path: Path, text: str) -> None:
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    descriptor, name = tempfile.mkstemp(prefix=".devctl-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
