"""The Reviewer: linters and policy first, then a fresh look by the model; only quoted, concrete findings count."""

from __future__ import annotations

import json
import logging

from pydantic import JsonValue

from agents.crew import TurnContext
from agents.documented_feature import documented_feature
from agents.findings import Finding, ReviewReply, finding_of, quotes_change
from agents.handover import Handover, handed_over
from agents.ids import round_folder
from agents.journal import CommandResult
from agents.lessons import taught_by
from agents.partwise import heard_of
from agents.review_parts import by_file, reading_of
from agents.review_prompt import Material, told
from agents.sarif import review_sarif
from agents.sign_off import Evidence, static_findings, too_long, unmet, vanished
from agents.suites import environment_at
from agents.surroundings import Neighbourhood, look_from
from agents.tasks import planned_task
from agents.threads import Record
from devctl import LaunchRefused, PreparationFailed
from tools.artifacts import ArtifactRef
from tools.lint import LintReport, lint_change
from tools.lint_project import lint_project, project_linters
from tools.mirror import Mirror
from tools.patch import DiffLimits

logger = logging.getLogger(__name__)

WHOLE = DiffLimits(characters=1_000_000_000, file_characters=1_000_000_000)


class Review(Record):
    """A review as it is kept."""

    summary: str
    findings: tuple[Finding, ...]
    resolved: tuple[str, ...] = ()
    dropped: int = 0
    """Claims that quoted no changed line."""
    lint_verdict: str
    parts: int = 1
    """Parts in which the change was read."""
    unread: tuple[str, ...] = ()
    """What nobody read, each with the reason."""

    @property
    def signed_off(self) -> bool:
        """Whether nothing blocks: neither what the model found nor what the linters hold for certain."""
        return not any(finding.blocks for finding in self.findings)


def review(context: TurnContext) -> dict[str, JsonValue]:
    """Return whether the change is signed off, and the reference of the stored review."""
    work = handed_over(context)
    seen = Material.model_validate(
        context.journal.command("material", {"commit": work.commit}, lambda: _material(context, work))
    )
    earlier = _earlier(context, work)
    refused: list[str] = []

    def problems(reply: ReviewReply, asked: list[Finding], alone: bool) -> list[str]:
        found = _problems(context, reply, asked, seen, alone)
        refused.extend(found)
        return found

    heard = heard_of(context, seen, earlier, problems)
    reply = heard.reply
    made = _made(reply, earlier, seen.model_copy(update={"certain": (*seen.certain, *heard.missing)}))
    made = made.model_copy(update={"parts": heard.parts, "unread": (*seen.unread, *heard.unread)})
    if made.dropped:
        logger.info("%d claims of the review of %s quote no changed line", made.dropped, context.task_key)
    _export(context, work, made, seen)
    _note(context, reply, made, refused)
    return {**_result(context, made), "reviewed": work.commit, "lessons": _lessons(earlier, made)}


def _made(reply: ReviewReply, earlier: list[Finding], seen: Material) -> Review:
    """Return the review: what the model says of the code that it quotes, and what the linters hold for certain."""
    kept = [finding_of(claim) for claim in reply.findings if quotes_change(claim, seen.diff)]
    still = {verdict.id for verdict in reply.earlier if verdict.state == "open"}
    return Review(
        summary=reply.summary,
        findings=(
            *(finding for finding in earlier if finding.id in still and finding.id not in {k.id for k in kept}),
            *kept,
            *seen.certain,
        ),
        resolved=tuple(verdict.id for verdict in reply.earlier if verdict.state == "resolved"),
        dropped=len(reply.findings) - len(kept),
        lint_verdict=seen.lint.verdict,
    )


def _export(context: TurnContext, work: Handover, made: Review, seen: Material) -> None:
    """Store the change and the findings of linters and review as SARIF, beside the tests' JUnit XML."""
    folder = round_folder(context.thread.id, context.turn.round)
    about = folder.removeprefix("tasks/")
    log = review_sarif(work.fetch(context), (work.base, work.commit), made.findings, seen.lint, about)
    context.crew.artifacts.put(f"{folder}/review.sarif", log.encode())
    context.crew.artifacts.put(f"{folder}/change.diff", seen.diff.encode())


def _note(context: TurnContext, reply: ReviewReply, made: Review, refused: list[str]) -> None:
    """Write to the audit what the Reviewer said, what of it was not taken, and which of its claims were dropped."""
    dropped = [f"{made.dropped} claims quote no changed line"] if made.dropped else []
    parts = [f"read in {made.parts} parts"] if made.parts > 1 else []
    unread = [f"not read: {one}" for one in made.unread]
    reasons = (*(f"not taken: {problem}" for problem in dict.fromkeys(refused)), *dropped, *parts, *unread)
    verdict = "signed off" if made.signed_off else f"sent back: {', '.join(finding.title for finding in made.findings)}"
    context.note("review", "allowed", reasons, f"{verdict}; {made.summary}", reply.model_dump_json())


def _result(context: TurnContext, made: Review) -> dict[str, JsonValue]:
    name = f"tasks/{context.thread.id}/review-{context.turn.round}.json"
    ref = context.crew.artifacts.put(name, made.model_dump_json(indent=1).encode())
    blocking = sum(finding.blocks for finding in made.findings)
    verdict = "signed off" if made.signed_off else f"{blocking} blocking findings"
    if made.signed_off and made.findings:
        verdict += f" with {len(made.findings)} remarks"
    if made.unread:
        verdict += f"; not read: {', '.join(made.unread[:5])}" + (" and more" if len(made.unread) > 5 else "")
    return {"signed_off": made.signed_off, "verdict": verdict, "review": ref.model_dump(mode="json")}


def _lessons(earlier: list[Finding], made: Review) -> JsonValue:
    return [taught.model_dump() for taught in taught_by(earlier, made.resolved)]


def _material(context: TurnContext, work: Handover) -> CommandResult:
    mirror = work.fetch(context)
    since = work.previous
    lint = _linted(context, mirror, work)
    change = mirror.change(work.base, work.commit, WHOLE)
    reading = reading_of(by_file(change.text))
    material = Material(
        diff=reading.text,
        changed=frozenset(file.path for file in change.files),
        since_diff=mirror.diff(since, work.commit, WHOLE) if since else "",
        lint=lint,
        certain=(*_certain(mirror, work, lint), *too_long(reading.beyond)),
        around=_around(context, mirror, work),
        documented=documented_feature(context, mirror, work) if _is_documentation(context) else None,
        unread=(*reading.unread, *(f"{name} (beyond what one review reads)" for name in reading.beyond)),
    )
    return CommandResult(reply=material.model_dump(mode="json"))


def _is_documentation(context: TurnContext) -> bool:
    return planned_task(context).task.kind == "docs"


def _linted(context: TurnContext, mirror: Mirror, work: Handover) -> LintReport:
    """Return what our linters say on this host, and the repository's own in its environment."""
    report = lint_change(mirror, work.base, work.commit)
    linters = project_linters(mirror, work.base, work.commit)
    if not linters:
        return report
    try:
        with environment_at(context, mirror, work.commit, ()) as worktree:
            return report.joined(lint_project(worktree, linters, mirror.changed_lines(work.base, work.commit)))
    except (PreparationFailed, LaunchRefused) as fault:
        note = f"the repository's own linters could not be run: {fault.message}"
        return report.joined(LintReport(notes=(note,)))


def _certain(mirror: Mirror, work: Handover, lint: LintReport) -> list[Finding]:
    """Return the high findings of the linters with the lines that they are about."""
    contents = mirror.read_many(work.commit, sorted({found.path for found in lint.findings}))
    return static_findings(lint, {path: content.decode("utf-8", "replace") for path, content in contents.items()})


def _around(context: TurnContext, mirror: Mirror, work: Handover) -> Neighbourhood:
    """Return what surrounds the change."""
    changed = [file.path for file in mirror.changed_files(work.base, work.commit)]
    task = planned_task(context).task
    return look_from(mirror, work.commit, changed, [task.title, task.description], work.base)


def _earlier(context: TurnContext, work: Handover) -> list[Finding]:
    """Return the findings that the round before left open; linters are asked anew instead."""
    if work.last_review is None:
        return []
    made = Review.model_validate(json.loads(context.crew.artifacts.get(ArtifactRef.model_validate(work.last_review))))
    return [finding for finding in made.findings if finding.id.startswith("R-")]


def _problems(
    context: TurnContext, reply: ReviewReply, earlier: list[Finding], seen: Material, alone: bool
) -> list[str]:
    """Return what is wrong with a reply beyond its form; one on a part of several need not show every point."""
    said = {verdict.id for verdict in reply.earlier}
    missing = [finding.id for finding in earlier if finding.id not in said]
    problems = [f"earlier: say for {identifier} whether it is resolved or open" for identifier in missing]
    if len(reply.findings) > 6:
        problems.append(f"findings: {len(reply.findings)} are too many, give the six that matter most")
    problems += vanished(earlier, reply.earlier, seen.since_diff or seen.diff)
    if _made(reply, earlier, seen).signed_off:
        points = planned_task(context).task.done_when
        evidence = Evidence(
            diff=seen.diff,
            changed=seen.changed,
            proven_by=told(context, "proven_by"),
            commands=told(context, "commands"),
        )
        problems += unmet(reply, points, evidence, whole=alone)
    return problems
