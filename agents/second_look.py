"""A second look at results that a change could have made up: without what it adds to the tests, and with its code failing.

The code under test shares a process with its tests, so a change can put its own functions, assertions or results in the
place of the real ones. What passes only then is no pass, and what passes without the change's functions is no proof.
"""

from __future__ import annotations

from collections.abc import Callable

from agents.harness import without_hooks
from agents.meddling import meddling_files, outside, without_added_tests
from agents.threads import Record
from tools.extreme_mutation import mutated
from tools.mirror import Mirror
from tools.suite import SuiteReport, compare

Run = Callable[[str], SuiteReport]
"""Runs the suite on a commit."""


class Change(Record):
    """A task's work as the suite is run on it."""

    base: str
    judged: str
    """The work with the base's tests put back."""
    may_change: tuple[str, ...] = ()
    """Tests of the base that the plan lets change."""


def lost_without_additions(
    mirror: Mirror, change: Change, before: SuiteReport, run: Run
) -> tuple[tuple[str, ...], str]:
    """Return the tests of the base that pass only with what the change adds, and what that is.

    Hooks such as a `conftest.py` are always taken out, added tests where the change could alter other code.
    """
    tree, hooks = without_hooks(mirror, change.base, change.judged, change.may_change)
    if meddling_files(mirror, change.base, change.judged):
        tree = without_added_tests(mirror, change.base, tree, change.may_change)
    if tree == mirror.tree_of(change.judged):
        return (), ""
    report = run(_commit(mirror, change, tree, "The work without what it adds to the tests"))
    found = compare(before, report)
    return (*found.broken, *found.removed), ", ".join(hooks) or "the added tests"


def proof_that_holds(
    mirror: Mirror, change: Change, proven: tuple[str, ...], passing: Callable[[str], set[str]]
) -> tuple[tuple[str, ...], str]:
    """Return which tests prove a change that could put something in the place of what they test; else why none does.

    They must fail where every function of the change fails when it is called; `passing` tells which do not. Where the
    change has no function, tests of files that alter other code prove nothing.
    """
    meddling = meddling_files(mirror, change.base, change.judged)
    if not meddling or not proven:
        return proven, ""
    who = ", ".join(meddling[:5])
    tree = mutated(mirror, change.base, change.judged)
    if tree is None:
        return outside(proven, meddling), f"{who} may alter what is tested: have a test in a file that does not"
    passed = passing(_commit(mirror, change, tree, "The work with functions that fail"))
    return tuple(name for name in proven if name not in passed), (
        f"{', '.join(proven[:5])} pass as well where each function that the change adds or alters fails: "
        f"they test what {who} may put in its place"
    )


def passed_in(report: SuiteReport) -> set[str]:
    """Return the tests that passed in a run."""
    return {case.id for case in report.cases if case.outcome == "passed"}


def _commit(mirror: Mirror, change: Change, tree: str, message: str) -> str:
    return mirror.commit_tree(tree, (change.base,), message, at=mirror.commit(change.base).committed_at)
