"""Commit statuses, check runs and the protection that requires them."""

import logging
from typing import TYPE_CHECKING, Literal

from tools.codehost.connection import Connection
from tools.codehost.records import CheckResult, CheckState, CommitStatus, Protection, StatusState
from tools.codehost.text import DESCRIPTION_LIMIT, one_line
from tools.errors import CodeHostNotFound, CodeHostRefused

if TYPE_CHECKING:
    from github import Branch, CheckRun, Commit
    from github import CommitStatus as github_status
    from github.PaginatedList import PaginatedList
    from github.Repository import Repository

logger = logging.getLogger(__name__)

_GREEN = frozenset({"success", "neutral", "skipped"})
_UNDECIDED = frozenset({"pending", "queued", "in_progress", "waiting", "requested"})


class CheckCalls(Connection):
    """Calls about checks."""

    def set_status(
        self, sha: str, context: str, state: StatusState, description: str = "", target_url: str = ""
    ) -> None:
        """Set the status of this context on a commit; one that says the same already stays."""
        text = one_line(self._masked(description), DESCRIPTION_LIMIT)
        address = self._masked(target_url)

        def write(repo: "Repository") -> bool:
            from github.GithubObject import NotSet

            commit = repo.get_commit(sha)
            for status in _latest_statuses(commit):
                said = (status.context, status.state, status.description or "", status.target_url or "")
                if said == (context, state, text, address):
                    return False
            commit.create_status(state, target_url=address or NotSet, description=text, context=context)
            return True

        if self._do(f"set the status {context} of commit {sha[:12]}", write):
            logger.info("status %s of %s in %s: %s", context, sha[:12], self.settings.repository, state)

    def check_state(self, sha: str, base: str | None = None) -> CheckState:
        """All statuses and check runs of a commit, and what the protection of `base` still misses.

        `base` is the branch that it is to be merged into; the repository's default branch if it is not given.
        """
        checks = self._do(f"read the checks of commit {sha[:12]}", lambda repo: _checks(repo, sha))
        branch = base or self._do("read the default branch", lambda repo: repo.default_branch)
        rules = self.protection(branch)
        return combine(checks, rules.required_checks if rules is not None else ())

    def protection(self, branch: str) -> Protection | None:
        """The rules of a branch, or None when it is not protected.

        A token without administration rights is told only the required checks.
        """
        try:
            found = self._do(f"read branch {branch}", lambda repo: _summary(repo.get_branch(branch)))
        except CodeHostNotFound:
            return None
        if found is None:
            return None
        try:
            return self._do(f"read the protection of {branch}", lambda repo: _rules(repo.get_branch(branch)))
        except (CodeHostNotFound, CodeHostRefused) as error:
            logger.info("of the protection of %s only the required checks are known: %s", branch, error.message)
            return found


def combine(checks: tuple[CommitStatus, ...], required: tuple[str, ...]) -> CheckState:
    """All checks taken together: red wins, then what is missing or not done; nothing at all is not green."""
    failed = tuple(check.name for check in checks if check.state == "failure")
    reported = {check.name for check in checks}
    missing = tuple(name for name in required if name not in reported)
    pending = (*(check.name for check in checks if check.state == "pending"), *missing)
    state: Literal["success", "failure", "pending", "none"] = "success"
    if failed:
        state = "failure"
    elif pending:
        state = "pending"
    elif not checks:
        state = "none"
    return CheckState(state=state, failed=failed, pending=pending, checks=checks)


def result_of_status(state: str) -> CheckResult:
    """A commit status's state; a word that is not known is not green."""
    if state == "success":
        return "success"
    return "failure" if state in {"failure", "error"} else "pending"


def result_of_run(status: str, conclusion: str | None) -> CheckResult:
    """A check run's result; a conclusion that is not known is not green."""
    if status != "completed" or conclusion is None or conclusion in _UNDECIDED:
        return "pending"
    return "success" if conclusion in _GREEN else "failure"


def _checks(repo: "Repository", sha: str) -> tuple[CommitStatus, ...]:
    commit = repo.get_commit(sha)
    statuses = [_status(status) for status in _latest_statuses(commit)]
    return (*statuses, *(_run(run) for run in commit.get_check_runs()))


def _latest_statuses(commit: "Commit.Commit") -> "PaginatedList[github_status.CommitStatus]":
    """The newest status of each context, page by page; PyGithub's own call gives the first thirty of them."""
    from github.CommitStatus import CommitStatus
    from github.PaginatedList import PaginatedList

    return PaginatedList(CommitStatus, commit.requester, f"{commit.url}/status", None, list_item="statuses")


def _status(status: "github_status.CommitStatus") -> CommitStatus:
    return CommitStatus(
        name=status.context,
        state=result_of_status(status.state),
        kind="status",
        description=status.description or "",
        url=status.target_url or "",
    )


def _run(run: "CheckRun.CheckRun") -> CommitStatus:
    return CommitStatus(
        name=run.name,
        state=result_of_run(run.status, run.conclusion),
        kind="check_run",
        description=run.output.title or "" if run.output else "",
        url=run.html_url or "",
    )


def _summary(branch: "Branch.Branch") -> Protection | None:
    """What anybody who reads the branch is told of its protection."""
    if not branch.protected:
        return None
    checks = (branch.raw_data.get("protection") or {}).get("required_status_checks") or {}
    return Protection(
        required_checks=tuple(checks.get("contexts") or ()),
        required_approvals=None,
        strict=False,
        enforce_admins=None,
    )


def _rules(branch: "Branch.Branch") -> Protection:
    rules = branch.get_protection()
    checks, reviews = rules.required_status_checks, rules.required_pull_request_reviews
    return Protection(
        required_checks=tuple(checks.contexts) if checks else (),
        required_approvals=reviews.required_approving_review_count if reviews else 0,
        strict=bool(checks.strict) if checks else False,
        enforce_admins=bool(rules.enforce_admins),
    )
