"""Conditions that searches for issues and for repositories share."""

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial

from forge.records import Record, Repository, User
from forge.search.query import Term, wrong
from forge.store import repositories, users
from forge.store.database import Value

UNSEEN = (
    "The listed users and repositories cannot be searched either because the resources do not exist or you do not have"
    " permission to view them."
)
_RANGE = re.compile(r"(?P<way><=|>=|<|>)?(?P<one>[^.<>=]+)|(?P<from>[^.]+)\.\.(?P<to>[^.]+)")


class Condition(Record):
    """SQL that is true or false of each row, never NULL, and its values."""

    sql: str
    values: tuple[Value, ...] = ()


class Searcher:
    """Who searches, over which connection."""

    def __init__(self, db: sqlite3.Connection, viewer: User | None) -> None:
        self.db = db
        self.viewer = viewer

    def visible(self) -> Condition:
        """What this person may read, over `repositories r`."""
        who = self.viewer.id if self.viewer else 0
        sql = (
            "(r.private = 0 OR r.owner_id = ? OR ? OR EXISTS"
            " (SELECT 1 FROM collaborators v WHERE v.repo_id = r.id AND v.user_id = ?))"
        )
        return Condition(sql=sql, values=(who, bool(self.viewer and self.viewer.site_admin), who))

    def person(self, login: str) -> User:
        """The person with this login, or with `@me` the one who searches."""
        found = self.viewer if login.lower() == "@me" else users.by_login(self.db, login)
        if found is None:
            raise wrong(UNSEEN)
        return found

    def place(self, term: Term) -> Condition:
        """Inside one repository, or those of one person."""
        if term.name != "repo":
            return Condition(sql="r.owner_id = ?", values=(self.person(term.value).id,))
        return Condition(sql="r.id = ?", values=(self._repository(term.value).id,))

    def _repository(self, full_name: str) -> Repository:
        owner, _, name = full_name.partition("/")
        found = repositories.by_name(self.db, owner, name)
        if found is None or repositories.permission(self.db, found, self.viewer) == "none":
            raise wrong(UNSEEN)
        return found


def negated(condition: Condition, term: Term) -> Condition:
    """The condition, or its opposite for a negated term."""
    return Condition(sql=f"NOT ({condition.sql})", values=condition.values) if term.negated else condition


def any_of(found: Sequence[Condition]) -> list[Condition]:
    """At least one of several; nothing for none."""
    if not found:
        return []
    sql = " OR ".join(f"({each.sql})" for each in found)
    return [Condition(sql=f"({sql})", values=tuple(value for each in found for value in each.values))]


def joined(conditions: Sequence[Condition]) -> Condition:
    """All of several at once."""
    sql = " AND ".join(f"({each.sql})" for each in conditions)
    return Condition(sql=sql, values=tuple(value for each in conditions for value in each.values))


def places(searcher: Searcher, terms: Sequence[Term]) -> list[Condition]:
    """Where a query looks: in any of the repositories that it names, or of the people."""
    named = [term for term in terms if term.name in ("repo", "user", "org")]
    inside = any_of([searcher.place(term) for term in named if not term.negated])
    return [*inside, *(negated(searcher.place(term), term) for term in named if term.negated)]


def texts(terms: Sequence[Term], fields: Mapping[str, str]) -> list[Condition]:
    """That each word and phrase is in at least one of the fields, or of those that `in:` names."""
    named = [part for term in terms if term.name == "in" for part in term.alternatives]
    wanted = [chosen(part, "in", fields) for part in named] or list(fields.values())
    words = [term for term in terms if term.name is None]
    return [negated(any_of([Condition(sql=sql, values=(term.value,)) for sql in wanted])[0], term) for term in words]


def chosen(value: str, name: str, choices: Mapping[str, str]) -> str:
    """The choice that a qualifier's value names, or Invalid."""
    if value.lower() not in choices:
        raise wrong(f"{name}:{value[:60]} is not one of: {', '.join(choices)}")
    return choices[value.lower()]


def between(column: str, term: Term) -> Condition:
    """A time in a range: a day or a time, `<`, `<=`, `>`, `>=`, or `from..to` where `*` leaves an end open."""
    return _ranged(column, term, _span)


def counted(expression: str, term: Term) -> Condition:
    """A number in a range, written alike."""
    return _ranged(expression, term, _numbers)


def _numbers(name: str, part: str) -> tuple[Value, Value]:
    if not part.isascii() or not part.isdecimal() or len(part) > 9:
        raise wrong(f"{name}:{part[:60]} is not a number or a range of numbers")
    return int(part), int(part)


def _ranged(column: str, term: Term, read: Callable[[str, str], tuple[Value, Value]]) -> Condition:
    found, span = _RANGE.fullmatch(term.value), partial(read, term.name or "")
    if found is None:
        raise wrong(f"{term.name}:{term.value[:60]} is not a value or a range")
    if found["one"]:
        low, high = span(found["one"])
        limits = {">": (">", high), ">=": (">=", low), "<": ("<", low), "<=": ("<=", high)}
        wanted = [limits[found["way"]]] if found["way"] else [(">=", low), ("<=", high)]
    else:
        ends = ((">=", found["from"], 0), ("<=", found["to"], 1))
        wanted = [(sign, span(part)[side]) for sign, part, side in ends if part != "*"]
    sql = " AND ".join([f"{column} IS NOT NULL", *(f"{column} {sign} ?" for sign, _ in wanted)])
    return Condition(sql=sql, values=tuple(value for _, value in wanted))


def _span(name: str, part: str) -> tuple[Value, Value]:
    """The first and last second of a day, or a time twice."""
    try:
        if len(part) == 10:
            day = date.fromisoformat(part).isoformat()
            return f"{day}T00:00:00Z", f"{day}T23:59:59Z"
        at = datetime.fromisoformat(part)
    except ValueError as failure:
        raise wrong(f"{name}:{part[:60]} is not a day or a time as ISO 8601 has them") from failure
    text = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return text, text
