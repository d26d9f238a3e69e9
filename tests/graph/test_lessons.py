"""Lessons on a real server: learned once per review, found again by file and by folder."""

from collections.abc import Callable

import pytest

from graph import Change, Feature, Fence, Lesson, NotInRoadmap, Review, Roadmap, RoadmapReader, Run, StaleEpoch, Task
from tests.graph.conftest import CHANGE

Planned = tuple[Feature, list[Task]]
Plan = Callable[..., Planned]


@pytest.fixture
def reviewed(roadmap: Roadmap, plan: Plan) -> tuple[str, list[str]]:
    """A repository, and the ids of three reviews of its one task."""
    feature, tasks = plan(1)
    roadmap.record_plan(feature.repository, feature, tasks, CHANGE)
    reviews = []
    for number in (1, 2, 3):
        run = f"{tasks[0].id}/{number}"
        values = {"id": run, "task_id": tasks[0].id, "number": number, "role": "coder"}
        roadmap.record_run(Run.model_validate({**values, "started_at": "2026-01-01T00:00:00Z"}), CHANGE)
        roadmap.record_review(run, Review(id=f"{run}/review", verdict="1 open", signed_off=False), CHANGE)
        reviews.append(f"{run}/review")
    return feature.repository, reviews


def lesson(text: str, **values: object) -> Lesson:
    return Lesson.model_validate({"text": text, "category": "errors", **values})


def test_a_lesson_of_one_review_counts_once(
    roadmap: Roadmap, reader: RoadmapReader, reviewed: tuple[str, list[str]]
) -> None:
    repository, reviews = reviewed
    for _ in range(2):
        roadmap.learn(repository, lesson("Close the file."), ["shop/cart.py"], reviews[0], CHANGE)
    roadmap.learn(repository, lesson("close  the FILE", severity="critical"), ["shop/tax.py"], reviews[1], CHANGE)
    (found,) = reader.lessons(repository, ["shop/cart.py"])
    assert (found.times, found.severity, found.paths) == (2, "critical", ("shop/cart.py", "shop/tax.py"))
    assert found.last_seen is not None
    assert found.last_seen.tzinfo is not None
    events = reader.query("MATCH (e:Event {subject: $id}) RETURN e.what ORDER BY e.at", {"id": found.id_in(repository)})
    assert events.rows == ((f"lesson of {reviews[0]}",), (f"lesson of {reviews[1]}",))


def test_frequent_lessons_come_first_and_near_ones_fill_up(
    roadmap: Roadmap, reader: RoadmapReader, reviewed: tuple[str, list[str]]
) -> None:
    repository, reviews = reviewed
    for review in reviews:
        roadmap.learn(repository, lesson("in the folder"), ["shop/tax.py"], review, CHANGE)
    for review in reviews[:2]:
        roadmap.learn(repository, lesson("twice"), ["shop/cart.py"], review, CHANGE)
    roadmap.learn(repository, lesson("once"), ["shop/cart.py"], reviews[0], CHANGE)
    roadmap.learn(repository, lesson("elsewhere"), ["docs/cart.md"], reviews[0], CHANGE)
    assert texts(reader, repository, ["shop/cart.py"]) == ["twice", "once", "in the folder"]
    assert texts(reader, repository, ["shop/cart.py"], limit=2) == ["twice", "once"]
    assert texts(reader, repository, ["shop/*.py"]) == ["in the folder", "twice", "once"]
    assert texts(reader, repository, ["./shop/"]) == ["in the folder", "twice", "once"]
    assert texts(reader, repository, ["README.md"]) == []
    assert texts(reader, f"{repository}x", ["shop/cart.py"]) == []


def texts(reader: RoadmapReader, repository: str, paths: list[str], limit: int = 10) -> list[str]:
    return [found.text for found in reader.lessons(repository, paths, limit)]


def test_a_lesson_from_a_run_counts_too(
    roadmap: Roadmap, reader: RoadmapReader, reviewed: tuple[str, list[str]]
) -> None:
    repository, reviews = reviewed
    roadmap.learn(repository, lesson("run the linter"), ["a.py"], reviews[0].removesuffix("/review"), CHANGE)
    assert [found.times for found in reader.lessons(repository, ["a.py"])] == [1]


def test_a_lesson_from_nowhere_is_refused_and_not_kept(
    roadmap: Roadmap, reader: RoadmapReader, reviewed: tuple[str, list[str]]
) -> None:
    with pytest.raises(NotInRoadmap, match="acme/none/T-1/1/review"):
        roadmap.learn(reviewed[0], lesson("nothing"), ["a.py"], "acme/none/T-1/1/review", CHANGE)
    assert reader.lessons(reviewed[0], ["a.py"]) == []


def test_a_replaced_holder_teaches_nothing(
    roadmap: Roadmap, reader: RoadmapReader, reviewed: tuple[str, list[str]]
) -> None:
    repository, reviews = reviewed
    new, old = (Change(who="integrator", why="x", fence=Fence(f"{repository}/x", epoch)) for epoch in (2, 1))
    roadmap.learn(repository, lesson("new"), ["a.py"], reviews[0], new)
    with pytest.raises(StaleEpoch):
        roadmap.learn(repository, lesson("old"), ["a.py"], reviews[0], old)
    assert texts(reader, repository, ["a.py"]) == ["new"]
