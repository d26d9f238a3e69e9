"""`roadcrew history` and `roadcrew cost` on a real graph in which a delivery was recorded."""

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from graph import (
    Artifact,
    ArtifactKind,
    Change,
    Commit,
    CostLine,
    Feature,
    Finding,
    GraphSettings,
    ModelUse,
    PullRequest,
    Review,
    Roadmap,
    Role,
    Run,
    Saying,
    Stage,
    Task,
    TestReport,
    Turn,
    total_of,
)
from local import ensure_graph, open_workspace, stop
from roadcrew.costs import duration, money
from roadcrew.errors import Exit
from tests.conftest import roadcrew

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHANGE = Change(who="integrator", why="pull request #5 is merged")
PRICED = ModelUse(model="big", calls=4, prompt_tokens=4000, completion_tokens=400, cached_tokens=1000, cost_usd=0.5)
UNPRICED = ModelUse(model="own/small", calls=2, prompt_tokens=600, completion_tokens=60, unpriced=2)
FOUND = Finding(key="R-abc123", path="shop/tax.py", severity="high", title="Rounds down", failure="1.005 gives 1.00")


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """A workspace whose graph holds F-12 of acme/shop, delivered in two rounds, and F-13 in two repositories."""
    with tempfile.TemporaryDirectory(prefix="rh-", dir="/tmp") as folder:
        workspace = open_workspace(Path(folder) / "w")
        writer, _ = ensure_graph(workspace)
        with Roadmap(GraphSettings(**writer.model_dump())) as roadmap:
            roadmap.migrate()
            deliver(roadmap)
            for repository in ("acme/shop", "acme/bank"):
                roadmap.record_plan(repository, feature(repository, 13), [], CHANGE)
        yield str(workspace.path)
        stop(workspace)


def feature(repository: str, issue: int) -> Feature:
    return Feature(
        id=f"{repository}/F-{issue}",
        key=f"F-{issue}",
        repository=repository,
        title="Compute the tax",
        rationale="Customers ask what they pay.",
        issue=issue,
        branch=f"feature/F-{issue}",
    )


def deliver(roadmap: Roadmap) -> None:
    """Record what a delivery leaves."""
    asked = feature("acme/shop", 12)
    task = Task(
        id="acme/shop/T-1201", key="T-1201", feature_id=asked.id, title="Tax of a cart", assignee=Role.CODER,
        touches=("shop/tax.py",),
    )  # fmt: skip
    roadmap.record_plan("acme/shop", asked, [task], CHANGE)
    roadmap.record_turns([turn(asked.id, "planner", 1, "1 tasks: T-1201", PRICED)], CHANGE)
    roadmap.record_feature_artifact(
        asked.id, kept(f"{asked.id}/baseline/junit.xml", ArtifactKind.JUNIT, "baseline"), CHANGE
    )
    roadmap.record_feature_artifact(asked.id, kept(f"{asked.id}/end/cost.json", ArtifactKind.COST, "end"), CHANGE)
    roadmap.record_sayings(
        asked.id, [Saying(key="c1", at=AT, by="ada", kind="word", text="mind \x1b[31mthe\nrounding")], CHANGE
    )
    for number, verdict in ((1, "1 blocking findings"), (2, "signed off")):
        record_round(roadmap, task, number, verdict)
    roadmap.record_commit(f"{task.id}/2", Commit(id="acme/shop@0123456789ab", sha="0123456789ab", message="T"), CHANGE)
    pull = PullRequest(
        id="acme/shop#5", number=5, repository="acme/shop", url="http://host/5", title="T", head="0", state="merged"
    )
    roadmap.record_pull_request(asked.id, pull, CHANGE)
    for status in ("in_progress", "in_review", "done"):
        roadmap.move_feature(asked.id, status, CHANGE)


def record_round(roadmap: Roadmap, task: Task, number: int, verdict: str) -> None:
    run = Run(
        id=f"{task.id}/{number}", task_id=task.id, number=number, role="coder", started_at=AT, verdict="submitted"
    )
    roadmap.record_run(run, CHANGE)
    roadmap.record_test_report(run.id, TestReport(id=f"{run.id}/tests", verdict="3 passed", passed=3), CHANGE)
    mended = (FOUND.key,) if number == 2 else ()
    review = Review(id=f"{run.id}/review", verdict=verdict, signed_off=number == 2, resolved=mended)
    roadmap.record_review(run.id, review, CHANGE)
    roadmap.record_findings(review.id, [] if number == 2 else [FOUND], CHANGE)
    roadmap.record_artifact(run.id, kept(f"{run.id}/junit.xml", ArtifactKind.JUNIT, "round"), CHANGE)
    roadmap.record_artifact(run.id, kept(f"{run.id}/work.bundle", ArtifactKind.BUNDLE, "round"), CHANGE)
    if number == 2:
        roadmap.record_artifact(run.id, kept(f"{run.id}/merged/junit.xml", ArtifactKind.JUNIT, "merged"), CHANGE)
    roadmap.record_turns(
        [
            turn(task.id, "coder", number, "submitted", UNPRICED),
            turn(task.id, "tester", number, "3 passed"),
            turn(task.id, "reviewer", number, verdict, PRICED),
        ],
        CHANGE,
    )


def kept(node: str, kind: ArtifactKind, stage: Stage) -> Artifact:
    name = node.rpartition("/")[2]
    return Artifact(id=node, name=name, kind=kind, stage=stage, url="file:///j", sha256="0", size=1)


def turn(subject: str, role: str, number: int, verdict: str, *uses: ModelUse) -> Turn:
    begins = AT + timedelta(minutes=10 * number + ["planner", "coder", "tester", "reviewer"].index(role))
    return Turn(
        id=f"{subject}/{role}/{number}",
        subject=subject,
        feature_id="acme/shop/F-12",
        role=role,
        round=number,
        status="done",
        verdict=verdict,
        started_at=begins,
        seconds=50.0,
        uses=uses,
    )


def data(place: str, *arguments: str) -> Any:
    done = roadcrew("--workspace", place, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["version"], said["command"]) == (1, arguments[0])
    return said["data"]


@pytest.mark.parametrize("name", ["F-12", "f-12", "12", "#12", "acme/shop/F-12"])
def test_history_tells_the_story_in_order(place: str, name: str) -> None:
    done = roadcrew("--workspace", place, "history", name)
    assert done.returncode == 0, done.stderr
    story = [
        "F-12  Compute the tax",
        "acme/shop #12",
        "Customers ask",
        "1 tasks: T-1201",
        "at the base",
        "junit.xml",
        "T-1201  Tax of a cart",
    ]
    story += ["shop/tax.py", "round 1", "coder", "submitted", "tester", "3 passed", "reviewer", "1 blocking findings"]
    story += ["high R-abc123 shop/tax.py: Rounds down", "left", "junit.xml, work.bundle", "round 2", "signed off"]
    story += ["mended", "R-abc123"]
    story += [
        "0123456789 T",
        "at merge",
        "junit.xml",
        "What people said",
        "ada: mind",
        "The end",
        "#5 merged: http://host/5",
        "done",
        "kept",
        "cost.json",
    ]
    assert in_order(done.stdout, story) == story
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout


def in_order(text: str, wanted: list[str]) -> list[str]:
    """Return the wanted pieces up to the first that does not come after the one before it."""
    found: list[str] = []
    place = 0
    for piece in wanted:
        place = text.find(piece, place)
        if place < 0:
            return found
        found.append(piece)
    return found


def test_history_as_json_holds_every_round(place: str) -> None:
    story = data(place, "history", "F-12")
    assert story["feature"]["status"] == "done"
    assert [len(task["rounds"]) for task in story["tasks"]] == [2]
    assert story["tasks"][0]["rounds"][0]["findings"][0]["key"] == "R-abc123"
    assert [(one["number"], one["state"]) for one in story["pull_requests"]] == [(5, "merged")]
    assert "said word" in {event["what"] for event in story["events"]}


def test_cost_adds_up_by_role_task_and_model(place: str) -> None:
    report = data(place, "cost", "12")
    calls = {kind: {line["name"]: line["calls"] for line in report[f"by_{kind}"]} for kind in ("role", "task", "model")}
    assert calls["role"] == {"planner": 4, "coder": 4, "tester": 0, "reviewer": 8}
    assert calls["task"] == {"(whole feature)": 4, "T-1201": 12}
    assert calls["model"] == {"big": 12, "own/small": 4}
    total = report["total"]
    assert (total["prompt_tokens"], total["completion_tokens"], total["cached_tokens"]) == (13_200, 1_320, 3_000)
    assert (total["cost_usd"], total["unpriced"], total["seconds"]) == (pytest.approx(1.5), 4, 350.0)


def test_cost_says_which_prices_are_not_known(place: str) -> None:
    shown = roadcrew("--workspace", place, "cost", "F-12").stdout
    assert "unknown" in next(line for line in shown.splitlines() if "own/small" in line)
    assert "1.5000+" in shown
    assert "4 calls went to models whose price is not known" in shown
    assert "5 min 50 s" in shown


def test_cost_of_all_features(place: str) -> None:
    for arguments in ((), ("--all",)):
        found = data(place, "cost", *arguments)
        assert [(line["name"], line["calls"]) for line in found["features"]] == [("acme/shop/F-12", 16)]
        assert found["total"]["cost_usd"] == pytest.approx(1.5)


@pytest.mark.parametrize("command", ["history", "cost"])
def test_an_unknown_feature_is_named_with_what_there_is(place: str, command: str) -> None:
    done = roadcrew("--workspace", place, command, "F-99")
    assert done.returncode == Exit.NOT_FOUND
    assert "the roadmap has no feature 'F-99'" in done.stderr
    assert "acme/shop/F-12" in done.stderr


def test_a_key_of_two_repositories_is_asked_back(place: str) -> None:
    done = roadcrew("--workspace", place, "history", "F-13")
    assert done.returncode == Exit.NOT_FOUND
    assert "say acme/bank/F-13 or acme/shop/F-13" in done.stderr


def test_a_feature_and_all_at_once_is_a_wrong_use(place: str) -> None:
    assert roadcrew("--workspace", place, "cost", "F-12", "--all").returncode == Exit.USAGE


def test_an_empty_roadmap_says_so() -> None:
    with tempfile.TemporaryDirectory(prefix="rh-", dir="/tmp") as folder:
        place = str(Path(folder) / "w")
        spent = roadcrew("--workspace", place, "cost")
        assert (spent.returncode, spent.stdout) == (0, "nothing has been spent yet\n"), spent.stderr
        done = roadcrew("--workspace", place, "history", "F-1")
        assert done.returncode == Exit.NOT_FOUND
        assert "it holds nothing yet" in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (CostLine(name="x"), "-"),
        (CostLine(name="x", calls=1, unpriced=1), "unknown"),
        (CostLine(name="x", calls=1, cost_usd=0.25), "0.2500"),
        (CostLine(name="x", calls=2, cost_usd=0.25, unpriced=1), "0.2500+"),
        (CostLine(name="x", calls=2, cost_usd=0.0), "0.0000"),
    ],
)
def test_money_is_never_shown_as_more_certain_than_it_is(line: CostLine, said: str) -> None:
    assert money(line) == said


def test_the_sum_of_lines_keeps_unknown_prices_apart() -> None:
    lines = [CostLine(name="a", calls=1, cost_usd=0.5), CostLine(name="b", calls=2, unpriced=2, seconds=3.0)]
    total = total_of(lines)
    assert (total.calls, total.cost_usd, total.unpriced, total.seconds) == (3, 0.5, 2, 3.0)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "-"), (59.4, "59 s"), (60.0, "1 min 0 s"), (3599.0, "59 min 59 s"), (7500.0, "2 h 5 min")],
)
def test_durations_are_read_at_a_glance(seconds: float, said: str) -> None:
    assert duration(seconds) == said
