"""What the code host tells, as records."""

from datetime import datetime
from typing import Literal

from pydantic import Field, SecretStr

from tools.record import Record

Permission = Literal["admin", "write", "read", "none"]
CheckResult = Literal["success", "failure", "pending"]
StatusState = Literal["success", "failure", "error", "pending"]
MergeMethod = Literal["merge", "squash", "rebase"]


class CodeHostSettings(Record):
    """One repository on one code host, and the token it is spoken to with."""

    api_url: str
    """Base of the REST API: https://api.github.com, or http(s)://host/api/v3."""
    token: SecretStr
    repository: str = Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")
    """`owner/name`."""
    viewer: str = ""
    """Our own login where the token cannot ask for it (GitHub App tokens); otherwise it is asked for."""
    secrets: tuple[SecretStr, ...] = ()
    """Further values that never may appear in a text that goes out; the token never does."""
    timeout: int = Field(default=30, gt=0)
    """Seconds for one request."""
    max_retries: int = Field(default=4, ge=0)
    backoff: float = Field(default=1.0, ge=0)
    """Seconds before the first further attempt; doubled each time."""
    longest_wait: float = Field(default=120.0, ge=0)
    """Seconds; when a rate limit ends later than this, the code host is unavailable."""
    seconds_between_writes: float | None = Field(default=None, ge=0)
    """GitHub asks for one second; None: that on a host reached by https, nothing on one reached by http."""


class RepositoryInfo(Record):
    """A repository."""

    full_name: str
    default_branch: str
    clone_url: str
    """For git over HTTP, without a token."""
    url: str
    """For people."""
    private: bool


class Issue(Record):
    """An issue, or a pull request seen as one."""

    number: int
    title: str
    body: str
    author: str
    labels: tuple[str, ...]
    state: str
    """open or closed."""
    url: str
    is_pull_request: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None


class LabelledIssues(Record):
    """The open issues that carry a label, as of one look."""

    issues: tuple[Issue, ...]
    tag: str
    """What to ask with the next time, so that the host need not tell again what has not changed."""


class Comment(Record):
    """A comment on an issue or on a pull request as a whole."""

    id: int
    author: str
    body: str
    url: str
    created_at: datetime | None = None
    updated_at: datetime | None = None


class PullRequest(Record):
    """A pull request."""

    number: int
    title: str
    body: str
    author: str
    url: str
    state: str
    """open or closed; a merged one is closed."""
    merged: bool
    draft: bool
    head_ref: str
    head_sha: str
    base_ref: str
    mergeable: bool | None
    """None: the host has not found out yet; ask again."""
    mergeable_state: str
    merge_sha: str | None
    """The commit on the base branch once merged."""


class PullRequestFile(Record):
    """One file that a pull request changes."""

    path: str
    status: str
    """added, modified, removed, renamed, …"""
    additions: int
    deletions: int
    previous_path: str | None
    patch: str | None
    """Unified diff without its header; None for binary or very large files."""


class ReviewRecord(Record):
    """A review of a pull request."""

    id: int
    author: str
    state: str
    """APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED or PENDING."""
    body: str
    commit_id: str
    """The head that was reviewed."""
    submitted_at: datetime | None = None


class ReviewComment(Record):
    """A comment on a line of a pull request."""

    id: int
    review_id: int | None
    author: str
    body: str
    path: str
    line: int | None
    """Line of the new file; None when the comment is outdated or on the whole file."""
    in_reply_to: int | None
    commit_id: str
    url: str
    created_at: datetime | None = None


class CommitStatus(Record):
    """A commit status or a check run."""

    name: str
    """The status's context or the check run's name."""
    state: CheckResult
    kind: Literal["status", "check_run"]
    description: str
    url: str


class CheckState(Record):
    """All checks of one commit taken together."""

    state: Literal["success", "failure", "pending", "none"]
    """success only when something reported, all of it is green and no required check is missing; none when
    nothing reported and nothing is required."""
    failed: tuple[str, ...]
    pending: tuple[str, ...]
    """Those that run, and the required ones that have not reported."""
    checks: tuple[CommitStatus, ...]


class Protection(Record):
    """The rules of a protected branch."""

    required_checks: tuple[str, ...]
    required_approvals: int | None
    """None: the token may not read it."""
    strict: bool
    """Whether the head must be up to date with the base."""
    enforce_admins: bool | None
