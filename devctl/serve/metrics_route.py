"""`/metrics` before the application: a scrape is a look at a page that is there, and costs no more than that."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from devctl.errors import DevctlError, LaunchRefused
from devctl.fleet.records import User
from devctl.metrics.page import MEDIA_TYPE
from devctl.serve.problems import MEDIA_TYPE as PROBLEM_TYPE
from devctl.serve.problems import Problem, problem_of
from devctl.serve.tokens import missing_token

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from devctl.serve.service import Service

PATH = "/metrics"
TIER = "metrics"
"""A token of this tier may read the page whatever its role: it names the environments of all users."""
_STATUS = {401: "401 Unauthorized", 403: "403 Forbidden", 429: "429 Too Many Requests", 503: "503 Service Unavailable"}


def with_metrics(app: "WSGIApplication", service: "Service") -> "WSGIApplication":
    """Answer /metrics, and pass everything else on."""

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return app(environ, start)
        return _scrape(service, environ, start)

    return answer


def may_read(user: User) -> bool:
    """Whether somebody may read what all environments do."""
    return user.role == "admin" or user.tier == TIER


def bearer(authorization: str) -> str:
    """The token in such a header; an empty string where there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def takes_gzip(accepted: str) -> bool:
    """Whether a caller that accepts these encodings is sent the packed page."""
    return "gzip" in accepted


def headers_of(body: bytes, packed: bool) -> list[tuple[str, str]]:
    """What stands above a page that is sent."""
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    return [*headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")] if packed else headers


def _scrape(service: "Service", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
    address = service.address_of(environ)
    token = bearer(environ.get("HTTP_AUTHORIZATION", ""))
    if not service.tokens.is_familiar(token) and service.throttle.wait(address):
        return _refuse(start, problem_of(missing_token()).model_copy(update={"status": 429, "kind": "TooManyFailures"}))
    try:
        if not token:
            raise missing_token()
        _check(service, token, address)
    except DevctlError as error:
        return _refuse(start, problem_of(error))
    packed = takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
    body = service.page.page(packed)
    start("200 OK", headers_of(body, packed))
    return [body] if environ["REQUEST_METHOD"] == "GET" else []


def _check(service: "Service", token: str, address: str) -> None:
    try:
        user = service.tokens.verify(token)
    except DevctlError:
        service.throttle.failed(address)
        raise
    if not may_read(user):
        raise LaunchRefused(
            "the metrics name the environments of all users",
            (f"the page takes an admin's token, or one of the tier {TIER}",),
            f"make one with `devctl token add prometheus --role viewer --tier {TIER}`",
        )


def _refuse(start: Callable[..., object], problem: Problem) -> Iterable[bytes]:
    body = problem.model_dump_json().encode()
    headers = [("Content-Type", PROBLEM_TYPE), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    start(_STATUS.get(problem.status, "500 Internal Server Error"), headers)
    return [body]
