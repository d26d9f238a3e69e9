"""What work used and left, on a real server: turns, findings, sayings, and the story that is told from them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest

from graph import (
    Artifact,
    ArtifactKind,
    Commit,
    Feature,
    Finding,
    ModelUse,
    NotInRoadmap,
    Review,
    Roadmap,
    RoadmapReader,
    Run,
    Saying,
    Stage,
    Task,
    TestReport,
    Turn,
)
from tests.graph.conftest import CHANGE

Planned = tuple[Feature, list[Task]]
Plan = Callable[..., Planned]
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
USE = ModelUse(model="big", calls=3, prompt_tokens=900, completion_tokens=90, cached_tokens=300, cost_usd=0.25)
FREE = ModelUse(model="own/small", calls=2, prompt_tokens=100, completion_tokens=10, unpriced=2)


def turn(subject: str, feature: str, role: str, number: int = 1, *uses: ModelUse) -> Turn:
    at = AT + timedelta(minutes=number)
    return Turn(
        id=f"{subject}/{role}/{number}",
        subject=subject,
        feature_id=feature,
        role=role,
        round=number,
        status="done",
        verdict="fine",
        started_at=at,
        seconds=30.0,
        uses=uses,
    )


@pytest.fixture
def planned(roadmap: Roadmap, plan: Plan) -> Planned:
    """A recorded feature of two tasks."""
    feature, tasks = plan(2)
    roadmap.record_plan(feature.repository, feature, tasks, CHANGE)
    return feature, tasks


def test_turns_come_back_as_written_with_what_they_used(
    roadmap: Roadmap, reader: RoadmapReader, planned: Planned
) -> None:
    feature, tasks = planned
    turns = (
        turn(feature.id, feature.id, "planner", 1, USE),
        turn(tasks[0].id, feature.id, "coder", 2, USE, FREE),
        turn(tasks[0].id, feature.id, "tester", 3),
    )
    for _ in range(2):
        roadmap.record_turns(turns, CHANGE)
    assert reader.turns(feature.id) == turns
    events = reader.query(
        "MATCH (e:Event) WHERE e.what STARTS WITH 'turn ' AND e.subject = $id RETURN e.what", {"id": turns[1].id}
    )
    assert events.rows == (("turn coder 2 done",),)


def test_a_turn_that_goes_on_is_brought_up_to_date(roadmap: Roadmap, reader: RoadmapReader, planned: Planned) -> None:
    feature, tasks = planned
    first = turn(tasks[0].id, feature.id, "coder", 1, USE)
    more = first.model_copy(update={"seconds": 90.0, "uses": (USE.model_copy(update={"calls": 7}),)})
    roadmap.record_turns([first], CHANGE)
    roadmap.record_turns([more], CHANGE)
    assert reader.turns(feature.id) == (more,)


def test_a_turn_of_nothing_is_refused(roadmap: Roadmap, reader: RoadmapReader, planned: Planned) -> None:
    feature, tasks = planned
    lost = turn("acme/none/T-1", feature.id, "coder")
    with pytest.raises(NotInRoadmap, match="acme/none/T-1"):
        roadmap.record_turns([turn(tasks[0].id, feature.id, "coder"), lost], CHANGE)
    assert reader.turns(feature.id) == ()


def test_spending_adds_up_and_keeps_unknown_prices_apart(
    roadmap: Roadmap, reader: RoadmapReader, planned: Planned, plan: Plan
) -> None:
    feature, tasks = planned
    roadmap.record_turns(
        [turn(feature.id, feature.id, "planner", 1, USE), turn(tasks[1].id, feature.id, "coder", 2, USE, FREE)], CHANGE
    )
    (spent,) = reader.spending(feature.repository)
    assert (spent.turns, spent.calls, spent.prompt_tokens, spent.completion_tokens) == (2, 8, 1900, 190)
    assert (spent.cached_tokens, spent.unpriced, spent.seconds) == (600, 2, 60.0)
    assert spent.cost_usd == pytest.approx(0.5)
    assert feature.id in {one.feature_id for one in reader.spending()}
    other, others = plan(1)
    roadmap.record_plan(other.repository, other, others, CHANGE)
    roadmap.record_turns([turn(other.id, other.id, "planner", 1, FREE)], CHANGE)
    assert [one.cost_usd for one in reader.spending(other.repository)] == [None]


def test_the_story_has_each_round_with_what_it_left(roadmap: Roadmap, reader: RoadmapReader, planned: Planned) -> None:
    feature, tasks = planned
    run = Run(id=f"{tasks[0].id}/1", task_id=tasks[0].id, number=1, role="coder", started_at=AT, verdict="submitted")
    report = TestReport(id=f"{run.id}/tests", verdict="3 passed", passed=3)
    review = Review(id=f"{run.id}/review", verdict="1 blocking finding", signed_off=False, resolved=("R-0",))
    artifact = Artifact(id=f"{run.id}/work.bundle", name="work.bundle", url="file:///x", sha256="0" * 64, size=7)
    commit = Commit(id=f"{feature.repository}@abc", sha="abc", message="Do it")
    found = Finding(key="R-1", path="a.py", severity="high", title="Wrong", failure="it breaks")
    roadmap.record_run(run, CHANGE)
    roadmap.record_test_report(run.id, report, CHANGE)
    roadmap.record_review(run.id, review, CHANGE)
    roadmap.record_artifact(run.id, artifact, CHANGE)
    roadmap.record_commit(run.id, commit, CHANGE)
    for _ in range(2):
        roadmap.record_findings(review.id, [found], CHANGE)
    story = reader.story(feature.id)
    assert story is not None
    assert [task.task.id for task in story.tasks] == [task.id for task in tasks]
    (one,) = story.tasks[0].rounds
    assert (one.run, one.test_reports, one.reviews) == (run, (report,), (review,))
    assert (one.artifacts, one.commits) == ((artifact,), (commit,))
    assert one.findings == (found,)
    assert story.tasks[1].rounds == ()


def test_findings_of_no_review_are_refused(roadmap: Roadmap) -> None:
    found = Finding(key="R-1", path="a.py", severity="high", title="Wrong")
    with pytest.raises(NotInRoadmap, match="none/review"):
        roadmap.record_findings("none/review", [found], CHANGE)


def test_what_a_person_says_is_in_the_history_once(roadmap: Roadmap, reader: RoadmapReader, planned: Planned) -> None:
    feature, _ = planned
    said = Saying(key="comment:7", at=AT, by="ada", kind="word", text="mind the tax")
    for _ in range(2):
        roadmap.record_sayings(feature.id, [said], CHANGE)
    (event,) = [event for event in reader.history(feature.id) if event.who == "ada"]
    assert (event.what, event.why, event.at) == ("said word", "mind the tax", AT)


def test_a_feature_that_is_not_there_has_no_story(reader: RoadmapReader) -> None:
    assert reader.story("acme/none/F-1") is None


def artifact(node: str, kind: ArtifactKind, stage: Stage, **more: Any) -> Artifact:
    name = f"{kind}.xml"
    return Artifact(id=node, name=name, kind=kind, stage=stage, url=f"file:///{node}", sha256="0" * 64, size=7, **more)


def test_the_results_of_base_round_and_merged_head_are_told_apart(
    roadmap: Roadmap, reader: RoadmapReader, planned: Planned
) -> None:
    feature, tasks = planned
    run = Run(id=f"{tasks[0].id}/2", task_id=tasks[0].id, number=2, role="coder", started_at=AT)
    roadmap.record_run(run, CHANGE)
    base = artifact(f"{feature.id}/baseline/junit.xml", ArtifactKind.JUNIT, "baseline", commit="b0")
    mine = artifact(f"{run.id}/junit.xml", ArtifactKind.JUNIT, "round", round=2, commit="c2")
    head = artifact(f"{run.id}/merged/junit.xml", ArtifactKind.JUNIT, "merged", round=2, commit="d2")
    found = artifact(f"{run.id}/review.sarif", ArtifactKind.SARIF, "round", round=2, commit="c2")
    for _ in range(2):
        roadmap.record_feature_artifact(feature.id, base, CHANGE)
        for one in (mine, head, found):
            roadmap.record_artifact(run.id, one, CHANGE)
    asked = (
        "MATCH (a:Artifact {kind: 'junit'}) WHERE a.id STARTS WITH $own RETURN a.stage, a.round, a.commit ORDER BY a.id"
    )
    rows = reader.query(asked, {"own": f"{feature.repository}/"}).rows
    assert sorted(rows, key=str) == sorted([("baseline", None, "b0"), ("round", 2, "c2"), ("merged", 2, "d2")], key=str)
    story = reader.story(feature.id)
    assert story is not None
    assert story.artifacts == (base,)
    assert set(story.tasks[0].rounds[0].artifacts) == {mine, head, found}


def test_the_files_of_a_feature_come_in_the_order_of_its_delivery(
    roadmap: Roadmap, reader: RoadmapReader, planned: Planned
) -> None:
    feature, _ = planned
    kinds: list[tuple[ArtifactKind, Stage]] = [
        (ArtifactKind.COST, "end"),
        (ArtifactKind.REQUEST, "review"),
        (ArtifactKind.RESEARCH, "research"),
        (ArtifactKind.PLAN, "plan"),
        (ArtifactKind.JUNIT, "baseline"),
    ]
    for kind, stage in kinds:
        roadmap.record_feature_artifact(feature.id, artifact(f"{feature.id}/{stage}/{kind}", kind, stage), CHANGE)
    story = reader.story(feature.id)
    assert story is not None
    assert [(one.kind, one.stage) for one in story.artifacts] == list(reversed(kinds))


def test_a_file_of_no_feature_is_refused(roadmap: Roadmap) -> None:
    lost = artifact("acme/none/F-1/end/cost.json", ArtifactKind.COST, "end")
    with pytest.raises(NotInRoadmap, match="acme/none/F-1"):
        roadmap.record_feature_artifact("acme/none/F-1", lost, CHANGE)


def test_files_that_an_earlier_version_wrote_are_told_by_their_names(
    roadmap: Roadmap, reader: RoadmapReader, planned: Planned
) -> None:
    feature, tasks = planned
    run = Run(id=f"{tasks[0].id}/3", task_id=tasks[0].id, number=3, role="coder", started_at=AT)
    roadmap.record_run(run, CHANGE)
    roadmap.query(
        "MATCH (r:Run {id: $run}) CREATE (r)-[:PRODUCED {key: $id}]->"
        "(a:Artifact {id: $id, name: 'junit.xml', url: 'file:///x', sha256: '0', size: 1}) RETURN a.id",
        {"run": run.id, "id": f"{run.id}/junit.xml"},
    )
    story = reader.story(feature.id)
    assert story is not None
    assert [one.kind for one in story.tasks[0].rounds[0].artifacts] == [ArtifactKind.FILE]
    migration = files("graph").joinpath("migrations", "0006_artifact_kinds.cypher").read_text(encoding="utf-8")
    for statement in migration.split(";"):
        if statement.strip().startswith("MATCH"):
            roadmap.query(statement)
    story = reader.story(feature.id)
    assert story is not None
    (one,) = story.tasks[0].rounds[0].artifacts
    assert (one.kind, one.stage, one.round) == (ArtifactKind.JUNIT, "round", 3)
