"""The Tester: runs the suite itself, in a clean environment, and believes nothing else."""

from __future__ import annotations

import json

from pydantic import JsonValue

from agents import documentation
from agents.crew import TurnContext
from agents.errors import RepositoryUnusable
from agents.handover import Handover, handed_over
from agents.harness import changed_settings, without_hooks
from agents.journal import CommandResult
from agents.manners import manners_at
from agents.own_rules import rules_at
from agents.plans import PlannedTask
from agents.tasks import feature_plan, planned_task
from agents.threads import Record
from devctl import LaunchRefused, PreparationFailed
from tools.artifacts import ArtifactRef
from tools.environments import WorkTree, open_worktree, prepare_commit
from tools.errors import ArtifactMissing
from tools.mirror import Mirror
from tools.service import run_service, service_packages
from tools.suite import (
    SuiteCommand,
    SuiteReport,
    base_tests_tree,
    compare,
    detect_suite,
    proven_tests,
    run_suite,
    tests_only_tree,
)

TAIL = 6_000
"""Characters of a suite's output that travel on."""
RED_TAIL = 2_000
"""Characters of a red base's output that the Planner and the Researcher read."""
MOST_NAMED = 300
"""Tests that are named to the Reviewer."""
PROOF_KINDS = frozenset({"code", "test"})
"""Kinds of task that need a test which fails before and passes after."""


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


def suite_command(context: TurnContext, mirror: Mirror, commit: str) -> SuiteCommand | None:
    """Return how the suite is run: as the repository says, else as its plan says, else as detected."""
    try:
        planned = feature_plan(context).proposal.test_command
    except LookupError:
        planned = None
    return detect_suite(mirror, commit, planned)


def suite_at(context: TurnContext, mirror: Mirror, commit: str) -> SuiteReport:
    """Return the suite's report on a commit, run once per tree and command.

    Two commits with one tree are one thing to a suite: a merge that changes nothing needs no second run.
    """
    command = suite_command(context, mirror, commit)
    if command is None:
        return SuiteReport.without_suite()
    key = f"suites/{context.thread.repository}/{mirror.tree_of(commit)}/{command.digest}.json"
    try:
        return SuiteReport.model_validate(json.loads(context.crew.artifacts.read(key)))
    except ArtifactMissing:
        report = run_at(context, mirror, commit, command)
        context.crew.artifacts.put(key, report.model_dump_json().encode())
        return report


def run_at(context: TurnContext, mirror: Mirror, commit: str, command: SuiteCommand) -> SuiteReport:
    """Run the suite on a commit in a fresh environment."""
    with environment_at(context, mirror, commit, command.packages) as worktree:
        return run_suite(worktree, command, context.crew.settings.suite_seconds)


def environment_at(context: TurnContext, mirror: Mirror, commit: str, packages: tuple[str, ...]) -> WorkTree:
    """Return a fresh environment with a commit and its dependencies in it; the caller closes it."""
    crew = context.crew
    role, repository = context.turn.role, context.thread.repository
    prepared = prepare_commit(crew.launcher, mirror, commit, packages=packages, role=role, repository=repository)
    labels = {"feature": context.feature, "task": context.task_key, "role": role}
    return open_worktree(
        crew.launcher, mirror, commit, prepared=prepared, labels=labels, role=role, repository=repository
    )


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


class SuiteRuns(Record):
    """The suite on the base and on the work, and the task's own commands on the work."""

    command: SuiteCommand
    before: SuiteReport
    after: SuiteReport
    extra: tuple[SuiteReport, ...]


class Verification(Record):
    """What the Tester found about one task's work."""

    before: SuiteReport
    after: SuiteReport
    proven_by: tuple[str, ...]
    """Tests that fail without the change and pass with it; where none is known by name, commands of the task."""
    unproven: str = ""
    """Why nothing proves the change, as far as that can be told."""
    fixed: tuple[str, ...]
    broken: tuple[str, ...]
    still_failing: tuple[str, ...]
    settings: tuple[str, ...] = ()
    """What the change does to how tests are run, without leave."""
    extra: tuple[SuiteReport, ...] = ()
    """The commands that the plan asks for besides the suite."""


def _verify(context: TurnContext, work: Handover) -> CommandResult:
    mirror = work.fetch(context)
    planned = planned_task(context)
    found = _verification(context, mirror, work, planned)
    documents = documentation.judge(context, mirror, work, planned)
    problems = (*_problems(found, planned), *(documents.problems if documents else ()))
    verdict = found.after.verdict + ("" if not problems else "; " + "; ".join(problems))
    report = _store(context, found, verdict)
    restored = _restored(mirror, work, tuple(planned.task.tests_may_change))
    reasons = tuple(f"{path} is run as the base has it: the plan does not let it change" for path in restored)
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


def _verification(context: TurnContext, mirror: Mirror, work: Handover, planned: PlannedTask) -> Verification:
    before = suite_at(context, mirror, work.base)
    command = suite_command(context, mirror, work.commit)
    if command is None:
        after = SuiteReport.without_suite()
        return Verification(before=before, after=after, proven_by=(), fixed=(), broken=(), still_failing=())
    may_change = tuple(planned.task.tests_may_change)
    after = _run_on_work(context, mirror, work, command, may_change)
    difference = compare(before, after)
    gone = _gone(difference.removed, may_change, command.kind)
    hooked = _hidden_by_hooks(context, mirror, work, command, before) if before.passed else ()
    extra = tuple(_extra(context, mirror, work, planned, command))
    runs = SuiteRuns(command=command, before=before, after=after, extra=extra)
    proven_by, unproven = _proof(context, mirror, work, runs) if planned.task.kind in PROOF_KINDS else ((), "")
    return Verification(
        before=before,
        after=after,
        proven_by=proven_by,
        unproven=unproven,
        fixed=difference.fixed,
        broken=(*difference.broken, *gone, *(name for name in hooked if name not in difference.broken)),
        still_failing=difference.still_failing,
        settings=changed_settings(mirror, work.base, work.commit, may_change) if before.passed else (),
        extra=extra,
    )


def _run_on_work(
    context: TurnContext, mirror: Mirror, work: Handover, command: SuiteCommand, may_change: tuple[str, ...]
) -> SuiteReport:
    """Run the suite on the work; dependencies that cannot be installed are the work's fault and go back with it."""
    try:
        return suite_at(context, mirror, _with_base_tests(mirror, work, may_change))
    except (PreparationFailed, LaunchRefused) as fault:
        log = fault.log if isinstance(fault, PreparationFailed) else ""
        problem = f"the dependencies cannot be installed: {fault.message}"
        return SuiteReport(
            command=command.text,
            kind=command.kind,
            state="broken",
            exit_code=None,
            problem=problem,
            tail=f"{log}\n{problem}",
        )


def _with_base_tests(mirror: Mirror, work: Handover, may_change: tuple[str, ...]) -> str:
    """Return the work with every test file of the base as the base has it, save those that may change."""
    tree = base_tests_tree(mirror, work.base, work.commit, may_change)
    if tree == mirror.tree_of(work.commit):
        return work.commit
    at = mirror.commit(work.base).committed_at
    return mirror.commit_tree(tree, (work.base,), "The work with the base's tests", at=at)


def _restored(mirror: Mirror, work: Handover, may_change: tuple[str, ...]) -> tuple[str, ...]:
    """Return the test files of the base that the work changes or deletes without leave."""
    tree = base_tests_tree(mirror, work.base, work.commit, may_change)
    return tuple(file.path for file in mirror.changed_files(work.commit, tree))


def _gone(removed: tuple[str, ...], may_change: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """Return the tests that passed before and are not run any more; those of files that may change may go.

    Only Python's runners name the file in a test's id; with the others, leave for one file is leave for all.
    """
    if may_change and kind not in {"pytest", "unittest"}:
        return ()
    left = [glob.partition("*")[0].removesuffix(".py").replace("/", ".") for glob in may_change]
    return tuple(
        f"{name} (not run any more)"
        for name in removed
        if not any(name.replace("/", ".").startswith(start) for start in left)
    )


def _hidden_by_hooks(
    context: TurnContext, mirror: Mirror, work: Handover, command: SuiteCommand, before: SuiteReport
) -> tuple[str, ...]:
    """Return the tests of the base that pass only with hooks that the work adds, such as a `conftest.py`."""
    may_change = tuple(planned_task(context).task.tests_may_change)
    judged = _with_base_tests(mirror, work, may_change)
    tree, hooks = without_hooks(mirror, work.base, judged, may_change)
    if not hooks:
        return ()
    at = mirror.commit(work.base).committed_at
    plain = mirror.commit_tree(tree, (work.base,), "The work without the hooks that it adds", at=at)
    found = compare(before, run_at(context, mirror, plain, command))
    return tuple(f"{name} (without {', '.join(hooks)})" for name in (*found.broken, *found.removed))


def _proof(context: TurnContext, mirror: Mirror, work: Handover, runs: SuiteRuns) -> tuple[tuple[str, ...], str]:
    """Return the tests that fail on the base with only the change's tests added, and pass on the whole change.

    Rust's tests may all stand in new source files: then the base itself is what they are missing from. Where a suite
    tells of no single tests, the task's own commands are tried the same way. Without any, the second says why.
    """
    only_tests = tests_only_tree(mirror, work.base, work.commit)
    if only_tests is None and runs.command.kind != "cargo":
        return (), "no file that the change adds or alters is a test by its name or folder"
    without = runs.before if only_tests is None else run_at(context, mirror, only_tests, runs.command)
    proven = proven_tests(runs.before, without, runs.after)
    if proven or only_tests is None:
        return proven, ""
    commands = [report.command for report in runs.extra if report.green and report.command]
    proven = tuple(text for text in commands if not run_at(context, mirror, only_tests, runs.command.other(text)).green)
    return proven, f"with its tests alone {without.verdict}, with the whole change {runs.after.verdict}"


def _extra(
    context: TurnContext, mirror: Mirror, work: Handover, planned: PlannedTask, suite: SuiteCommand
) -> list[SuiteReport]:
    """Run the task's own commands that the suite does not cover."""
    run_already = {suite.text, *(other.text for other in suite.others)}
    commands = [text for text in planned.task.tests if text.strip() and text.strip() not in run_already]
    reports = [run_at(context, mirror, work.commit, suite.other(text)) for text in commands]
    if planned.task.service is None:
        return reports
    wanted = (*suite.packages, *service_packages(planned.task.service))
    with environment_at(context, mirror, work.commit, tuple(dict.fromkeys(wanted))) as worktree:
        checked = run_service(worktree, planned.task.service, suite.setup, context.crew.settings.suite_seconds)
    return [*reports, *checked]


def _problems(found: Verification, planned: PlannedTask) -> tuple[str, ...]:
    problems: list[str] = []
    if found.after.empty and planned.task.kind in PROOF_KINDS:
        problems.append("there is no suite to prove the work")
    if not found.after.completed:
        problems.append("the suite did not run to its end")
    problems += found.settings
    if not found.before.exit_code and found.after.exit_code and not found.after.failing and not found.after.empty:
        problems.append(f"the suite ended with status {found.after.exit_code} although no test of it failed")
    if found.broken:
        problems.append(f"broken: {', '.join(found.broken[:10])}")
    new_failures = [
        case for case in found.after.failing if case not in found.still_failing and case not in found.broken
    ]
    if new_failures:
        problems.append(f"failing: {', '.join(new_failures[:10])}")
    problems += [f"{report.command} failed" for report in found.extra if not report.green]
    if not problems and planned.task.kind in PROOF_KINDS and not found.proven_by:
        problems.append(f"no test fails without the change and passes with it: {found.unproven}".rstrip(": "))
    return tuple(problems)


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
    folder = f"tasks/{context.thread.id}/round-{context.turn.round}"
    if found.after.junit:
        context.crew.artifacts.put(f"{folder}/junit.xml", found.after.junit.encode())
    return context.crew.artifacts.put(f"{folder}/tests.json", found.model_dump_json(indent=1).encode())
