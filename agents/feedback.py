"""What people and checks say to a pull request: who may, what asks for a revision, what approves."""

from __future__ import annotations

from agents.audit import judged
from agents.ids import MARK
from agents.threads import Record
from tools.codehost import CheckState, CodeHost, Comment, PullRequest
from tools.dispatch import AuditEvent

MAY_DECIDE = frozenset({"admin", "maintain", "write"})
APPROVE = "/roadcrew approve"


class Ask(Record):
    """One thing that a revision has to answer."""

    key: str
    """`review:7`, `comment:12` or `check:<commit>:<context>`."""
    text: str
    """One line for the Coder."""


def asks_of(host: CodeHost, pull: PullRequest, checks: CheckState) -> list[Ask]:
    """Return what asks for changes at this pull request: reviews of people with write permission, red checks."""
    me = host.viewer()
    asks: list[Ask] = []
    for review in host.reviews(pull.number):
        if review.state != "CHANGES_REQUESTED" or review.author == me or not may_decide(host, review.author):
            continue
        inline = [comment for comment in host.review_comments(pull.number) if comment.review_id == review.id]
        remarks = [f"{comment.path}:{comment.line or ''} {one_line(comment.body)}" for comment in inline]
        asks.append(Ask(key=f"review:{review.id}", text="; ".join([one_line(review.body), *remarks]).strip("; ")))
    for name in checks.failed:
        key = f"check:{pull.head_sha}:{name}"
        asks.append(Ask(key=key, text=f"the check {name} is red on {pull.head_sha[:12]}"))
    return asks


def is_approved(host: CodeHost, pull: PullRequest, by_command: list[str]) -> bool:
    """Whether a person with write permission approved this head.

    A review counts when it is of this head. `/roadcrew approve` counts where one identity is all there is, since
    a code host lets nobody approve their own pull request; `by_command` holds the heads approved that way.
    """
    latest = {}
    for review in host.reviews(pull.number):
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED") and may_decide(host, review.author):
            latest[review.author] = review
    if any(review.state == "CHANGES_REQUESTED" and review.commit_id == pull.head_sha for review in latest.values()):
        return False
    if any(review.state == "APPROVED" and review.commit_id == pull.head_sha for review in latest.values()):
        return True
    return pull.head_sha in by_command


def is_own_text(host: CodeHost, comment: Comment) -> bool:
    """Whether the team wrote a comment: under its identity, with the hidden marker first that all its text begins with.

    With a single personal token a person speaks under that identity too; only the marker tells them apart. What stands
    further down in a comment, a model's words or a quotation, can neither make nor unmake it.
    """
    return comment.author == host.viewer() and comment.body.startswith(MARK)


def may_decide(host: CodeHost, user: str) -> bool:
    """Whether a person may steer the work; fails closed."""
    return host.permission(user) in MAY_DECIDE


def unheeded_reviews(host: CodeHost, number: int) -> list[AuditEvent]:
    """Return, for the audit, the reviews of people who may not decide: they approve nothing and ask for nothing."""
    me = host.viewer()
    return [
        unheeded(review.author, f"review: {review.state.lower()}", review.id)
        for review in host.reviews(number)
        if review.author != me and not may_decide(host, review.author)
    ]


def unheeded(who: str, what: str, key: int, reason: str = "") -> AuditEvent:
    """Return the audit event of something said by somebody who may not steer the team."""
    reason = reason or f"{who} has no permission to write to this repository"
    return judged(who, what, "denied", (reason,), outcome=f"not heeded: #{key}", about=str(key))


def one_line(text: str | None) -> str:
    """Return a remark on one line, cut to a readable length."""
    return " ".join((text or "").split())[:2000]
