"""Writing an answer: JSON, page links, rate-limit headers, entity tags, GitHub's error bodies."""

import json
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from forge.errors import ApiError, LimitReached, OutsideSubset
from forge.host import Host
from forge.records import Record
from forge.store.database import Listing, Page

DOCUMENTATION = "https://docs.github.com/rest"
PREFIX = "/api/v3"
R = TypeVar("R", bound=Record)


def reply(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return Response(text, status=status, content_type="application/json; charset=utf-8")


def empty(status: int = 204) -> Response:
    """An answer without a body."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def paged(found: Listing[R], page: Page, shape: Callable[[R], Any]) -> Response:
    """One page of a list, with GitHub's Link header."""
    response = reply([shape(item) for item in found.items])
    link(response, page, found.total)
    return response


def sliced(items: Sequence[Any], page: Page, shape: Callable[[Any], Any]) -> Response:
    """The same for a list that is all in memory; only the page is shaped."""
    start = (page.number - 1) * page.size
    response = reply([shape(item) for item in items[start : start + page.size]])
    link(response, page, len(items))
    return response


def link(response: Response, page: Page, total: int) -> None:
    """Set the Link header for a list of `total` entries."""
    last = max(1, -(-total // page.size))
    targets = {}
    if page.number < last:
        targets = {"next": page.number + 1, "last": last}
    if page.number > 1:
        targets.update({"prev": min(page.number - 1, last), "first": 1})
    if targets:
        parts = [f'<{_page_url(number, page.size)}>; rel="{name}"' for name, number in targets.items()]
        response.headers["Link"] = ", ".join(parts)


def _page_url(number: int, size: int) -> str:
    arguments = [(key, value) for key, value in request.args.items(multi=True) if key not in ("page", "per_page")]
    query = urllib.parse.urlencode([*arguments, ("page", number), ("per_page", size)])
    return f"{request.base_url}?{query}"


def error(failure: ApiError) -> Response:
    """GitHub's error body."""
    shaped: dict[str, Any] = {"message": failure.message}
    if failure.errors:
        shaped["errors"] = failure.errors
    shaped["documentation_url"] = DOCUMENTATION
    shaped["status"] = str(failure.status)
    return reply(shaped, failure.status)


def outside_subset() -> OutsideSubset:
    """What a route that the forge does not have answers."""
    text = f"{request.method} {request.path[:300]} is not in the part of the GitHub API that this forge serves"
    return OutsideSubset(text)


def _counted() -> str:
    """Whose request this is, for counting; strangers are told apart by their address."""
    return f"user {g.viewer.id}" if g.get("viewer") else f"address {request.remote_addr}"


def count(host: Host) -> None:
    """Count the request, or LimitReached; asking for the limits is free."""
    if request.path != f"{PREFIX}/rate_limit" and not host.limits.take(_counted()):
        raise LimitReached(f"API rate limit exceeded for {_counted()}.")


def _show_limits(host: Host, response: Response) -> None:
    if response.status_code == 304:
        host.limits.give_back(_counted())
    standing = host.limits.look(_counted())
    shown = {"Limit": standing.limit, "Remaining": standing.remaining, "Used": standing.used, "Reset": standing.reset}
    for name, value in shown.items():
        response.headers[f"X-RateLimit-{name}"] = str(value)
    response.headers["X-RateLimit-Resource"] = "core"


def standing(host: Host) -> dict[str, int | str]:
    """Where the person stands, as `/rate_limit` has it."""
    found = host.limits.look(_counted())
    kept = {"limit": found.limit, "used": found.used, "remaining": found.remaining, "reset": found.reset}
    return {**kept, "resource": "core"}


def finish(app: Flask, host: Host) -> None:
    """Give all answers under the prefix their headers, and errors their form."""

    @app.after_request
    def headers(response: Response) -> Response:
        if not request.path.startswith(f"{PREFIX}/") and request.path != PREFIX:
            return response
        response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        response.headers["X-GitHub-Enterprise-Version"] = "3.17.0"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if g.get("viewer"):
            response.headers["X-OAuth-Scopes"] = "repo, admin:repo_hook"
        if request.method == "GET" and response.status_code == 200:
            response.headers["Cache-Control"] = "private, max-age=0, must-revalidate"
            response.headers["Vary"] = "Accept, Authorization"
            response.add_etag(weak=True)
            response.make_conditional(request)
        _show_limits(host, response)
        return response


def http_error(failure: HTTPException) -> Response:
    """An error that the web framework raised, in GitHub's form."""
    if failure.code in (404, 405):
        return error(outside_subset())
    plain = ApiError(failure.description or failure.name)
    plain.status = failure.code or 500
    return error(plain)
