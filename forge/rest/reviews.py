"""Reviews and the remarks on a pull request's diff."""

from flask import Blueprint, Response, request

from forge.actions import pulls as pull_actions
from forge.actions import reviews as actions
from forge.actions.reviews import Remark, ReviewOrder, Verdict
from forge.errors import Forbidden, Invalid, NotFound
from forge.host import Act
from forge.records import Issue, ReviewComment
from forge.rest.answer import empty, paged, reply, sliced
from forge.rest.issues import react, reactions
from forge.rest.request import Body, act, body, host, page, view
from forge.shapes import people
from forge.shapes import pulls as shapes
from forge.store import issues, pulls
from forge.store.database import now
from forge.text import checked_text

routes = Blueprint("reviews", __name__)
BASE = "/repos/<owner>/<name>/pulls"
ONE = f"{BASE}/<int:number>"
VERDICTS: tuple[Verdict, ...] = ("APPROVE", "REQUEST_CHANGES", "COMMENT", "PENDING")


def _remark(given: Body) -> Remark:
    return Remark(
        body=given.text("body"),
        path=given.text("path"),
        line=given.number("line"),
        side=given.choice("side", ("RIGHT", "LEFT"), "RIGHT"),
        start_line=given.number("start_line"),
        position=given.number("position"),
    )


def _shaped(acting: Act, comment: ReviewComment) -> people.Json:
    return shapes.review_comment(view(), acting.repo, comment)


@routes.get(f"{ONE}/reviews")
def list_reviews(owner: str, name: str, number: int) -> Response:
    """All reviews in order; another person's pending one is left out."""
    acting = act(owner, name)
    _, pull = pull_actions.find(acting, number)
    me = acting.viewer.id if acting.viewer else 0
    with host().db.read() as db:
        every = pulls.reviews(db, pull).items
    found = [each for each in every if each.state != "PENDING" or each.author_id == me]
    return sliced(found, page(), lambda review: shapes.review(view(), acting.repo, review))


@routes.post(f"{ONE}/reviews")
def create_review(owner: str, name: str, number: int) -> Response:
    """Review a pull request."""
    acting, given = act(owner, name), body("PullRequestReview")
    issue, pull = pull_actions.find(acting, number)
    order = ReviewOrder(
        event=given.choice("event", VERDICTS, "PENDING"),
        body=given.text("body", ""),
        commit_id=given.optional_text("commit_id"),
        comments=tuple(_remark(each) for each in given.parts("comments")),
    )
    review = actions.create(acting, issue, pull, order)
    return reply(shapes.review(view(), acting.repo, review))


@routes.get(f"{ONE}/reviews/<int:key>")
def get_review(owner: str, name: str, number: int, key: int) -> Response:
    """One review."""
    acting = act(owner, name)
    _, pull = pull_actions.find(acting, number)
    return reply(shapes.review(view(), acting.repo, actions.find(acting, pull, key)))


@routes.put(f"{ONE}/reviews/<int:key>")
def edit_review(owner: str, name: str, number: int, key: int) -> Response:
    """Change the text of one's own review."""
    acting, text = act(owner, name), body("PullRequestReview").text("body")
    issue, pull = pull_actions.find(acting, number)
    review = actions.find(acting, pull, key)
    if acting.user.id != review.author_id:
        raise Forbidden("Must be the author of the review.")
    checked_text("PullRequestReview", "body", text)
    with host().db.write() as db:
        review = pulls.change_review(db, review, body=text)
        actions.announce(acting, issue, review, "edited")
    return reply(shapes.review(view(), acting.repo, review))


@routes.delete(f"{ONE}/reviews/<int:key>")
def delete_review(owner: str, name: str, number: int, key: int) -> Response:
    """Drop one's own pending review."""
    acting = act(owner, name)
    _, pull = pull_actions.find(acting, number)
    review = actions.find(acting, pull, key)
    if review.state != "PENDING" or review.author_id != acting.user.id:
        raise Invalid("Unprocessable Entity", ["Can not delete a non-pending pull request review"])
    with host().db.write() as db:
        db.execute("DELETE FROM reviews WHERE id = ?", [review.id])
    return reply(shapes.review(view(), acting.repo, review))


@routes.post(f"{ONE}/reviews/<int:key>/events")
def submit_review(owner: str, name: str, number: int, key: int) -> Response:
    """Hand in a pending review."""
    acting, given = act(owner, name), body("PullRequestReview")
    issue, pull = pull_actions.find(acting, number)
    review = actions.find(acting, pull, key)
    verdict = given.choice("event", VERDICTS[:3])
    review = actions.submit(acting, issue, review, verdict, given.optional_text("body"))
    return reply(shapes.review(view(), acting.repo, review))


@routes.put(f"{ONE}/reviews/<int:key>/dismissals")
def dismiss_review(owner: str, name: str, number: int, key: int) -> Response:
    """Make a verdict count no longer."""
    acting, given = act(owner, name), body("PullRequestReview")
    issue, pull = pull_actions.find(acting, number)
    review = actions.dismiss(acting, issue, actions.find(acting, pull, key), given.text("message"))
    return reply(shapes.review(view(), acting.repo, review))


@routes.get(f"{ONE}/reviews/<int:key>/comments")
def list_review_comments(owner: str, name: str, number: int, key: int) -> Response:
    """The remarks of one review."""
    acting = act(owner, name)
    _, pull = pull_actions.find(acting, number)
    review = actions.find(acting, pull, key)
    with host().db.read() as db:
        found = pulls.comments_of_review(db, review, page())
    return paged(found, page(), lambda comment: _shaped(acting, comment))


@routes.get(f"{ONE}/comments")
def list_comments(owner: str, name: str, number: int) -> Response:
    """All remarks on a pull request's diff."""
    acting = act(owner, name)
    _, pull = pull_actions.find(acting, number)
    with host().db.read() as db:
        found = pulls.review_comments(db, pull, page())
    return paged(found, page(), lambda comment: _shaped(acting, comment))


@routes.post(f"{ONE}/comments")
def create_comment(owner: str, name: str, number: int) -> Response:
    """Remark on a line, or answer a remark with `in_reply_to`."""
    acting, given = act(owner, name), body("PullRequestReviewComment")
    issue, pull = pull_actions.find(acting, number)
    parent = given.number("in_reply_to")
    if parent is not None:
        return _reply(acting, issue, parent, given)
    comment = actions.add_comment(acting, issue, pull, _remark(given), given.optional_text("commit_id"))
    return reply(_shaped(acting, comment), 201)


@routes.post(f"{ONE}/comments/<int:key>/replies")
def create_reply(owner: str, name: str, number: int, key: int) -> Response:
    """Answer a remark."""
    acting = act(owner, name)
    issue, _ = pull_actions.find(acting, number)
    return _reply(acting, issue, key, body("PullRequestReviewComment"))


def _reply(acting: Act, issue: Issue, key: int, given: Body) -> Response:
    parent = _found(acting, key)
    if parent.pull_id != issue.id:
        raise NotFound()
    with host().db.read() as db:
        pull = pulls.of_issue(db, issue)
    return reply(_shaped(acting, actions.reply(acting, issue, pull, parent, given.text("body"))), 201)


def _found(acting: Act, key: int) -> ReviewComment:
    with host().db.read() as db:
        found = pulls.review_comment(db, acting.repo.id, key)
    if found is None:
        raise NotFound()
    return found


@routes.get(f"{BASE}/comments/<int:key>")
def get_comment(owner: str, name: str, key: int) -> Response:
    """One remark."""
    acting = act(owner, name)
    return reply(_shaped(acting, _found(acting, key)))


def _own(acting: Act, key: int) -> tuple[ReviewComment, Issue]:
    found = _found(acting, key)
    if acting.user.id != found.author_id and not acting.may("write"):
        raise Forbidden("Must be the comment's author or have write access to Repository.")
    with host().db.read() as db:
        return found, issues.by_id(db, found.pull_id)


@routes.patch(f"{BASE}/comments/<int:key>")
def edit_comment(owner: str, name: str, key: int) -> Response:
    """Change a remark."""
    acting, text = act(owner, name), body("PullRequestReviewComment").text("body")
    _, issue = _own(acting, key)
    checked_text("PullRequestReviewComment", "body", text)
    with host().db.write() as db:
        db.execute("UPDATE review_comments SET body = ?, updated_at = ? WHERE id = ?", [text, now(), key])
        actions.announce_comment(acting, issue, _found(acting, key), "edited")
    return reply(_shaped(acting, _found(acting, key)))


@routes.delete(f"{BASE}/comments/<int:key>")
def delete_comment(owner: str, name: str, key: int) -> Response:
    """Remove a remark."""
    acting = act(owner, name)
    found, issue = _own(acting, key)
    with host().db.write() as db:
        actions.announce_comment(acting, issue, found, "deleted")
        db.execute("DELETE FROM review_comments WHERE id = ?", [key])
    return empty()


@routes.route(f"{BASE}/comments/<int:key>/reactions", methods=["GET", "POST"])
def comment_reactions(owner: str, name: str, key: int) -> Response:
    """React to a remark, or list its reactions."""
    acting = act(owner, name)
    _found(acting, key)
    if request.method == "POST":
        return react(acting, "review_comment", key)
    return reactions("review_comment", key)
