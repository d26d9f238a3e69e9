"""The roadmap on a real server: plans, claims, transitions, fences, questions."""

from collections.abc import Callable

import pytest

from graph import (
    Change,
    CycleRefused,
    Feature,
    Fence,
    GraphRefused,
    GraphSettings,
    GraphUnavailable,
    IllegalTransition,
    NotInRoadmap,
    PullRequest,
    QueryInvalid,
    Roadmap,
    RoadmapReader,
    Run,
    StaleEpoch,
    Task,
)
from graph.models import TASK_TRANSITIONS, TaskStatus
from tests.graph.conftest import CHANGE
from tests.graph.stores import Ways

Planned = tuple[Feature, list[Task]]
Plan = Callable[..., Planned]
WAY = ("assigned", "in_progress", "complete", "verified", "done")


def recorded(roadmap: Roadmap, planned: Planned) -> Planned:
    roadmap.record_plan(planned[0].repository, planned[0], planned[1], CHANGE)
    return planned


def move_to(roadmap: Roadmap, task: Task, status: str) -> None:
    for step in WAY[: WAY.index(status) + 1]:
        roadmap.move_task(task.id, step, CHANGE)


def test_a_plan_recorded_twice_is_one_plan(roadmap: Roadmap, reader: RoadmapReader, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(3, {2: [1], 3: [1, 2]}, touches=("a.py",)))
    before = reader.history(feature.id)
    recorded(roadmap, (feature, tasks))
    assert [(task.key, task.depends_on, task.touches) for task in reader.tasks(feature.id)] == [
        (task.key, task.depends_on, task.touches) for task in tasks
    ]
    assert reader.history(feature.id) == before
    assert [event.what for event in before] == ["planned"] * 4


def test_an_edited_plan_replaces_links_of_tasks_that_have_not_begun(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(2, {2: [1]}, touches=("a.py",)))
    edited = tasks[1].model_copy(update={"depends_on": (), "touches": ("b.py",), "title": "Another"})
    roadmap.record_plan(feature.repository, feature, [tasks[0], edited], CHANGE)
    found = roadmap.task(tasks[1].id)
    assert found is not None
    assert (found.title, found.depends_on, found.touches) == ("Another", (), ("b.py",))


def test_a_task_under_way_keeps_what_was_planned(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(1))
    assert roadmap.claim(tasks[0].id, "me", CHANGE)
    roadmap.record_plan(feature.repository, feature, [tasks[0].model_copy(update={"title": "Another"})], CHANGE)
    found = roadmap.task(tasks[0].id)
    assert found is not None
    assert (found.title, found.owner, found.attempts) == ("Task 1", "me", 1)


@pytest.mark.parametrize("depends", [{1: [1]}, {1: [2], 2: [1]}, {1: [2], 2: [3], 3: [1]}])
def test_a_cycle_is_refused_and_nothing_is_written(
    roadmap: Roadmap, reader: RoadmapReader, plan: Plan, depends: dict[int, list[int]]
) -> None:
    feature, tasks = plan(3, depends)
    with pytest.raises(CycleRefused, match="go round"):
        roadmap.record_plan(feature.repository, feature, tasks, CHANGE)
    assert reader.feature(feature.id) is None


def test_a_dependency_that_is_not_there_is_named(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = plan(1)
    lost = tasks[0].model_copy(update={"depends_on": ("acme/none/T-1",)})
    with pytest.raises(NotInRoadmap, match="acme/none/T-1"):
        roadmap.record_plan(feature.repository, feature, [lost], CHANGE)


def test_ready_tasks_are_those_whose_dependencies_are_verified(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(3, {2: [1], 3: [2]}))
    assert [task.key for task in roadmap.ready_tasks(feature.id)] == [tasks[0].key]
    assert not roadmap.claim(tasks[1].id, "me", CHANGE)
    move_to(roadmap, tasks[0], "complete")
    assert roadmap.ready_tasks(feature.id) == []
    roadmap.move_task(tasks[0].id, "verified", CHANGE)
    assert [task.key for task in roadmap.ready_tasks(feature.id)] == [tasks[1].key]
    assert tasks[1].id in {task.id for task in roadmap.ready(assignee="coder", limit=1000)}
    assert tasks[1].id not in {task.id for task in roadmap.ready(assignee="docgen", limit=1000)}


def test_urgent_tasks_come_first(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(2))
    roadmap.update_task(tasks[1].id, CHANGE, priority="critical")
    assert [task.key for task in roadmap.ready_tasks(feature.id)] == [tasks[1].key, tasks[0].key]


def test_only_open_tasks_stand_in_the_line_of_the_roadmap(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(3))
    mine = {task.id for task in tasks}

    def line() -> list[str]:
        return [task.id for task in roadmap.ready(limit=1000) if task.id in mine]

    assert line() == [task.id for task in tasks]
    assert roadmap.claim(tasks[0].id, "me", CHANGE)
    roadmap.move_task(tasks[1].id, "blocked", CHANGE)
    assert line() == [tasks[2].id]
    roadmap.release(tasks[0].id, CHANGE)
    roadmap.move_task(tasks[1].id, "open", CHANGE)
    roadmap.update_task(tasks[2].id, CHANGE, priority="critical")
    assert line() == [tasks[2].id, tasks[0].id, tasks[1].id]
    roadmap.record_plan(feature.repository, feature, [tasks[2].model_copy(update={"priority": "low"})], CHANGE)
    assert line() == [task.id for task in tasks]


def test_a_second_claim_of_a_task_is_refused(roadmap: Roadmap, plan: Plan) -> None:
    _, tasks = recorded(roadmap, plan(1))
    assert roadmap.claim(tasks[0].id, "me", CHANGE)
    assert roadmap.claim(tasks[0].id, "me", CHANGE)
    assert not roadmap.claim(tasks[0].id, "you", CHANGE)
    roadmap.release(tasks[0].id, CHANGE)
    assert roadmap.claim(tasks[0].id, "you", CHANGE)


@pytest.mark.parametrize("before", list(TaskStatus))
def test_the_server_holds_the_table_of_transitions(roadmap: Roadmap, plan: Plan, before: TaskStatus) -> None:
    _, tasks = recorded(roadmap, plan(1))
    roadmap.query("MATCH (t:Task {id: $id}) SET t.status = $status", {"id": tasks[0].id, "status": before.value})
    for after in TaskStatus:
        if after == before or after in TASK_TRANSITIONS[before]:
            continue
        with pytest.raises(IllegalTransition, match=f"is {before} and cannot become {after}"):
            roadmap.move_task(tasks[0].id, after, CHANGE)
    found = roadmap.task(tasks[0].id)
    assert found is not None
    assert found.status == before


def test_moving_to_where_it_is_leaves_no_event(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(1))
    roadmap.move_task(tasks[0].id, "assigned", CHANGE)
    before = roadmap.history(feature.id)
    roadmap.move_task(tasks[0].id, "assigned", CHANGE)
    assert roadmap.history(feature.id) == before


def test_a_replaced_holder_writes_nothing(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(1))
    new = Change(who="integrator", why="new", fence=Fence(feature.id, 7))
    old = Change(who="integrator", why="old", fence=Fence(feature.id, 6))
    roadmap.move_task(tasks[0].id, "assigned", new)
    before = roadmap.history(feature.id)
    with pytest.raises(StaleEpoch, match="newer holder"):
        roadmap.move_task(tasks[0].id, "in_progress", old)
    with pytest.raises(StaleEpoch):
        roadmap.update_task(tasks[0].id, old, title="stolen")
    assert roadmap.history(feature.id) == before
    roadmap.move_task(tasks[0].id, "in_progress", new)


def test_critical_path_is_the_longest_chain_of_unfinished_tasks(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(5, {2: [1], 3: [2], 4: [1], 5: [3, 4]}))
    assert [task.title for task in roadmap.critical_path(feature.id)] == ["Task 1", "Task 2", "Task 3", "Task 5"]
    move_to(roadmap, tasks[0], "verified")
    assert [task.title for task in roadmap.critical_path(feature.id)] == ["Task 2", "Task 3", "Task 5"]


def test_burndown_counts_open_and_finished(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(3))
    move_to(roadmap, tasks[0], "verified")
    point = roadmap.burndown(feature.repository)[-1]
    assert (point.open, point.finished) == (2, 1)


def test_history_tells_of_runs_and_pull_requests(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(1))
    run = Run.model_validate(
        {
            "id": f"{tasks[0].id}/1",
            "task_id": tasks[0].id,
            "number": 1,
            "role": "coder",
            "started_at": "2026-01-01T00:00:00Z",
        }
    )
    roadmap.record_run(run, CHANGE)
    pull = PullRequest(
        id=f"{feature.repository}#2",
        number=2,
        repository=feature.repository,
        url="http://localhost/2",
        title="A",
        head="abc",
        state="open",
    )
    roadmap.record_pull_request(feature.id, pull, CHANGE)
    roadmap.record_pull_request(feature.id, pull.model_copy(update={"state": "merged"}), CHANGE)
    assert roadmap.runs(tasks[0].id)[0].number == 1
    assert [found.state for found in roadmap.pull_requests(feature.id)] == ["merged"]
    whats = [event.what for event in roadmap.history(feature.id)]
    assert whats == ["planned", "planned", "run 1", "pull request open", "pull request merged"]


def test_who_touched_a_file(roadmap: Roadmap, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(1, touches=("src/a.py",)))
    assert [task.id for task in roadmap.touched(feature.repository, "src/a.py")] == [tasks[0].id]
    assert roadmap.touched("acme/other", "src/a.py") == []


def test_a_query_gives_plain_values(roadmap: Roadmap, reader: RoadmapReader, plan: Plan) -> None:
    feature, tasks = recorded(roadmap, plan(1))
    answer = reader.query(
        "MATCH p = (f:Feature {id: $id})-[r:HAS_TASK]->(t) RETURN f, r, p, t.created_at AS at, [1, 'x'] AS list",
        {"id": feature.id},
    )
    node, relation, path, at, items = answer.rows[0]
    assert answer.columns == ("f", "r", "p", "at", "list")
    assert isinstance(node, dict)
    assert node["labels"] == ["Feature"]
    assert isinstance(relation, dict)
    assert relation["type"] == "HAS_TASK"
    assert isinstance(path, list)
    assert len(path) == 3
    assert str(at).startswith("20")
    assert items == [1, "x"]
    assert reader.query("UNWIND range(1, 5) AS n RETURN n", limit=3).truncated
    assert tasks[0].id


@pytest.mark.parametrize("query", ["CREATE (:X)", "MATCH (t:Task) SET t.status = 'done'", "MATCH (n) DETACH DELETE n"])
def test_the_server_refuses_writes_of_a_reader(reader: RoadmapReader, roadmap: Roadmap, plan: Plan, query: str) -> None:
    recorded(roadmap, plan(1))
    with pytest.raises(GraphRefused, match="may not write"):
        reader.query(query)


def test_a_query_that_is_no_cypher_is_said_to_be_none(reader: RoadmapReader) -> None:
    with pytest.raises(QueryInvalid):
        reader.query("MATCH (n RETURN n")


def test_a_server_that_is_away_is_named_with_what_to_do() -> None:
    away = GraphSettings(uri="bolt://127.0.0.1:9", user="x", password="y")
    with RoadmapReader(away) as reader, pytest.raises(GraphUnavailable, match=r"bolt://127\.0\.0\.1:9") as found:
        reader.features()
    assert "roadcrew up" in found.value.hint


def test_wrong_credentials_are_said_to_be_wrong(ways: Ways) -> None:
    wrong = ways[1].model_copy(update={"password": "wrong"})
    if ways[1].database == "neo4j":
        pytest.skip("this server may run without authentication")
    with RoadmapReader(wrong) as reader, pytest.raises(GraphRefused, match="credentials"):
        reader.features()


def test_a_task_that_is_not_there(roadmap: Roadmap) -> None:
    assert roadmap.task("acme/none/T-1") is None
    with pytest.raises(NotInRoadmap):
        roadmap.claim("acme/none/T-1", "me", CHANGE)
    with pytest.raises(NotInRoadmap):
        roadmap.move_task("acme/none/T-1", "assigned", CHANGE)
