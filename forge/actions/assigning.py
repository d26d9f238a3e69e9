"""Giving an issue or pull request to people."""

from collections.abc import Sequence

from forge.actions import issues as issue_actions
from forge.errors import Invalid
from forge.host import Act
from forge.records import Issue, User
from forge.shapes import people
from forge.store import assignees, issues

LIMIT = 10


def named(act: Act, logins: Sequence[str], *, strict: bool) -> list[User]:
    """The people with these logins; one to whom nothing can be assigned is Invalid, or left out when not strict."""
    with act.host.db.read() as db:
        possible = {each.login.lower(): each for each in assignees.possible(db, act.repo)}
    for login in logins:
        if strict and login.lower() not in possible:
            raise Invalid.field("Issue", "assignees", "invalid", f"{login[:60]!r} cannot be assigned here")
    if len(logins) > LIMIT:
        raise Invalid.field("Issue", "assignees", "invalid", f"at most {LIMIT} people can be assigned")
    return [possible[login.lower()] for login in dict.fromkeys(logins) if login.lower() in possible]


def assign(act: Act, issue: Issue, wanted: Sequence[User]) -> Issue:
    """Assign these people too, with an event for each who is new."""
    act.need("triage")
    with act.host.db.write() as db:
        before = {each.id for each in assignees.of_issue(db, issue)}
        new = [each for each in wanted if each.id not in before]
        if len(before) + len(new) > LIMIT:
            raise Invalid.field("Issue", "assignees", "invalid", f"at most {LIMIT} people can be assigned")
        assignees.add(db, issue, new)
        return _told(act, issue, "assigned", new)


def unassign(act: Act, issue: Issue, unwanted: Sequence[User]) -> Issue:
    """Assign these people no longer, with an event for each who was."""
    act.need("triage")
    with act.host.db.write() as db:
        before = {each.id for each in assignees.of_issue(db, issue)}
        gone = [each for each in unwanted if each.id in before]
        assignees.remove(db, issue, gone)
        return _told(act, issue, "unassigned", gone)


def replace(act: Act, issue: Issue, wanted: Sequence[User]) -> Issue:
    """Make an issue belong to just these people."""
    kept = {each.id for each in wanted}
    with act.host.db.write() as db:
        unassign(act, issue, [each for each in assignees.of_issue(db, issue) if each.id not in kept])
        return assign(act, issue, wanted)


def _told(act: Act, issue: Issue, action: str, changed: Sequence[User]) -> Issue:
    with act.host.db.write() as db:
        if changed:
            issue = issues.change(db, issue)
        for each in changed:
            issue_actions.announce(act, issue, action, assignee=people.user(act.view, each))
        return issue
