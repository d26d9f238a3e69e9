"""Searching issues and repositories through PyGithub, and the query language by itself."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from github import GithubException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.errors import Invalid
from forge.search import issues, repositories
from forge.search.conditions import Searcher, between
from forge.search.query import QUALIFIERS, Term, parse
from forge.store.database import Database, Page
from forge.text import has_phrase
from tests.forge.conftest import Forge, Project, forge_login


def numbers(project: Project, query: str, login: str = "ada") -> list[int]:
    """The numbers that a search in the project finds, lowest first."""
    found = project.forge.client(login).search_issues(f"repo:{project.name} {query}".strip())
    return sorted(each.number for each in found)


@pytest.fixture
def filed(project: Project) -> Project:
    """1: a closed bug of ada; 2: bob's, assigned, under a milestone; 3: bob's with a comment; 4: a merged pull request."""
    milestone = project.bob.create_milestone("Version 1")
    one = project.ada.create_issue(title="Crash on start", body="The parser fails", labels=["bug", "good first"])
    one.edit(state="closed")
    project.bob.create_issue(title="Slow start", labels=["bug"], assignees=["bob"], milestone=milestone)
    project.bob.create_issue(title="Words", body="nothing").create_comment("it crashes: CRASH!")
    project.branch("feature", {"a.txt": "a\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="Mend the parser", draft=False)
    pull.merge()
    return project


FOUND: dict[str, list[int]] = {
    "": [1, 2, 3, 4],
    "crash": [1, 3],
    "CRASH in:title": [1],
    "in:title,body parser": [1, 4],
    "start -crash": [2],
    "start NOT crash": [2],
    '"on start"': [1],
    "star": [],
    "is:issue is:open": [2, 3],
    "type:pr": [4],
    "is:pr is:merged": [4],
    "-is:pr": [1, 2, 3],
    "state:closed is:issue": [1],
    "label:bug": [1, 2],
    'label:bug label:"good first"': [1],
    'label:"good first","absent"': [1],
    "-label:bug is:issue": [3],
    "no:label is:issue": [3],
    "author:bob": [2, 3, 4],
    "author:@me": [1],
    "author:ada author:bob is:open": [2, 3],
    "-author:bob": [1],
    "assignee:bob": [2],
    "no:assignee is:open": [3],
    "commenter:bob": [3],
    'milestone:"version 1"': [2],
    "no:milestone is:issue": [1, 3],
    "comments:>0": [3],
    "comments:0 is:issue": [1, 2],
    "created:>2000-01-01 updated:2000-01-01..* closed:*..2001-01-01": [],
    "created:>=2000-01-01 closed:>2000-01-01T00:00:00Z is:issue": [1],
    "merged:<2000-01-01": [],
    "http://crash": [],
}


def test_query_finds_what_it_says(filed: Project) -> None:
    assert {query: numbers(filed, query) for query in FOUND} == FOUND


def test_results_are_sorted_and_come_in_pages(filed: Project) -> None:
    client, where = filed.forge.client("ada"), f"repo:{filed.name}"
    by_comments = client.search_issues(where, sort="comments", order="desc")
    assert by_comments[0].number == 3
    assert [each.number for each in client.search_issues(where, sort="created", order="asc")] == [1, 2, 3, 4]
    path = "/search/issues"
    middle = filed.forge.call("GET", path, "ada", params={"q": where, "per_page": 1, "page": 2})
    body = middle.json()
    assert (body["total_count"], body["incomplete_results"], len(body["items"])) == (4, False, 1)
    assert set(middle.links) == {"next", "last", "prev", "first"}
    far = filed.forge.call("GET", path, "ada", params={"q": where, "per_page": 100, "page": 11})
    assert (far.status_code, "first 1000" in far.json()["message"]) == (422, True)


REFUSED = {
    "": "missing",
    "repo:ada/nothing": "cannot be searched",
    "author:nobody-at-all": "cannot be searched",
    "author:@me": "cannot be searched",
    "is:strange": "is not one of",
    "language:python": "does not support language",
    "created:yesterday": "ISO 8601",
    "comments:many": "number",
    "created:>": "range",
    "label:": "needs a value",
    '"half': "quotation",
    "a OR b": "OR",
    "x" * 257: "256",
}


def test_query_that_cannot_be_answered_is_refused(forge: Forge) -> None:
    for query, said in REFUSED.items():
        answer = forge.call("GET", "/search/issues", params={"q": query})
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["field"]) == (422, "q")
        assert said in error.get("message", error["code"])


def test_what_is_private_is_found_by_its_people_alone(filed: Project) -> None:
    filed.ada.edit(private=True, description="secretive")
    assert numbers(filed, "crash", "bob") == [1, 3]
    for login in ("carol", None):
        for query, path in (("crash", "/search/issues"), ("secretive", "/search/repositories")):
            found = filed.forge.call("GET", path, login, params={"q": query}).json()
            assert filed.name not in str(found["items"])
    stranger = filed.forge.client(forge_login(filed.forge, "carol"))
    with pytest.raises(GithubException) as refused:
        list(stranger.search_issues(f"repo:{filed.name}"))
    assert refused.value.status == 422


def test_repositories_are_found_by_name_topic_and_words(project: Project) -> None:
    client, name = project.forge.client("bob"), project.ada.name
    project.ada.edit(description="Finds needles in haystacks")
    project.ada.replace_topics(["sewing"])
    for query in (f"{name} in:name", f"needles user:ada repo:{project.name}", f"topic:sewing repo:{project.name}"):
        assert [each.full_name for each in client.search_repositories(query)] == [project.name], query
    assert client.search_repositories(f"repo:{project.name} is:private").totalCount == 0
    assert (
        client.search_repositories(f"repo:{project.name} pushed:>=2000-01-01 size:>0", sort="updated").totalCount == 1
    )
    refused = project.forge.call("GET", "/search/repositories", "bob", params={"q": "stars:>1"})
    assert (refused.status_code, "stars" in refused.json()["errors"][0]["message"]) == (422, True)
    for wrong in ({"q": "x", "sort": "beauty"}, {"q": "x", "order": "up"}):
        assert project.forge.call("GET", "/search/repositories", "bob", params=wrong).status_code == 422


PARTS = st.one_of(
    st.sampled_from(
        [*sorted(QUALIFIERS), "-", ":", '"', ",", " ", "..", "*", ">", "<=", "@me", "2024-02-30", "NOT", "OR"]
    ),
    st.text(max_size=4),
)


@pytest.fixture
def searcher(tmp_path: Path) -> Iterator[Searcher]:
    database = Database(tmp_path / "f.sqlite3")
    with database.read() as db:
        yield Searcher(db, None)
    database.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PARTS, max_size=8))
def test_any_text_is_a_query_or_is_refused(searcher: Searcher, parts: list[str]) -> None:
    for found in (issues, repositories):
        try:
            assert found.search(searcher, "".join(parts), "", "desc", Page()).total == 0
        except Invalid as refused:
            assert refused.errors


DAYS = st.dates().map(lambda day: day.isoformat())


@given(DAYS, DAYS, DAYS, st.sampled_from(["", ">", ">=", "<", "<=", ".."]), st.integers(0, 86_399))
def test_days_bound_times_as_they_read(day: str, one: str, two: str, way: str, second: int) -> None:
    at = f"{day}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
    text = f"{one}..{two}" if way == ".." else f"{way}{one}"
    wanted = {
        "": day == one,
        ">": day > one,
        ">=": day >= one,
        "<": day < one,
        "<=": day <= one,
        "..": one <= day <= two,
    }
    condition = between("at", Term(name="created", value=text, negated=False))
    with closing(sqlite3.connect(":memory:")) as db:
        sql = f"SELECT {condition.sql} FROM (SELECT ? AS at)"  # noqa: S608 - the condition under test
        # The values of the condition come before that of the row.
        (got,) = db.execute(sql, [*condition.values, at]).fetchone()
    assert bool(got) == wanted[way]


def test_query_is_read_into_its_parts() -> None:
    read = parse('-label:"a b" x:y NOT is:open "two words" is:pr,x', {"label", "is"})
    assert [(each.name, each.value, each.negated) for each in read] == [
        ("label", "a b", True),
        (None, "x:y", False),
        ("is", "open", True),
        (None, "two words", False),
        ("is", "pr,x", False),
    ]


@given(st.text(), st.text(max_size=3))
def test_phrase_is_found_wherever_words_begin_and_end(around: str, phrase: str) -> None:
    assert has_phrase(f"{around} {phrase} {around}", phrase)
    assert not has_phrase(None, phrase)
    assert not has_phrase("xbugx", "bug")
