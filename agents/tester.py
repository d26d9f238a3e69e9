"""The Tester: runs the suite itself, in a clean environment, and believes nothing else."""

from __future__ import annotations

from pydantic import JsonValue

from agents import documentation
from agents.crew import TurnContext
from agents.errors import RepositoryUnusable
from agents.handover import Handover, handed_over
from agents.ids import round_folder
from agents.journal import CommandResult
from agents.manners import manners_at
from agents.own_rules import rules_at
from agents.suites import suite_at, suite_command
from agents.tasks import planned_task
from agents.verification import Verification, problems_of, restored, verification
from devctl import LaunchRefused, PreparationFailed
from tools.artifacts import ArtifactRef
from tools.mirror import Mirror
from tools.suite import SuiteReport

TAIL = 6_000
"""Characters of a suite's output that travel on."""
RED_TAIL = 2_000
"""Characters of a red base's output that the Planner and the Researcher read."""
MOST_NAMED = 300
"""Tests that are named to the Reviewer."""


def test(context: TurnContext) -> dict[str, JsonValue]:
    """Run the suite on the base commit, or judge a task's work."""
    if context.turn.payload.get("kind") == "baseline":
        reply = context.journal.command("baseline", {"issue": context.thread.issue}, lambda: _baseline(context))
    else:
        work = handed_over(context)
        reply = context.journal.command("verify", {"commit": work.commit}, lambda: _verify(context, work))
    if not isinstance(reply, dict):
        raise TypeError("a test command's reply is an object")
    return reply


def _baseline(context: TurnContext) -> CommandResult:
    host, mirror = context.desk.host, context.desk.mirror
    branch = host.repository().default_branch
    mirror.fetch(branch)
    base = mirror.head(branch)
    if base is None:
        raise RepositoryUnusable(
            f"{context.thread.repository} has no branch {branch!r} yet",
            "push a first commit, an empty one will do",
        )
    manners, wrong = manners_at(mirror, base)
    rules = rules_at(mirror, base)
    notes: list[str] = [*mirror.facts(base).notes, *([wrong] if wrong else [])]
    command = suite_command(context, mirror, base)
    if command is None:
        notes.append("There are no tests to run: the plan has to bring a suite along.")
        report = SuiteReport.without_suite()
    else:
        report = _run_baseline(context, mirror, base)
        if not report.green and not report.empty:
            notes.append(
                f"The suite is not green on {branch} as it stands: {report.verdict}. What fails there is not counted against the work."
            )
    return CommandResult(
        reply={
            "base": base,
            "branch": branch,
            "verdict": report.verdict,
            "suite_command": command.all_text if command else "",
            "tail": "" if report.green or report.empty else report.tail[-RED_TAIL:],
            "junit": _baseline_junit(context, report),
            "notes": list(notes),
            "manners": manners.model_dump(mode="json"),
            "rules": rules.model_dump(mode="json"),
        }
    )


def _baseline_junit(context: TurnContext, report: SuiteReport) -> JsonValue:
    """Keep the results of the base, to be told apart from those of the work; None where nothing was run."""
    if not report.junit:
        return None
    name = f"features/{context.feature}/baseline/junit.xml"
    return context.crew.artifacts.put(name, report.junit.encode()).model_dump(mode="json")


def _run_baseline(context: TurnContext, mirror: Mirror, base: str) -> SuiteReport:
    try:
        return suite_at(context, mirror, base)
    except (PreparationFailed, LaunchRefused) as fault:
        raise RepositoryUnusable(
            f"the dependencies of {context.thread.repository} cannot be installed: {fault.message}",
            "mend its dependency files, or give the command in roadcrew.toml",
        ) from fault


def _verify(context: TurnContext, work: Handover) -> CommandResult:
    mirror = work.fetch(context)
    planned = planned_task(context)
    found = verification(context, mirror, work, planned)
    documents = documentation.judge(context, mirror, work, planned)
    problems = (*problems_of(found, planned), *(documents.problems if documents else ()))
    verdict = found.after.verdict + ("" if not problems else "; " + "; ".join(problems))
    report = _store(context, found, verdict)
    undone = restored(mirror, work, tuple(planned.task.tests_may_change))
    reasons = tuple(f"{path} is run as the base has it: the plan does not let it change" for path in undone)
    context.note("work", "denied" if problems else "allowed", (*reasons, *problems), verdict, work.commit)
    return CommandResult(
        reply={
            "green": not problems,
            "verdict": verdict,
            "passed": found.after.passed,
            "failed": len(found.after.failing),
            "proven_by": list(found.proven_by[:MOST_NAMED]),
            "skipped": _skipped(found),
            "commands": [report.command for report in (found.after, *found.extra) if report.green],
            "tail": _tail(found, documents),
            "problems": list(problems),
            "documentation": documents.as_json if documents else None,
            "report": report.model_dump(mode="json"),
            "tested": work.commit,
        }
    )


def _tail(found: Verification, documents: documentation.Judgement | None) -> str:
    reports = [report for report in (found.after, *found.extra) if not report.green] or [found.after]
    tail = "\n\n".join(f"$ {report.command}\n{report.tail[-TAIL:]}" for report in reports)[-2 * TAIL :]
    return f"{documents.text}\n\n{tail}" if documents and documents.problems else tail


def _skipped(found: Verification) -> list[JsonValue]:
    """Return the tests that were skipped and were not so on the base, with their reasons."""
    before = found.before.by_id
    cases = [case for case in found.after.cases if case.outcome == "skipped" and before.get(case.id) != "skipped"]
    return [f"{case.id}: {case.message.strip()[:200] or 'no reason given'}" for case in cases[:MOST_NAMED]]


def _store(context: TurnContext, found: Verification, verdict: str) -> ArtifactRef:
    folder = round_folder(context.thread.id, context.turn.round)
    if found.after.junit:
        context.crew.artifacts.put(f"{folder}/junit.xml", found.after.junit.encode())
    return context.crew.artifacts.put(f"{folder}/tests.json", found.model_dump_json(indent=1).encode())
