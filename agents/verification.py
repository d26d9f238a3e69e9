"""What the Tester finds about a task's work: suites on base and work compared, the proof, what stands against it."""

from __future__ import annotations

from agents.crew import TurnContext
from agents.handover import Handover
from agents.harness import changed_scripts, changed_settings, own_harnesses
from agents.plans import PlannedTask
from agents.second_look import Change, lost_without_additions, passed_in, proof_that_holds
from agents.suites import environment_at, run_at, suite_at, suite_command
from agents.threads import Record
from devctl import LaunchRefused, PreparationFailed
from tools.mirror import Mirror
from tools.service import run_service, service_packages
from tools.suite import SuiteCommand, SuiteReport, base_tests_tree, compare, proven_tests, tests_only_tree

PROOF_KINDS = frozenset({"code", "test"})
"""Kinds of task that need a test which fails before and passes after."""


class SuiteRuns(Record):
    """The suite on the base and on the work, and the task's own commands on the work."""

    change: Change
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


def verification(context: TurnContext, mirror: Mirror, work: Handover, planned: PlannedTask) -> Verification:
    """Run the suite on the base and on the work, with the base's tests, and compare; each tree is run once."""
    before = suite_at(context, mirror, work.base)
    command = suite_command(context, mirror, work.commit)
    if command is None:
        after = SuiteReport.without_suite()
        return Verification(before=before, after=after, proven_by=(), fixed=(), broken=(), still_failing=())
    may_change = tuple(planned.task.tests_may_change)
    change = Change(base=work.base, judged=_with_base_tests(mirror, work, may_change), may_change=may_change)
    after = _run_on_work(context, mirror, change, command)
    difference = compare(before, after)
    gone = _gone(difference.removed, may_change, command.kind)
    hooked = _hidden_by_hooks(context, mirror, change, command, before) if before.passed else ()
    extra = tuple(_extra(context, mirror, work, planned, command))
    runs = SuiteRuns(change=change, command=command, before=before, after=after, extra=extra)
    proven_by, unproven = _proof(context, mirror, work, runs) if planned.task.kind in PROOF_KINDS else ((), "")
    return Verification(
        before=before,
        after=after,
        proven_by=proven_by,
        unproven=unproven,
        fixed=difference.fixed,
        broken=(*difference.broken, *gone, *(name for name in hooked if name not in difference.broken)),
        still_failing=difference.still_failing,
        settings=_settings(mirror, work, command, before, may_change),
        extra=extra,
    )


def _settings(
    mirror: Mirror, work: Handover, command: SuiteCommand, before: SuiteReport, may_change: tuple[str, ...]
) -> tuple[str, ...]:
    """Return what the work does to how tests are run; a first suite may bring settings, but no verdicts of its own."""
    found = own_harnesses(mirror, work.base, work.commit, may_change)
    if not before.passed:
        return found
    told = changed_settings(mirror, work.base, work.commit, may_change)
    return (*told, *found, *changed_scripts(mirror, work.base, work.commit, command, may_change))


def _run_on_work(context: TurnContext, mirror: Mirror, change: Change, command: SuiteCommand) -> SuiteReport:
    """Run the suite on the work; dependencies that cannot be installed are the work's fault and go back with it."""
    try:
        return suite_at(context, mirror, change.judged)
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


def restored(mirror: Mirror, work: Handover, may_change: tuple[str, ...]) -> tuple[str, ...]:
    """Return the test files of the base that the work changes or deletes without leave."""
    tree = base_tests_tree(mirror, work.base, work.commit, may_change)
    return tuple(file.path for file in mirror.changed_files(work.commit, tree))


def _gone(removed: tuple[str, ...], may_change: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """Return the tests that passed before and are not run any more; those of files that may change may go."""
    return tuple(f"{name} (not run any more)" for name in _held(removed, may_change, kind))


def _held(names: tuple[str, ...], may_change: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """Return the tests of files that may not change.

    Only Python's runners name the file in a test's id; with the others, leave for one file is leave for all.
    """
    if may_change and kind not in {"pytest", "unittest"}:
        return ()
    left = [glob.partition("*")[0].removesuffix(".py").replace("/", ".") for glob in may_change]
    return tuple(name for name in names if not any(name.replace("/", ".").startswith(start) for start in left))


def _hidden_by_hooks(
    context: TurnContext, mirror: Mirror, change: Change, command: SuiteCommand, before: SuiteReport
) -> tuple[str, ...]:
    """Return the tests of the base that pass only with what the work adds: hooks, or tests that alter other code."""
    lost, added = lost_without_additions(
        mirror, change, before, lambda commit: run_at(context, mirror, commit, command)
    )
    return tuple(f"{name} (without {added})" for name in _held(lost, change.may_change, command.kind))


def _proof(context: TurnContext, mirror: Mirror, work: Handover, runs: SuiteRuns) -> tuple[tuple[str, ...], str]:
    """Return the tests that fail on the base with only the change's tests added, and pass on the whole change.

    Rust's tests may all stand in new source files: then the base itself is what they are missing from. Where a suite
    tells of no single tests, the task's own commands are tried the same way. Without any, the second says why.
    """
    only_tests = tests_only_tree(mirror, work.base, work.commit)
    if only_tests is None and runs.command.kind != "cargo":
        return (), "no file that the change adds or alters is a test by its name or folder"
    without = runs.before if only_tests is None else run_at(context, mirror, only_tests, runs.command)

    def passing(commit: str) -> set[str]:
        return passed_in(run_at(context, mirror, commit, runs.command))

    def ending_well(commit: str) -> set[str]:
        return {text for text in commands if run_at(context, mirror, commit, runs.command.other(text)).green}

    proven = proven_tests(runs.before, without, runs.after)
    if proven or only_tests is None:
        return proof_that_holds(mirror, runs.change, proven, passing)
    commands = [report.command for report in runs.extra if report.green and report.command]
    well = ending_well(only_tests)
    proven, unproven = proof_that_holds(
        mirror, runs.change, tuple(text for text in commands if text not in well), ending_well
    )
    return proven, unproven or f"with its tests alone {without.verdict}, with the whole change {runs.after.verdict}"


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


def problems_of(found: Verification, planned: PlannedTask) -> tuple[str, ...]:
    """Return what stands against the work, each in words for its Coder; nothing where it is accepted."""
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
