"""Searching repositories."""

from collections.abc import Callable
from functools import partial

from forge.errors import Invalid
from forge.records import Repository
from forge.search.conditions import Condition, Searcher, between, chosen, counted, joined, negated, places, texts
from forge.search.query import Term, parse
from forge.store.database import Listing, Page, listing
from forge.store.repositories import SELECT

_TEXTS = {
    "name": "has_phrase(r.name, ?)",
    "description": "has_phrase(r.description, ?)",
    "topics": "EXISTS (SELECT 1 FROM topics t WHERE t.repo_id = r.id AND has_phrase(t.name, ?))",
}
_IS = {"public": "r.private = 0", "private": "r.private = 1"}
_TIMES = {"created": "r.created_at", "pushed": "coalesce(r.pushed_at, r.created_at)"}
_TOPIC = "EXISTS (SELECT 1 FROM topics t WHERE t.repo_id = r.id AND t.name = lower(?))"
_ORDERS = {"": "r.pushed_at", "updated": "r.updated_at", "stars": "0", "forks": "0", "help-wanted-issues": "0"}
"""Nobody has stars or forks here: sorted by them, all are alike."""


def search(searcher: Searcher, text: str, sort: str, order: str, page: Page) -> Listing[Repository]:
    """The repositories that a query finds among those that the person may read."""
    if sort not in _ORDERS:
        raise Invalid.field(
            "Search", "sort", "invalid", f"{sort[:60]!r} is not one of: {', '.join(filter(None, _ORDERS))}"
        )
    terms = parse(text, _KNOWN)
    conditions = [searcher.visible(), *places(searcher, terms), *texts(terms, _TEXTS)]
    for term in terms:
        reader = _READERS.get(term.name or "")
        if reader:
            conditions.append(negated(reader(term), term))
    way = "ASC" if order == "asc" else "DESC"
    whole = joined(conditions)
    sql = f"{SELECT} WHERE {whole.sql} ORDER BY {_ORDERS[sort]} {way}, r.id {way}"
    return listing(searcher.db, Repository, sql, whole.values, page)


_READERS: dict[str, Callable[[Term], Condition]] = {
    "is": lambda term: Condition(sql=chosen(term.value, "is", _IS)),
    "topic": lambda term: Condition(sql=_TOPIC, values=(term.value,)),
    "size": partial(counted, "r.size"),
    **{name: partial(between, column) for name, column in _TIMES.items()},
}
_KNOWN = {"repo", "user", "org", "in", *_READERS}
