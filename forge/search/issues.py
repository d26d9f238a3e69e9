"""Searching issues and pull requests."""

from collections.abc import Callable, Sequence
from functools import partial

from forge.errors import Invalid
from forge.records import Issue
from forge.search.conditions import (
    Condition,
    Searcher,
    any_of,
    between,
    chosen,
    counted,
    joined,
    negated,
    places,
    texts,
)
from forge.search.query import Term, parse
from forge.store.database import Listing, Page, listing

_IS = {
    "open": "i.state = 'open'",
    "closed": "i.state = 'closed'",
    "issue": "i.is_pull = 0",
    "pr": "i.is_pull = 1",
    "pull-request": "i.is_pull = 1",
    "merged": "p.merged_at IS NOT NULL",
    "unmerged": "i.is_pull = 1 AND p.merged_at IS NULL",
    "draft": "coalesce(p.draft, 0)",
    "public": "r.private = 0",
    "private": "r.private = 1",
}
_NO = {
    "label": "NOT EXISTS (SELECT 1 FROM issue_labels l WHERE l.issue_id = i.id)",
    "assignee": "NOT EXISTS (SELECT 1 FROM assignees a WHERE a.issue_id = i.id)",
    "milestone": "i.milestone_id IS NULL",
}
_TIMES = {"created": "i.created_at", "updated": "i.updated_at", "closed": "i.closed_at", "merged": "p.merged_at"}
_COMMENTS = "(SELECT count(*) FROM comments c WHERE c.issue_id = i.id)"
_PEOPLE = {
    "author": "i.author_id = ?",
    "assignee": "EXISTS (SELECT 1 FROM assignees a WHERE a.issue_id = i.id AND a.user_id = ?)",
    "commenter": "EXISTS (SELECT 1 FROM comments c WHERE c.issue_id = i.id AND c.author_id = ?)",
}
_TEXTS = {
    "title": "has_phrase(i.title, ?)",
    "body": "has_phrase(i.body, ?)",
    "comments": "EXISTS (SELECT 1 FROM comments c WHERE c.issue_id = i.id AND has_phrase(c.body, ?))",
}
_LABEL = (
    "EXISTS (SELECT 1 FROM issue_labels il JOIN labels l ON l.id = il.label_id WHERE il.issue_id = i.id AND l.name = ?)"
)
_MILESTONE = "EXISTS (SELECT 1 FROM milestones m WHERE m.id = i.milestone_id AND lower(m.title) = lower(?))"
_ORDERS = {"": "i.created_at", "created": "i.created_at", "updated": "i.updated_at", "comments": _COMMENTS}


def search(searcher: Searcher, text: str, sort: str, order: str, page: Page) -> Listing[Issue]:
    """The issues and pull requests that a query finds among those that the person may read."""
    if sort not in _ORDERS:
        raise Invalid.field("Search", "sort", "invalid", f"this forge sorts by {', '.join(filter(None, _ORDERS))}")
    terms = parse(text, _KNOWN)
    conditions = [searcher.visible(), *places(searcher, terms), *_people(searcher, terms), *texts(terms, _TEXTS)]
    for term in terms:
        reader = _READERS.get(term.name or "")
        if reader:
            conditions.append(negated(reader(term), term))
    way = "ASC" if order == "asc" else "DESC"
    whole = joined(conditions)
    sql = (
        "SELECT i.* FROM issues i JOIN repositories r ON r.id = i.repo_id"  # noqa: S608 - fixed parts
        f" LEFT JOIN pulls p ON p.issue_id = i.id WHERE {whole.sql} ORDER BY {_ORDERS[sort]} {way}, i.id {way}"
    )
    return listing(searcher.db, Issue, sql, whole.values, page)


def _people(searcher: Searcher, terms: Sequence[Term]) -> list[Condition]:
    found: list[Condition] = []
    for name, sql in _PEOPLE.items():
        asked = [
            (term, Condition(sql=sql, values=(searcher.person(term.value).id,))) for term in terms if term.name == name
        ]
        found += any_of([condition for term, condition in asked if not term.negated])
        found += [negated(condition, term) for term, condition in asked if term.negated]
    return found


def _draft(term: Term) -> Condition:
    return Condition(sql=chosen(term.value, "draft", {"true": _IS["draft"], "false": f"NOT {_IS['draft']}"}))


def _labelled(term: Term) -> Condition:
    return any_of([Condition(sql=_LABEL, values=(part,)) for part in term.alternatives])[0]


_READERS: dict[str, Callable[[Term], Condition]] = {
    "is": lambda term: Condition(sql=chosen(term.value, "is", _IS)),
    "type": lambda term: Condition(sql=chosen(term.value, "type", {key: _IS[key] for key in ("issue", "pr")})),
    "state": lambda term: Condition(sql=chosen(term.value, "state", {key: _IS[key] for key in ("open", "closed")})),
    "no": lambda term: Condition(sql=chosen(term.value, "no", _NO)),
    "draft": _draft,
    "label": _labelled,
    "milestone": lambda term: Condition(sql=_MILESTONE, values=(term.value,)),
    "comments": partial(counted, _COMMENTS),
    **{name: partial(between, column) for name, column in _TIMES.items()},
}
_KNOWN = {"repo", "user", "org", "in", *_PEOPLE, *_READERS}
