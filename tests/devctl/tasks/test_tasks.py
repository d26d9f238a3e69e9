"""Tasks of the editor: put in beside what the person wrote, once."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl import jsonc
from devctl.cli import main
from devctl.errors import NoSuchTemplate, SourceInvalid
from devctl.tasks import add_tasks, present, template, templates
from devctl.tasks.merging import merge

MINE = """{
\t// the team's own
\t"version": "2.0.0",
\t"tasks": [
\t\t{
\t\t\t"label": "deploy", /* never on Fridays */
\t\t\t"type": "shell",
\t\t\t"command": "./deploy",
\t\t}, // the last one
\t],
\t"inputs": [],
}
"""


def folder_with(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        path = tmp_path / {"tasks": ".vscode/tasks.json", "devcontainer": ".devcontainer/devcontainer.json"}[name]
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return tmp_path


def test_every_template_is_a_task_of_the_editor() -> None:
    for one in templates():
        assert one.task["type"] == "process" and one.task["command"] and one.task["label"]
        assert one.description.endswith(".")
    assert {"pytest", "serve", "lint"} <= {one.name for one in templates()}
    with pytest.raises(NoSuchTemplate) as caught:
        template("pyttest")
    assert "pytest" in caught.value.hint


def test_a_folder_without_tasks_gets_a_file(tmp_path: Path) -> None:
    addition = add_tasks(tmp_path, [template("pytest"), template("serve")])
    assert not (tmp_path / ".vscode").exists()
    addition.write()
    found = json.loads((tmp_path / ".vscode/tasks.json").read_text())
    assert [task["label"] for task in found["tasks"]] == ["test", "serve"]
    assert present(tmp_path) == {"test", "serve"}


def test_what_the_person_wrote_stays_and_twice_is_once(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, tasks=MINE)
    add_tasks(folder, [template("lint")]).write()
    text = (folder / ".vscode/tasks.json").read_text()
    added = text.replace(MINE[: MINE.index("\n\t],\n")], "")
    assert text.startswith(MINE[: MINE.index("\n\t],\n")])
    assert added.endswith(MINE[MINE.index("\n\t],\n") :])
    assert jsonc.parse(text).value()["tasks"][1] == template("lint").task  # type: ignore[index,call-overload] # a list of objects, as just written
    assert add_tasks(folder, [template("lint")]).changes == ()


def test_a_task_of_the_same_label_is_told_and_left(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, tasks='{"version": "2.0.0", "tasks": [{"label": "test", "command": "make"}]}')
    addition = add_tasks(folder, [template("pytest")])
    assert addition.changes == ()
    assert "'test' is there already" in addition.conflicts[0]


def test_a_devcontainer_json_that_is_there_is_filled(tmp_path: Path) -> None:
    mine = '{\n  "image": "debian:12", // plain\n  "forwardPorts": [3000],\n  "portsAttributes": {"8000": {"label": "Mine"}}\n}\n'
    folder = folder_with(tmp_path, devcontainer=mine)
    addition = add_tasks(folder, [template("serve"), template("pytest")])
    addition.write()
    text = (folder / ".devcontainer/devcontainer.json").read_text()
    found = jsonc.parse(text).value()
    assert isinstance(found, dict)
    assert found["forwardPorts"] == [3000, 8000]
    assert found["portsAttributes"] == {"8000": {"label": "Mine"}}
    assert found["customizations"] == {"vscode": {"extensions": ["ms-python.python"]}}
    assert '"debian:12", // plain' in text
    assert ["portsAttributes.8000.label is 'Mine' already" in one for one in addition.conflicts] == [True]
    assert add_tasks(folder, [template("serve"), template("pytest")]).changes == ()


def test_a_file_that_cannot_be_read_is_told_with_its_place_and_left(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, tasks='{\n  "tasks" []\n}')
    with pytest.raises(SourceInvalid, match="line 2, column 11"):
        add_tasks(folder, [template("pytest")])
    assert (folder / ".vscode/tasks.json").read_text() == '{\n  "tasks" []\n}'


def test_a_list_of_tasks_that_is_none_is_a_conflict(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, tasks='{"version": "0.1.0", "tasks": {}}')
    addition = add_tasks(folder, [template("pytest")])
    assert addition.changes == ()
    assert len(addition.conflicts) == 2


trees = st.recursive(
    st.integers() | st.text(max_size=4) | st.lists(st.integers(), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(objects, objects, st.sampled_from([None, 2]))
def test_merging_twice_is_merging_once_and_loses_nothing(
    mine: dict[str, object], wanted: dict[str, object], indent: int | None
) -> None:
    text = json.dumps(mine, indent=indent)
    once = merge(text, wanted)  # type: ignore[arg-type] # the strategy makes plain JSON
    assert merge(once.text, wanted).text == once.text  # type: ignore[arg-type] # as above
    found = jsonc.parse(once.text).value()
    assert isinstance(found, dict)
    assert keeps(mine, found)


def keeps(mine: object, found: object) -> bool:
    """Whether all of mine is still in what was found."""
    if isinstance(mine, dict):
        return isinstance(found, dict) and all(key in found and keeps(value, found[key]) for key, value in mine.items())
    if isinstance(mine, list):
        return isinstance(found, list) and found[: len(mine)] == mine
    return mine == found


def test_the_command_shows_writes_and_says_what_is_in_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--path", str(tmp_path)]
    assert main(["tasks", "add", "pytest", *where, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert '+      "label": "test"' in out and "would write" in out
    assert not (tmp_path / ".vscode").exists()
    assert main(["tasks", "add", "pytest", *where, "--in", "shop", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["written"] is True
    task = json.loads((tmp_path / ".vscode/tasks.json").read_text())["tasks"][0]
    assert (task["command"], task["args"]) == ("devctl", ["exec", "shop", "--", "python", "-m", "pytest", "-q"])
    (tmp_path / ".vscode/tasks.json").write_text('{"version": "2.0.0", "tasks": [{"label": "lint"}]}')
    assert main(["tasks", "add", "lint", "pytest", *where]) == 1
    assert "conflict: " in capsys.readouterr().err
    assert main(["tasks", "list", *where]) == 0
    assert "* pytest" in capsys.readouterr().out
    assert main(["tasks", "add", "nothing", *where]) == 6
