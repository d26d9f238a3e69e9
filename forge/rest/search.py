"""Searching issues, pull requests and repositories."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from forge.errors import Invalid
from forge.records import Issue, Repository
from forge.rest.answer import link, reply
from forge.rest.request import host, page, view, viewer
from forge.search import issues, repositories
from forge.search.conditions import Searcher
from forge.shapes import issues as issue_shapes
from forge.shapes import people
from forge.shapes import repositories as repository_shapes
from forge.store import repositories as repository_store
from forge.store.database import Listing, R

routes = Blueprint("search", __name__)
REACHED = 1_000
"""Results that can be asked for, as at GitHub; all are counted."""
SCORE = {"score": 1.0}
"""Whatever is found is as good as all else."""


def _answer(search: Callable[..., Listing[R]], shape: Callable[[R], Any], **more: str) -> Response:
    wanted, order = page(), request.args.get("order", "desc")
    if (wanted.number - 1) * wanted.size >= REACHED:
        raise Invalid(f"Only the first {REACHED} search results are available")
    if order not in ("asc", "desc"):
        raise Invalid.field("Search", "order", "invalid", f"{order[:60]!r} is not asc or desc")
    with host().db.read() as db:
        searcher = Searcher(db, viewer())
        found = search(searcher, request.args.get("q", ""), request.args.get("sort", ""), order, wanted)
    items = [shape(each) for each in found.items]
    response = reply({"total_count": found.total, "incomplete_results": False, "items": items, **more})
    link(response, wanted, min(found.total, REACHED))
    return response


@routes.get("/search/issues")
def search_issues() -> Response:
    """Issues and pull requests of all repositories that the person may read."""

    def shape(issue: Issue) -> people.Json:
        with host().db.read() as db:
            repo = repository_store.by_id(db, issue.repo_id)
        shaped = issue_shapes.issue(view(), repo, issue)
        if shaped["body"] is None:
            del shaped["body"]  # a search shows none where there is none
        return {**shaped, **SCORE}

    return _answer(issues.search, shape, search_type="lexical")


@routes.get("/search/repositories")
def search_repositories() -> Response:
    """Repositories that the person may read."""

    def shape(repo: Repository) -> people.Json:
        with host().db.read() as db:
            level = repository_store.permission(db, repo, viewer())
        return {**repository_shapes.repository(view(), repo, level), **SCORE}

    return _answer(repositories.search, shape)
