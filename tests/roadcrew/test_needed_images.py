"""The images of repositories with ready tasks are told to devctl before anybody launches."""

from pathlib import Path

from agents.ids import feature_of
from graph import Change, Feature, Role, Task
from roadcrew.assembly import Office
from roadcrew.needed_images import needed_images
from roadcrew.placing import place_of
from tests.e2e.conftest import new_repository
from tests.e2e.crewmates import crewmates
from tests.e2e.offices import MakeOffice

CHANGE = Change(who="planner", why="a test")


def with_task(office: Office, folder: Path, files: dict[str, str]) -> str:
    """A repository of these files with one ready task, and another that waits for it."""
    repository = place_of(office, str(new_repository(folder, {"README.md": "x\n", **files}))).repository
    feature = Feature(id=feature_of(repository, 1), key="F-1", repository=repository, title="A feature", issue=1)
    first, second = (
        Task(
            id=f"{repository}/T-10{number}", key=f"T-10{number}", feature_id=feature.id, title="One", assignee=Role.CODER,
            priority="critical", depends_on=after,
        )
        for number, after in ((1, ()), (2, (f"{repository}/T-101",)))
    )  # fmt: skip
    office.crew.roadmap.record_plan(repository, feature, [first, second], CHANGE)
    return repository


def test_images_of_repositories_with_ready_tasks_are_named_and_others_left_out(
    office: MakeOffice, tmp_path: Path
) -> None:
    opened = office(crewmates()).office
    named = with_task(opened, tmp_path / "named", {".devcontainer/devcontainer.json": '{"image": "node:22"}'})
    built = with_task(opened, tmp_path / "built", {"Dockerfile": "FROM debian:12 AS a\nFROM python:3.12\n"})
    elsewhere = {
        "docker/dev.Dockerfile": "FROM go:1\n",
        ".devcontainer.json": '{"build": {"dockerfile": "docker/dev.Dockerfile"}}',
    }
    away = with_task(opened, tmp_path / "elsewhere", elsewhere)
    silent = with_task(opened, tmp_path / "silent", {})
    broken = with_task(opened, tmp_path / "broken", {".devcontainer.json": "{"})
    mine = {named, built, away, silent, broken}
    found = {(one.repository, one.image, one.tasks) for one in needed_images(opened) if one.repository in mine}
    assert found == {
        (named, "node:22", 1), (built, "debian:12", 1), (built, "python:3.12", 1), (away, "go:1", 1),
    }  # fmt: skip
