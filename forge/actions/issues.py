"""Filing, editing, closing and labelling issues; comments and reactions."""

from collections.abc import Sequence
from typing import Literal

from forge.actions import details
from forge.errors import Forbidden, Invalid, NotFound
from forge.events import emit
from forge.host import Act
from forge.records import Comment, Issue, Label, Reaction, Record
from forge.shapes import issues as shapes
from forge.shapes import people
from forge.shapes import pulls as pull_shapes
from forge.store import issue_events, issues, pulls
from forge.store.database import now
from forge.text import checked_text, checked_title

LABEL_LIMIT = 100


class IssueEdit(Record):
    """New values for an issue; a field that is not set stays as it is."""

    title: str = ""
    body: str | None = None
    state: Literal["open", "closed"] = "open"
    state_reason: str | None = None


def find(act: Act, number: int) -> Issue:
    """The issue or pull request with this number, or NotFound."""
    with act.host.db.read() as db:
        found = issues.by_number(db, act.repo, number)
        pull = pulls.of_issue(db, found) if found and found.is_pull else None
    if found is None:
        raise NotFound()
    if pull is not None:
        details.known(act, pull)
    return found


def announce(act: Act, issue: Issue, action: str, **more: object) -> None:
    """Queue an `issues` or `pull_request` event."""
    with act.host.db.read() as db:
        fresh = issues.by_id(db, issue.id)
        pull = pulls.of_issue(db, fresh) if fresh.is_pull else None
    if pull is not None:
        shaped = pull_shapes.pull(act.view, act.repo, fresh, details.counted(act, pull))
        emit(act, "pull_request", {"action": action, "number": fresh.number, "pull_request": shaped, **more})
    else:
        emit(act, "issues", {"action": action, "issue": shapes.issue(act.view, act.repo, fresh), **more})


def create(act: Act, title: str, body: str | None, labels: Sequence[str] = ()) -> Issue:
    """File an issue; labels need triage and are dropped without it, as GitHub does."""
    author = act.need("read").user
    clean = checked_title("Issue", title)
    text = (
        checked_text(
            "Issue",
            "body",
            body,
        )
        if body is not None
        else None
    )
    with act.host.db.write() as db:
        issue = issues.create(db, act.repo, author, clean, text, is_pull=False)
        announce(act, issue, "opened")
        if labels and act.may("triage"):
            set_labels(act, issue, labels)
        return issues.by_id(db, issue.id)


def _needs_author_or_triage(act: Act, author_id: int) -> None:
    if act.user.id != author_id:
        act.need("triage")


def edit(act: Act, issue: Issue, wanted: IssueEdit) -> Issue:
    """Change the fields that are set, with one event for the text and one for the state."""
    _needs_author_or_triage(act, issue.author_id)
    fields = wanted.model_fields_set
    values: dict[str, str | None] = {}
    changes: dict[str, dict[str, str | None]] = {}
    if "title" in fields and (title := checked_title("Issue", wanted.title)) != issue.title:
        values["title"], changes["title"] = title, {"from": issue.title}
    if "body" in fields and wanted.body != issue.body:
        values["body"] = checked_text("Issue", "body", wanted.body or "")
        changes["body"] = {"from": issue.body or ""}
    with act.host.db.write() as db:
        if values:
            issue = issues.change(db, issue, **values)
            announce(act, issue, "edited", changes=changes)
        if "state" in fields and wanted.state != issue.state:
            issue = set_state(act, issue, wanted.state, wanted.state_reason)
    return issue


def set_state(act: Act, issue: Issue, state: str, reason: str | None = None) -> Issue:
    """Close or reopen, without a permission check of its own."""
    closing = state == "closed"
    with act.host.db.write() as db:
        issue = issues.change(
            db,
            issue,
            state=state,
            state_reason=None if issue.is_pull else ((reason or "completed") if closing else "reopened"),
            closed_at=now() if closing else None,
            closed_by=act.user.id if closing else None,
        )
        issue_events.add(db, issue, act.user, "closed" if closing else "reopened")
        announce(act, issue, "closed" if closing else "reopened")
    return issue


def set_labels(act: Act, issue: Issue, names: Sequence[str]) -> list[Label]:
    """Make an issue carry just these labels, with an event for each that came or went."""
    act.need("triage")
    wanted = list(dict.fromkeys(checked_label(name) for name in names))
    if len(wanted) > LABEL_LIMIT:
        raise Invalid.field("Issue", "labels", "custom", f"at most {LABEL_LIMIT} labels are allowed")
    with act.host.db.write() as db:
        before = {label.name.lower(): label for label in issues.labels_of(db, issue)}
        issues.set_labels(db, act.repo, issue, wanted)
        after = issues.labels_of(db, issue)
        kept = {label.name.lower() for label in after}
        came = [("labeled", label) for label in after if label.name.lower() not in before]
        went = [("unlabeled", label) for name, label in before.items() if name not in kept]
        if came or went:
            issue = issues.change(db, issue)
        for event, label in (*came, *went):
            issue_events.add(db, issue, act.user, event, label)
            announce(act, issue, event, label=people.label(act.view, act.repo, label))
    return after


def checked_label(name: str) -> str:
    """The label's name itself, or Invalid."""
    clean = checked_text("Label", "name", name, 50).strip()
    if not clean:
        raise Invalid.field("Label", "name", "missing_field")
    return clean


def comment(act: Act, issue: Issue, body: str) -> Comment:
    """Add a comment to a conversation."""
    author = act.need("read").user
    text = _comment_text(body)
    with act.host.db.write() as db:
        made = issues.add_comment(db, issue, author, text)
        announce_comment(act, made, "created")
    return made


def _comment_text(body: str) -> str:
    if not body.strip():
        raise Invalid.field("IssueComment", "body", "missing_field", "body can't be blank")
    return checked_text("IssueComment", "body", body)


def announce_comment(act: Act, made: Comment, action: str, **more: object) -> None:
    """Queue an `issue_comment` event."""
    with act.host.db.read() as db:
        issue = issues.by_id(db, made.issue_id)
    payload = {
        "action": action,
        "issue": shapes.issue(act.view, act.repo, issue),
        "comment": shapes.comment(act.view, act.repo, made),
    }
    emit(act, "issue_comment", {**payload, **more})


def find_comment(act: Act, key: int) -> Comment:
    """The comment with this id, or NotFound."""
    with act.host.db.read() as db:
        found = issues.comment(db, act.repo.id, key)
    if found is None:
        raise NotFound()
    return found


def edit_comment(act: Act, found: Comment, body: str) -> Comment:
    """Change a comment's text; for its author and for people with write."""
    _author_or_writer(act, found)
    text = _comment_text(body)
    with act.host.db.write() as db:
        db.execute("UPDATE comments SET body = ?, updated_at = ? WHERE id = ?", [text, now(), found.id])
        changed = find_comment(act, found.id)
        announce_comment(act, changed, "edited", changes={"body": {"from": found.body}})
    return changed


def delete_comment(act: Act, found: Comment) -> None:
    """Remove a comment; for its author and for people with write."""
    _author_or_writer(act, found)
    with act.host.db.write() as db:
        announce_comment(act, found, "deleted")
        db.execute("DELETE FROM comments WHERE id = ?", [found.id])
        db.execute("DELETE FROM reactions WHERE subject = 'comment' AND subject_id = ?", [found.id])


def _author_or_writer(act: Act, found: Comment) -> None:
    if act.user.id != found.author_id and not act.may("write"):
        raise Forbidden("Must be the comment's author or have write access to Repository.")


def react(act: Act, subject: str, key: int, content: str) -> tuple[Reaction, bool]:
    """Add a reaction; the flag says whether it is new."""
    user = act.need("read").user
    if content not in shapes.REACTIONS:
        raise Invalid.field("Reaction", "content", "invalid", f"content must be one of {shapes.REACTIONS}")
    with act.host.db.write() as db:
        return issues.react(db, subject, key, user, content)
