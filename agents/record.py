"""The Integrator's record of a task's rounds in the roadmap: runs and what they left."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import JsonValue

from agents.crew import ThreadContext
from agents.ids import key_of
from agents.lessons import keep
from graph import Artifact, Commit, Review, Run, TestReport
from tools.artifacts import ArtifactRef

Result = dict[str, JsonValue]


class RoundRecord:
    """Writes one round of a task; each node has a natural id, so writing it twice is writing it once."""

    def __init__(self, context: ThreadContext, round_: int) -> None:
        self._context = context
        self._roadmap = context.crew.roadmap
        self._round = round_
        self._task = context.state.id
        self._run = f"{self._task}/{round_}"

    def work(self, role: str, result: Result) -> None:
        """Record the try itself, and the bundle that it handed over."""
        turns = [turn for turn in self._context.crew.turns.of([self._task]) if turn.round == self._round]
        costs = [turn.cost_usd for turn in turns if turn.cost_usd is not None]
        run = Run(
            id=self._run,
            task_id=self._task,
            number=self._round,
            role=role,
            started_at=turns[0].started_at or datetime.now(UTC) if turns else datetime.now(UTC),
            verdict=str(result.get("verdict", "")),
            calls=sum(turn.model_calls for turn in turns),
            tokens=sum(turn.tokens for turn in turns),
            cost_usd=sum(costs) if costs else None,
        )
        change = self._context.change(f"round {self._round} of {key_of(self._task)}")
        self._roadmap.record_run(run, change)
        if result.get("bundle"):
            ref = ArtifactRef.model_validate(result["bundle"])
            artifact = Artifact(
                id=f"{self._run}/work.bundle", name="work.bundle", url=ref.url, sha256=ref.sha256, size=ref.size
            )
            self._roadmap.record_artifact(self._run, artifact, change)

    def test(self, result: Result) -> None:
        """Record what the suite said."""
        report = TestReport(
            id=f"{self._run}/tests",
            verdict=str(result.get("verdict", "")),
            passed=int(str(result.get("passed") or 0)),
            failed=int(str(result.get("failed") or 0)),
            url=_url(result.get("report")),
        )
        self._roadmap.record_test_report(self._run, report, self._context.change(report.verdict))

    def review(self, result: Result) -> None:
        """Record what the Reviewer said."""
        review = Review(
            id=f"{self._run}/review",
            verdict=str(result.get("verdict", "")),
            signed_off=bool(result.get("signed_off")),
            url=_url(result.get("review")),
        )
        self._roadmap.record_review(self._run, review, self._context.change(review.verdict))
        keep(self._context, result.get("lessons"), review.id)

    def commit(self, result: Result, title: str) -> None:
        """Record the commit on the feature branch."""
        sha = str(result["merged"])
        commit = Commit(id=f"{self._context.state.repository}@{sha}", sha=sha, message=title)
        self._roadmap.record_commit(self._run, commit, self._context.change(str(result.get("verdict", ""))))


def _url(ref: JsonValue) -> str:
    return str(ref.get("url", "")) if isinstance(ref, dict) else ""
