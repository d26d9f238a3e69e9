"""The Integrator's record of a task's rounds in the roadmap: runs and what they left."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from agents.chronicle import record_turns, turns_of
from agents.crew import ThreadContext
from agents.findings import Finding
from agents.ids import key_of
from agents.lessons import keep
from graph import Artifact, Commit, Review, Run, TestReport, Turn
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
        self._keep_file("junit.xml")
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
        self._keep_file("review.sarif")
        self._turns()

    def commit(self, result: Result, title: str) -> None:
        """Record the commit on the feature branch."""
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

    def _keep_file(self, name: str) -> None:
        """Record a file that a turn of this round left beside its results, if it did."""
        path = f"tasks/{self._task}/round-{self._round}/{name}"
        store = self._context.crew.artifacts
        if not store.exists(path):
            return
        content = store.read(path)
        digest = hashlib.sha256(content).hexdigest()
        artifact = Artifact(
            id=f"{self._run}/{name}", name=name, url=f"{store.url}/{path}", sha256=digest, size=len(content)
        )
        self._roadmap.record_artifact(self._run, artifact, self._context.change(f"left in round {self._round}"))


def _finding(claim: dict[str, Any]) -> GraphFinding:
    found = Finding.model_validate(claim)
    return GraphFinding(
        key=found.id, path=found.path, severity=found.severity, title=found.title, failure=found.failure
    )


def _url(ref: JsonValue) -> str:
    return str(ref.get("url", "")) if isinstance(ref, dict) else ""
