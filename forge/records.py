"""The records that the forge keeps: one per table, frozen."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Permission = Literal["none", "read", "triage", "write", "maintain", "admin"]
LEVELS: tuple[Permission, ...] = ("none", "read", "triage", "write", "maintain", "admin")
StatusState = Literal["error", "failure", "pending", "success"]
ReviewState = Literal["PENDING", "COMMENTED", "APPROVED", "CHANGES_REQUESTED", "DISMISSED"]
Side = Literal["LEFT", "RIGHT"]
GHOST = "ghost"


def allows(held: Permission, needed: Permission) -> bool:
    """Whether one permission includes another."""
    return LEVELS.index(held) >= LEVELS.index(needed)


class Record(BaseModel):
    """A frozen row; times are ISO 8601 in UTC with a trailing Z."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class User(Record):
    """A person or a robot."""

    id: int
    login: str
    name: str | None
    email: str | None
    site_admin: bool
    created_at: str


class Repository(Record):
    """A repository; its bare git folder is named by `id`, so a rename moves nothing."""

    id: int
    owner_id: int
    owner: str
    """The owner's login."""
    name: str
    description: str | None
    private: bool
    default_branch: str
    next_number: int
    next_milestone: int
    created_at: str
    updated_at: str
    pushed_at: str | None
    size: int
    """Kilobytes on disk after the last push."""

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"


class Label(Record):
    """A label of a repository."""

    id: int
    repo_id: int
    name: str
    color: str
    description: str | None


class Issue(Record):
    """An issue, or the issue half of a pull request: both share one sequence of numbers."""

    id: int
    repo_id: int
    number: int
    title: str
    body: str | None
    state: Literal["open", "closed"]
    state_reason: str | None
    author_id: int
    is_pull: bool
    created_at: str
    updated_at: str
    closed_at: str | None
    closed_by: int | None
    milestone_id: int | None


class Milestone(Record):
    """What issues and pull requests are gathered under; numbered by itself in each repository."""

    id: int
    repo_id: int
    number: int
    title: str
    description: str | None
    state: Literal["open", "closed"]
    creator_id: int
    due_on: str | None
    created_at: str
    updated_at: str
    closed_at: str | None


class Release(Record):
    """A tag with words about it; a draft's tag need not exist yet."""

    id: int
    repo_id: int
    tag_name: str
    target: str
    """The branch or commit from which the tag is made when there is none yet."""
    name: str | None
    body: str | None
    draft: bool
    prerelease: bool
    precedence: int
    """The published one with the highest is the latest."""
    author_id: int
    created_at: str
    updated_at: str
    published_at: str | None


class Comment(Record):
    """A comment in an issue's or pull request's conversation."""

    id: int
    repo_id: int
    issue_id: int
    author_id: int
    body: str
    created_at: str
    updated_at: str


class IssueEvent(Record):
    """Something that somebody did to an issue or pull request."""

    id: int
    issue_id: int
    actor_id: int
    event: str
    """`labeled`, `unlabeled`, `closed` or `reopened`."""
    label_name: str | None
    """The label as it was then."""
    label_color: str | None
    created_at: str


class Reaction(Record):
    """An emoji on an issue, a comment or a review comment."""

    id: int
    subject: str
    """`issue`, `comment` or `review_comment`."""
    subject_id: int
    user_id: int
    content: str
    created_at: str


class Figures(Record):
    """How much a pull request changes."""

    commits: int
    changed_files: int
    additions: int
    deletions: int


class Pull(Record):
    """The git half of a pull request; `issue_id` names its issue half."""

    issue_id: int
    repo_id: int
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool
    merged_at: str | None
    merged_by: int | None
    merge_sha: str | None
    commits: int | None
    changed_files: int | None
    additions: int | None
    deletions: int | None

    @property
    def figures(self) -> Figures | None:
        """What git says of the way from `base_sha` to `head_sha`; None in a row of an older forge, until it is found."""
        known = self.model_dump(include=set(Figures.model_fields))
        return None if None in known.values() else Figures.model_validate(known)


class Review(Record):
    """A verdict on a pull request."""

    id: int
    pull_id: int
    author_id: int
    body: str
    state: ReviewState
    commit_id: str
    submitted_at: str | None


class ReviewComment(Record):
    """A remark on a line of a pull request's diff."""

    id: int
    pull_id: int
    review_id: int | None
    author_id: int
    body: str
    path: str
    commit_id: str
    line: int | None
    """In the new file for side RIGHT, in the old one for LEFT; None for a remark on the whole file."""
    side: Side
    start_line: int | None
    in_reply_to: int | None
    diff_hunk: str
    created_at: str
    updated_at: str
    position: int
    """In lines below the first hunk header of the file's patch; 1 for a remark on the whole file."""


class Status(Record):
    """One report on a commit; the newest per context counts."""

    id: int
    repo_id: int
    sha: str
    state: StatusState
    context: str
    description: str | None
    target_url: str | None
    creator_id: int
    created_at: str


class RefChange(Record):
    """One ref that moved; forty zeros stand for absent."""

    ref: str
    old: str
    new: str


class Protection(Record):
    """The rules of one branch, enforced at push and merge."""

    contexts: tuple[str, ...] | None = None
    """Status contexts that must be green; None when status checks are not required."""
    strict: bool = False
    """The head must contain the base branch's tip."""
    approvals: int | None = None
    """How many approvals are needed; None when reviews are not required."""
    dismiss_stale: bool = False
    enforce_admins: bool = False
    allow_force_pushes: bool = False
    allow_deletions: bool = False
    linear_history: bool = False


class Hook(Record):
    """A webhook of a repository."""

    id: int
    repo_id: int
    url: str
    secret: str | None
    content_type: Literal["json", "form"]
    insecure_ssl: bool
    events: tuple[str, ...]
    active: bool
    created_at: str
    updated_at: str


class Delivery(Record):
    """One sending of an event; a redelivery repeats `guid` under a new `id`."""

    id: int
    guid: str
    hook_id: int
    event: str
    action: str | None
    payload: str
    redelivery: bool
    state: Literal["waiting", "done"]
    status: str
    status_code: int
    duration: float
    """Seconds."""
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    response_body: str
    created_at: str
    delivered_at: str | None
