"""Reviews of pull requests and remarks on their diffs."""

import re
from collections.abc import Sequence
from typing import Literal

from forge.actions import details
from forge.errors import Invalid, NotFound
from forge.events import emit
from forge.host import Act
from forge.records import Issue, Pull, Record, Review, ReviewComment, ReviewState, Side
from forge.shapes import pulls as shapes
from forge.store import pulls
from forge.store.database import now
from forge.text import checked_text

Verdict = Literal["APPROVE", "REQUEST_CHANGES", "COMMENT", "PENDING"]
_STATES: dict[Verdict, ReviewState] = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
    "PENDING": "PENDING",
}
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class Remark(Record):
    """A comment to be put on a line of the diff."""

    body: str
    path: str
    line: int | None = None
    side: Side = "RIGHT"
    start_line: int | None = None
    position: int | None = None
    """GitHub's older way: counted in lines below the file's first hunk header."""


class ReviewOrder(Record):
    """A review to be made."""

    event: Verdict = "PENDING"
    body: str = ""
    commit_id: str | None = None
    comments: tuple[Remark, ...] = ()


def create(act: Act, issue: Issue, pull: Pull, order: ReviewOrder) -> Review:
    """Review a pull request; nobody may approve or refuse their own."""
    author = act.need("read").user
    _check_event(act, issue, order.event, order.body, has_comments=bool(order.comments))
    files = {change.path: change.patch for change in details.files(act, pull)} if order.comments else {}
    placed = [placed_remark(remark, files, order.commit_id or pull.head_sha) for remark in order.comments]
    values = {
        "body": checked_text("PullRequestReview", "body", order.body),
        "state": _STATES[order.event],
        "commit_id": order.commit_id or pull.head_sha,
        "submitted_at": None if order.event == "PENDING" else now(),
    }
    with act.host.db.write() as db:
        review = pulls.add_review(db, pull, author, values)
        made = [pulls.add_review_comment(db, pull, author, review.id, each) for each in placed]
        if order.event != "PENDING":
            _submitted(act, issue, pull, review, made)
    return review


def _check_event(act: Act, issue: Issue, event: Verdict, body: str, *, has_comments: bool) -> None:
    own = act.user.id == issue.author_id
    if own and event == "APPROVE":
        raise Invalid("Unprocessable Entity", ["Can not approve your own pull request"])
    if own and event == "REQUEST_CHANGES":
        raise Invalid("Unprocessable Entity", ["Can not request changes on your own pull request"])
    needs_text = event == "REQUEST_CHANGES" or (event == "COMMENT" and not has_comments)
    if needs_text and not body.strip():
        raise Invalid.field("PullRequestReview", "body", "missing_field", "body can't be blank")
    if issue.state == "closed" and event in ("APPROVE", "REQUEST_CHANGES"):
        raise Invalid("Unprocessable Entity", ["Can not review a closed pull request"])


def _submitted(act: Act, issue: Issue, pull: Pull, review: Review, made: Sequence[ReviewComment]) -> None:
    with act.host.db.write() as db:
        pulls.unrequest_reviewers(db, pull, [act.user])
    announce(act, issue, review, "submitted")
    for comment in made:
        announce_comment(act, issue, comment, "created")


def announce(act: Act, issue: Issue, review: Review, action: str) -> None:
    """Queue a `pull_request_review` event, whose state is in lower case as GitHub has it."""
    shaped = shapes.review(act.view, act.repo, review)
    payload = {
        "action": action,
        "review": {**shaped, "state": review.state.lower()},
        "pull_request": shapes.pull(act.view, act.repo, issue),
    }
    emit(act, "pull_request_review", payload)


def announce_comment(act: Act, issue: Issue, comment: ReviewComment, action: str) -> None:
    """Queue a `pull_request_review_comment` event."""
    payload = {
        "action": action,
        "comment": shapes.review_comment(act.view, act.repo, comment),
        "pull_request": shapes.pull(act.view, act.repo, issue),
    }
    emit(act, "pull_request_review_comment", payload)


def find(act: Act, pull: Pull, key: int) -> Review:
    """The review with this id; another person's pending one is not found."""
    with act.host.db.read() as db:
        review = pulls.review(db, pull, key)
    mine = review is not None and act.viewer is not None and review.author_id == act.viewer.id
    if review is None or (review.state == "PENDING" and not mine):
        raise NotFound()
    return review


def submit(act: Act, issue: Issue, review: Review, event: Verdict, body: str | None) -> Review:
    """Hand in a pending review."""
    if review.state != "PENDING" or review.author_id != act.user.id:
        raise Invalid("Unprocessable Entity", ["Can only submit a pending review of your own"])
    text = review.body if body is None else checked_text("PullRequestReview", "body", body)
    with act.host.db.write() as db:
        pull = pulls.of_issue(db, issue)
        made = pulls.comments_of_review(db, review).items
        _check_event(act, issue, event, text, has_comments=bool(made))
        review = pulls.change_review(
            db, review, state=_STATES[event], body=text, submitted_at=now(), commit_id=pull.head_sha
        )
        _submitted(act, issue, pull, review, made)
    return review


def dismiss(act: Act, issue: Issue, review: Review, message: str) -> Review:
    """Make a verdict count no longer."""
    act.need("write")
    if review.state not in ("APPROVED", "CHANGES_REQUESTED"):
        raise Invalid("Unprocessable Entity", [f"Can not dismiss a {review.state.lower()} pull request review"])
    if not message.strip():
        raise Invalid.field("PullRequestReview", "message", "missing_field")
    checked_text("PullRequestReview", "message", message)
    with act.host.db.write() as db:
        review = pulls.change_review(db, review, state="DISMISSED")
        announce(act, issue, review, "dismissed")
    return review


def add_comment(act: Act, issue: Issue, pull: Pull, remark: Remark, commit_id: str | None) -> ReviewComment:
    """Put one remark on the diff, as a review of its own."""
    author = act.need("read").user
    files = {change.path: change.patch for change in details.files(act, pull)}
    placed = placed_remark(remark, files, commit_id or pull.head_sha)
    values = {"body": "", "state": "COMMENTED", "commit_id": pull.head_sha, "submitted_at": now()}
    with act.host.db.write() as db:
        review = pulls.add_review(db, pull, author, values)
        comment = pulls.add_review_comment(db, pull, author, review.id, placed)
        _submitted(act, issue, pull, review, [comment])
    return comment


def reply(act: Act, issue: Issue, pull: Pull, parent: ReviewComment, body: str) -> ReviewComment:
    """Answer a remark under it."""
    author = act.need("read").user
    values = {
        "body": _remark_text(body),
        "path": parent.path,
        "commit_id": parent.commit_id,
        "line": parent.line,
        "side": parent.side,
        "start_line": parent.start_line,
        "in_reply_to": parent.in_reply_to or parent.id,
        "diff_hunk": parent.diff_hunk,
        "position": parent.position,
    }
    with act.host.db.write() as db:
        comment = pulls.add_review_comment(db, pull, author, parent.review_id, values)
        announce_comment(act, issue, comment, "created")
    return comment


def _remark_text(body: str) -> str:
    if not body.strip():
        raise Invalid.field("PullRequestReviewComment", "body", "missing_field")
    return checked_text("PullRequestReviewComment", "body", body)


def placed_remark(remark: Remark, files: dict[str, str | None], commit_id: str) -> dict[str, str | int | None]:
    """The columns of a remark, its line checked against the diff; Invalid for a line outside of it."""
    if remark.path not in files:
        message = f"{remark.path[:200]!r} is not part of the diff"
        raise Invalid.field("PullRequestReviewComment", "path", "invalid", message)
    patch = files[remark.path] or ""
    line, side, hunk = remark.line, remark.side, ""
    if remark.position is not None and line is None:
        line, side = _at_position(patch, remark.position)
    if line is not None:
        hunk = hunk_at(patch, line, side)
        if not hunk:
            message = f"line {line} must be part of the diff of {remark.path}"
            raise Invalid.field("PullRequestReviewComment", "line", "invalid", message)
    return {
        "body": _remark_text(remark.body),
        "path": remark.path,
        "commit_id": commit_id,
        "line": line,
        "side": side,
        "start_line": remark.start_line,
        "in_reply_to": None,
        "diff_hunk": hunk,
        "position": 1 if line is None else _position_of(patch, line, side),
    }


def numbered(patch: str) -> list[tuple[int | None, int | None, str]]:
    """Each line of a patch with its number in the old and in the new file; a hunk header has neither."""
    old = new = 0
    lines: list[tuple[int | None, int | None, str]] = []
    for text in patch.split("\n"):
        header = _HUNK.match(text)
        if header:
            old, new = int(header[1]), int(header[2])
            lines.append((None, None, text))
        elif text.startswith("+"):
            lines.append((None, new, text))
            new += 1
        elif text.startswith("-"):
            lines.append((old, None, text))
            old += 1
        elif text.startswith("\\"):
            lines.append((None, None, text))
        else:
            lines.append((old, new, text))
            old, new = old + 1, new + 1
    return lines


def hunk_at(patch: str, line: int, side: Side) -> str:
    """The hunk from its header to a line, or nothing when the line is not in the patch."""
    hunk: list[str] = []
    for old, new, text in numbered(patch):
        if old is None and new is None and text.startswith("@@"):
            hunk = []
        hunk.append(text)
        if line == (new if side == "RIGHT" else old):
            return "\n".join(hunk)
    return ""


def _position_of(patch: str, line: int, side: Side) -> int:
    for position, (old, new, _) in enumerate(numbered(patch)):
        if line == (new if side == "RIGHT" else old):
            return position
    return 1


def _at_position(patch: str, position: int) -> tuple[int, Side]:
    lines = numbered(patch)
    if 0 < position < len(lines):
        old, new, _ = lines[position]
        if new is not None:
            return new, "RIGHT"
        if old is not None:
            return old, "LEFT"
    message = f"position {position} is not in the diff"
    raise Invalid.field("PullRequestReviewComment", "position", "invalid", message)


def verdict_named(name: str) -> Verdict:
    """The verdict with this name, or Invalid."""
    for verdict in _STATES:
        if verdict == name:
            return verdict
    raise Invalid.field("PullRequestReview", "event", "invalid", f"{name[:60]!r} is not a verdict")
