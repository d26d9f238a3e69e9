"""Running a repository's tests in a work tree, and telling a change's tests from its code.

A model's word is never evidence: what counts is the report of a run in a clean environment, with the base's test
files put back first.
"""

import secrets
from collections.abc import Sequence

from tools.inline_tests import with_inline_tests
from tools.junit import TestCaseResult, unique, write_junit
from tools.mirror import Mirror
from tools.observation import cut_middle
from tools.suites.capture import beside
from tools.suites.command import SuiteCommand, command_of
from tools.suites.comparison import SuiteComparison, compare, proven_tests
from tools.suites.detect import detect_suite
from tools.suites.gather import gather, remove_folders
from tools.suites.report import SuiteReport, SuiteState
from tools.suites.runner import REPORT_BYTES, Armed, Evidence, Place, Reading
from tools.suites.runners import RUNNERS
from tools.testpaths import is_test_path, matches
from tools.worktree import WorkTree

__all__ = [
    "SuiteCommand",
    "SuiteComparison",
    "SuiteReport",
    "TestCaseResult",
    "command_of",
    "compare",
    "detect_suite",
    "is_test_path",
    "proven_tests",
    "restore_base_tests",
    "run_suite",
    "tests_only_tree",
]

TAIL_CHARACTERS = 20_000


def run_suite(worktree: WorkTree, command: SuiteCommand, seconds: float) -> SuiteReport:
    """Run the tests in a work tree, each suite of them for at most `seconds`; what they do is told in the report.

    Raises WorkTreeLost, and ToolError when the clone's `.git` is no folder any more.
    """
    if command.setup:
        setup = worktree.exec(command.setup, seconds=seconds)
        if setup.exit_code != 0:
            return SuiteReport(
                command=command.all_text,
                kind=command.kind,
                state="timed_out" if setup.timed_out else "broken",
                exit_code=setup.exit_code,
                problem=f"the setup command {command.setup!r} ended with status {setup.exit_code}",
                tail=cut_middle(setup.output, TAIL_CHARACTERS),
                seconds=setup.seconds,
            )
    reports = [_run_one(worktree, one, seconds) for one in (command, *command.others)]
    return reports[0] if len(reports) == 1 else _together(reports, command)


def _run_one(worktree: WorkTree, command: SuiteCommand, seconds: float) -> SuiteReport:
    place = Place(root=worktree.workdir, private=f".git/roadcrew-{secrets.token_hex(8)}")
    runner = RUNNERS.get(command.kind)
    armed = runner.arm(command, place) if runner else Armed(text=command.text)
    for path, content in armed.programs.items():
        worktree.put_private(path, content)
    if armed.folders:
        remove_folders(worktree, armed.folders)
    text = beside(command.server, place, armed.text) if command.server else armed.text
    result = worktree.exec(text, seconds=seconds, env=armed.env)
    report = worktree.take_private(f"{place.private}.report", REPORT_BYTES + 1) if runner else None
    evidence = Evidence(
        exit_code=result.exit_code,
        output=result.output,
        report=report,
        files=gather(worktree, armed.folders) if armed.folders and not result.timed_out else {},
        root=place.root,
        p95_ms=command.server.p95_ms if command.server else None,
    )
    read = runner.read(evidence) if runner else _by_status(command, result.exit_code)
    output = result.output if read.output is None else read.output
    state: SuiteState = "timed_out" if result.timed_out else "broken" if read.problem else "completed"
    cases = read.cases if state == "completed" else ()
    return SuiteReport(
        command=command.text,
        kind=command.kind,
        state=state,
        exit_code=result.exit_code,
        cases=cases,
        problem=read.problem if state == "broken" else "",
        tail=cut_middle(output, TAIL_CHARACTERS),
        seconds=result.seconds,
        junit=read.junit.decode("utf-8", "replace") if read.junit is not None else write_junit(cases),
    )


def _by_status(command: SuiteCommand, status: int) -> Reading:
    return Reading(cases=(TestCaseResult(id=command.text, outcome="passed" if status == 0 else "failed"),))


def _together(reports: Sequence[SuiteReport], command: SuiteCommand) -> SuiteReport:
    """One report of several suites; the worst of them says how it ended."""
    worst = next((r for state in ("timed_out", "broken") for r in reports if r.state == state), None)
    worst = worst or next((r for r in reports if r.exit_code != 0), reports[0])
    cases = unique(case for report in reports for case in report.cases)
    return SuiteReport(
        command=command.all_text,
        kind=command.kind,
        state=worst.state,
        exit_code=worst.exit_code,
        cases=cases,
        problem=f"{worst.command}: {worst.problem}" if worst.problem else "",
        tail=cut_middle("\n\n".join(f"$ {r.command}\n{r.tail}" for r in reports), TAIL_CHARACTERS),
        seconds=sum(report.seconds for report in reports),
        junit=write_junit(cases),
    )


def restore_base_tests(
    worktree: WorkTree, mirror: Mirror, base: str, may_change: Sequence[str] = ()
) -> tuple[str, ...]:
    """Put the base's test files back, except those that may change; returns the paths that were put back.

    Test files that the base does not have stay. Raises WorkTreeLost.
    """
    commit = worktree.snapshot().commit
    restored = base_tests_tree(mirror, base, commit, may_change)
    paths = tuple(file.path for file in mirror.changed_files(commit, restored))
    if paths:
        worktree.restore(restored)
    return paths


def base_tests_tree(mirror: Mirror, base: str, commit: str, may_change: Sequence[str] = ()) -> str:
    """The tree of `commit` with the base's test files as the base has them, except those that may change."""
    there = {entry.path for entry in mirror.files(base)}
    wanted = there & _differing_tests(mirror, base, commit)
    return mirror.graft(commit, base, [path for path in wanted if not matches(path, may_change)])


def tests_only_tree(mirror: Mirror, base: str, commit: str) -> str | None:
    """A commit on the base with only the change's tests; None when the change has none that can be told apart.

    Tests are files by the customs of their language, and in Rust also the test modules inside source files that
    the base has. Tests that fail there and pass at `commit` are proof of the change.
    """
    paths = _differing_tests(mirror, base, commit)
    inline = with_inline_tests(mirror, base, commit)
    if not paths and not inline:
        return None
    at = mirror.commit(base).committed_at
    message = "Only the tests of a change"
    tree = mirror.graft(base, commit, sorted(paths))
    if inline:
        tree = mirror.edit_tree(tree, inline)
    return mirror.commit_tree(tree, [base], message, at=at)


def _differing_tests(mirror: Mirror, base: str, commit: str) -> set[str]:
    return {file.path for file in mirror.changed_files(base, commit) if is_test_path(file.path)}
