"""GitHub's query language: words, phrases and qualifiers."""

import re
from collections.abc import Collection

from forge.errors import Invalid
from forge.records import Record

LONGEST = 256
"""Characters of words and phrases."""
QUALIFIERS = frozenset(
    [
        "app",
        "archived",
        "assignee",
        "author",
        "author-email",
        "author-name",
        "base",
        "closed",
        "comments",
        "commenter",
        "committer",
        "created",
        "draft",
        "extension",
        "filename",
        "followers",
        "fork",
        "forks",
        "good-first-issues",
        "has",
        "hash",
        "head",
        "help-wanted-issues",
        "in",
        "interactions",
        "involves",
        "is",
        "label",
        "language",
        "license",
        "linked",
        "location",
        "mentions",
        "merge",
        "merged",
        "milestone",
        "mirror",
        "no",
        "org",
        "parent",
        "path",
        "project",
        "props",
        "pushed",
        "reactions",
        "reason",
        "repo",
        "repos",
        "review",
        "review-requested",
        "reviewed-by",
        "size",
        "sort",
        "stars",
        "state",
        "status",
        "sub-issue",
        "symbol",
        "team",
        "team-review-requested",
        "template",
        "topic",
        "topics",
        "tree",
        "type",
        "updated",
        "user",
        "user-review-requested",
    ]
)
"""All that GitHub has; any other word with a colon is a word."""
_TOKEN = re.compile(
    r'(?P<not>-)?(?:(?P<name>[A-Za-z][A-Za-z-]*):)?(?:(?P<quoted>"[^"]*"(?:,"[^"]*")*)|(?P<plain>[^\s"]+))(?=\s|$)'
)


class Term(Record):
    """One part of a query."""

    name: str | None
    """The qualifier; None for a word or phrase."""
    value: str
    negated: bool
    alternatives: tuple[str, ...] = ()
    """The parts of a value with commas in it, for the qualifiers that take several."""


def wrong(message: str) -> Invalid:
    """What a query that cannot be answered is refused with."""
    return Invalid.field("Search", "q", "invalid", message)


def parse(text: str, known: Collection[str]) -> list[Term]:
    """The terms of a query; Invalid for an empty or broken one, and for a qualifier that is not among the known."""
    if not text.strip():
        raise Invalid.field("Search", "q", "missing")
    terms: list[Term] = []
    position, negated = 0, False
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        found = _TOKEN.match(text, position)
        if found is None:
            raise wrong(f"{text[position : position + 60]!r} cannot be read: check the quotation marks")
        position = found.end()
        if found["plain"] in ("NOT", "AND") and not found["name"]:
            negated = found["plain"] == "NOT"
            continue
        terms.append(_term(found, known, negated=negated))
        negated = False
    words = sum(len(term.value) for term in terms if term.name is None)
    if words > LONGEST:
        raise Invalid.field("Search", "q", "invalid", f"the search is longer than {LONGEST} characters")
    return terms


def _term(found: re.Match[str], known: Collection[str], *, negated: bool) -> Term:
    parts = found["plain"].split(",") if found["quoted"] is None else found["quoted"][1:-1].split('","')
    value = ",".join(parts)
    name = (found["name"] or "").lower()
    if name not in QUALIFIERS:
        whole = f"{found['name']}:{value}" if name else value
        if found["quoted"] is None and (whole == "OR" or "(" in whole or ")" in whole):
            raise wrong("this forge does not support OR and parentheses in a search")
        if not name and whole.endswith(":") and whole[:-1].lower() in QUALIFIERS:
            raise wrong(f"{whole} needs a value")
        return Term(name=None, value=whole, negated=negated or bool(found["not"]))
    if name not in known:
        raise wrong(f"this forge does not support {name}: in this search, only {', '.join(sorted(known))}")
    if not value.strip():
        raise wrong(f"{name}: needs a value")
    return Term(name=name, value=value, negated=negated or bool(found["not"]), alternatives=tuple(parts))
