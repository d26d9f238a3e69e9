"""The Integrator at the end of a feature: the pull request, what people say to it, the merge."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from agents.crew import ThreadContext
from agents.feature_files import FeatureFiles
from agents.feedback import Ask, asks_of, is_approved, unheeded_reviews
from agents.ids import marker
from agents.plans import load_plan
from agents.pull_request_text import pull_request_text
from agents.steering import asked_task
from agents.threads import Record
from graph import PullRequest
from policies import Action
from specs import quiet
from tools.codehost import CodeHostConflict
from tools.codehost import PullRequest as HostedPullRequest

Result = dict[str, JsonValue]


class Inspection(Record):
    """A pull request as it stands, and what follows."""

    step: Literal["wait", "revise", "merge", "finish"]
    head: str
    waits_for: str = ""
    asks: tuple[str, ...] = ()
    """Keys of the reviews, comments and red checks that ask for a revision."""
    feedback: str = ""
    """What they say, for the Coder."""
    merged: bool = False


class PullRequestDesk:
    """Opens, watches and merges the feature's pull request."""

    def __init__(self, context: ThreadContext) -> None:
        self._context = context
        self._crew = context.crew

    def open(self, plan_result: Result, baseline: Result, documentation: Result, opened: int | None = None) -> int:
        """Open the pull request, or bring its text up to date; return its number.

        One that was ``opened`` before and that a person closed stays closed: it is what `inspect` then ends with.
        """
        if opened is not None and self.closed(opened) is not None:
            return opened
        host, plan = self._context.desk.host, load_plan(self._crew, plan_result)
        threads = self._context.siblings()
        text = pull_request_text(self._context, plan, self._crew.turns.of(threads), documentation)
        hosted = host.upsert_pull_request(
            head=self._context.branch, base=str(baseline["branch"]), title=quiet(plan.proposal.title), body=text
        )
        self._record(hosted, "the pull request is open")
        self._crew.roadmap.move_feature(self._context.feature, "in_review", self._context.change("waits for review"))
        return hosted.number

    def closed(self, number: int | None) -> Inspection | None:
        """Return that a person closed the pull request without a merge; None where it is not so, or not yet opened."""
        if number is None:
            return None
        hosted = self._context.desk.host.pull_request(number)
        gone = hosted.state == "closed" and not hosted.merged
        return Inspection(step="finish", head=hosted.head_sha) if gone else None

    def inspect(self, number: int, handled: list[str]) -> Inspection:
        """Look at reviews, comments and checks, and say what follows."""
        host = self._context.desk.host
        hosted = host.pull_request(number)
        if hosted.merged:
            return Inspection(step="finish", head=hosted.head_sha, merged=True)
        if hosted.state == "closed":
            return Inspection(step="finish", head=hosted.head_sha)
        for event in unheeded_reviews(host, number):
            self._crew.audit.once(event, self._context.feature)
        checks = host.check_state(hosted.head_sha)
        asks = [ask for ask in asks_of(host, hosted, checks) if ask.key not in handled]
        if asks:
            return self._revision(hosted, asks)
        if checks.state == "failure":
            return Inspection(step="wait", head=hosted.head_sha, waits_for="a person: its checks are red")
        approved = is_approved(host, hosted, self._context.crew.threads.approvals(self._context.feature))
        if not approved or checks.state != "success":
            missing = [
                word
                for word, there in (("approval", approved), ("green checks", checks.state == "success"))
                if not there
            ]
            return Inspection(step="wait", head=hosted.head_sha, waits_for=" and ".join(missing))
        if self._crew.settings.merge == "never":
            return Inspection(step="wait", head=hosted.head_sha, waits_for="a person to merge it")
        return Inspection(step="merge", head=hosted.head_sha)

    def add_revision(self, number: int, seen: Inspection) -> None:
        """Add one task to the roadmap that answers what was asked."""
        roadmap = self._crew.roadmap
        tasks = roadmap.tasks(self._context.feature)
        answered = next((task for task in tasks if set(seen.asks) <= set(task.tags)), None)
        if answered is not None:
            return
        task = asked_task(
            self._context,
            tasks,
            f"Answer the review of pull request #{number}",
            tuple(line for line in seen.feedback.splitlines() if line.startswith("- "))
            or ("what the review asks is done",),
            ("revision", *seen.asks),
        )
        ref = self._crew.artifacts.put(f"features/{task.id}/asked.md", seen.feedback.encode())
        roadmap.add_task(
            task,
            self._context.change(f"asked for at {ref.url}"),
            discovered_from=task.depends_on[-1] if task.depends_on else None,
        )
        FeatureFiles(self._context).requested(task.id, ref)
        feature = self._context.feature
        roadmap.move_feature(feature, "in_progress", self._context.change("the review asks for changes"))

    def merge(self, number: int, seen: Inspection) -> Inspection:
        """Merge as policy and the branch's protection allow, on what holds at this moment."""
        host = self._context.desk.host
        hosted = host.pull_request(number)
        approvals = self._context.crew.threads.approvals(self._context.feature)
        action = Action(
            role="integrator",
            tool="merge",
            repository=self._context.state.repository,
            arguments={
                "approved": hosted.head_sha == seen.head and is_approved(host, hosted, approvals),
                "green": host.check_state(seen.head).state == "success",
                "pull_request": number,
            },
        )
        decision = self._crew.policy.decide(action)
        self._context.note_decision("merge", decision, f"pull request #{number} at {seen.head}")
        if not decision.allowed:
            return seen.model_copy(update={"step": "wait", "waits_for": "policy: " + "; ".join(decision.reasons)})
        try:
            host.merge(number, self._crew.settings.merge_method, seen.head)
        except CodeHostConflict as fault:
            return seen.model_copy(
                update={"step": "wait", "waits_for": f"a merge that the host refuses: {fault.message}"}
            )
        return seen.model_copy(update={"step": "finish", "merged": True})

    def finish(self, number: int, seen: Inspection) -> Result:
        """Record the end: tasks and feature done, or cancelled when the pull request was closed."""
        roadmap, feature = self._crew.roadmap, self._context.feature
        hosted = self._context.desk.host.pull_request(number)
        self._record(hosted, "merged" if seen.merged else "closed without a merge")
        if not seen.merged:
            change = self._context.change(f"pull request #{number} was closed")
            for task in roadmap.tasks(feature):
                if task.status == "open":
                    roadmap.move_task(task.id, "cancelled", change)
            roadmap.move_feature(feature, "cancelled", change)
            return {"verdict": "closed", "pull_request": number, "url": hosted.url}
        for task in roadmap.tasks(feature):
            if task.status == "verified":
                roadmap.move_task(task.id, "done", self._context.change(f"pull request #{number} is merged"))
        roadmap.move_feature(feature, "done", self._context.change(f"pull request #{number} is merged"))
        text = f"**{self._context.feature_key} is done**: pull request #{number} is merged."
        self._context.desk.host.upsert_comment(
            self._context.state.issue, marker("done", self._context.feature_key), text
        )
        return {"verdict": "merged", "pull_request": number, "url": hosted.url}

    def _revision(self, hosted: HostedPullRequest, asks: list[Ask]) -> Inspection:
        feedback = "\n".join(f"- {ask.text}" for ask in asks)
        return Inspection(step="revise", head=hosted.head_sha, asks=tuple(ask.key for ask in asks), feedback=feedback)

    def _record(self, hosted: HostedPullRequest, why: str) -> None:
        state = self._context.state
        record = PullRequest(
            id=f"{state.repository}#{hosted.number}",
            number=hosted.number,
            repository=state.repository,
            url=hosted.url,
            title=hosted.title,
            head=hosted.head_sha,
            state="merged" if hosted.merged else "closed" if hosted.state == "closed" else "open",
        )
        self._crew.roadmap.record_pull_request(self._context.feature, record, self._context.change(why))
