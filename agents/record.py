"""The Integrator's record of a task's rounds in the roadmap: runs and what they left."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

from pydantic import JsonValue

from agents.chronicle import record_turns, turns_of
from agents.crew import ThreadContext
from agents.feature_files import Mark, artifact_of, stored_at
from agents.findings import Finding
from agents.ids import key_of, round_folder
from agents.lessons import keep
from graph import ArtifactKind, Commit, Review, Run, Stage, TestReport, Turn
from graph import Finding as GraphFinding
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
        change = self._context.change(f"round {self._round} of {key_of(self._task)}")
        turns = turns_of(self._context)
        mine = [turn for turn in turns if turn.round == self._round]
        self._roadmap.record_run(self._run_of(role, str(result.get("verdict", "")), mine), change)
        self._roadmap.record_turns(turns, change)
        if result.get("bundle"):
            ref = ArtifactRef.model_validate(result["bundle"])
            self._keep("work.bundle", ref, self._mark(ArtifactKind.BUNDLE, result.get("commit")))
        self._transcripts()

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
        self._keep_file("junit.xml", ArtifactKind.JUNIT, result.get("tested"))
        self._keep_file("tests.json", ArtifactKind.TESTS, result.get("tested"))
        self._turns()

    def review(self, result: Result) -> None:
        """Record what the Reviewer said."""
        stored = self._stored_review(result)
        review = Review(
            id=f"{self._run}/review",
            verdict=str(result.get("verdict", "")),
            signed_off=bool(result.get("signed_off")),
            url=_url(result.get("review")),
            resolved=tuple(stored.get("resolved", ())),
        )
        change = self._context.change(review.verdict)
        self._roadmap.record_review(self._run, review, change)
        self._roadmap.record_findings(review.id, [_finding(claim) for claim in stored.get("findings", ())], change)
        keep(self._context, result.get("lessons"), review.id)
        self._keep_file("review.sarif", ArtifactKind.SARIF, result.get("reviewed"))
        self._keep_file("change.diff", ArtifactKind.DIFF, result.get("reviewed"))
        if isinstance(result.get("review"), dict):
            ref = ArtifactRef.model_validate(result["review"])
            self._keep("review.json", ref, self._mark(ArtifactKind.REVIEW, result.get("reviewed")))
        self._turns()

    def integration(self, result: Result, title: str) -> None:
        """Record what the suite said on the merged head, and the commit on the feature branch where it was green."""
        self._keep_file("merged/junit.xml", ArtifactKind.JUNIT, result.get("tested"), "merged")
        if not result.get("merged"):
            return
        sha = str(result["merged"])
        commit = Commit(id=f"{self._context.state.repository}@{sha}", sha=sha, message=title)
        self._roadmap.record_commit(self._run, commit, self._context.change(str(result.get("verdict", ""))))
        self._turns()

    def _turns(self) -> None:
        record_turns(self._context, self._round)

    def _run_of(self, role: str, verdict: str, turns: list[Turn]) -> Run:
        """Return the run with what its turns have used so far; those that follow stand in the roadmap as turns."""
        uses = [use for turn in turns for use in turn.uses]
        costs = [use.cost_usd for use in uses if use.cost_usd is not None]
        return Run(
            id=self._run,
            task_id=self._task,
            number=self._round,
            role=role,
            started_at=min((turn.started_at for turn in turns if turn.started_at), default=datetime.now(UTC)),
            verdict=verdict,
            calls=sum(use.calls for use in uses),
            tokens=sum(use.prompt_tokens + use.completion_tokens for use in uses),
            cost_usd=sum(costs) if costs else None,
        )

    def _stored_review(self, result: Result) -> dict[str, Any]:
        """Return the review with its findings as it was stored; nothing where none was."""
        if not isinstance(result.get("review"), dict):
            return {}
        stored: dict[str, Any] = json.loads(
            self._context.crew.artifacts.get(ArtifactRef.model_validate(result["review"]))
        )
        return stored

    def _transcripts(self) -> None:
        """Record what a program in the assignee's seat told of its work in this round."""
        turns = [turn for turn in self._context.crew.turns.of([self._task]) if turn.round == self._round]
        for turn in turns:
            for number in count(1):
                name = f"opencode-{number}.jsonl"
                ref = stored_at(self._context, f"turns/{turn.id}/{name}")
                if ref is None:
                    break
                self._keep(name, ref, self._mark(ArtifactKind.TRANSCRIPT))

    def _keep_file(self, name: str, kind: ArtifactKind, commit: JsonValue, stage: Stage = "round") -> None:
        """Record a file that a turn of this round left beside its results, if it did."""
        ref = stored_at(self._context, f"{round_folder(self._task, self._round)}/{name}")
        if ref is not None:
            self._keep(name, ref, self._mark(kind, commit, stage))

    def _keep(self, name: str, ref: ArtifactRef, mark: Mark) -> None:
        artifact = artifact_of(f"{self._run}/{name}", ref, mark).model_copy(update={"name": name.rpartition("/")[2]})
        self._roadmap.record_artifact(self._run, artifact, self._context.change(f"left in round {self._round}"))

    def _mark(self, kind: ArtifactKind, commit: JsonValue = None, stage: Stage = "round") -> Mark:
        return Mark(kind, stage, self._round, str(commit or ""))


def _finding(claim: dict[str, Any]) -> GraphFinding:
    found = Finding.model_validate(claim)
    return GraphFinding(
        key=found.id, path=found.path, severity=found.severity, title=found.title, failure=found.failure
    )


def _url(ref: JsonValue) -> str:
    return str(ref.get("url", "")) if isinstance(ref, dict) else ""
