"""The application: routes, who may call them, limits of bodies, and every error as a problem."""

import logging
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Response, g, make_response, request
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from devctl.errors import DevctlError
from devctl.serve.problems import Problem, answer, plain_problem, problem_of
from devctl.serve.routes import (
    environments,
    execs,
    files,
    health,
    images,
    operations,
    oversight,
    tokens,
    tunnels,
    upkeep,
)
from devctl.serve.routing import BYTES, TAR
from devctl.serve.tokens import missing_token

if TYPE_CHECKING:
    from devctl.serve.service import Service

log = logging.getLogger(__name__)

API_VERSION = "1.0.0"
OPEN = ("/healthz", "/readyz", "/openapi.json")
"""Paths that need no token."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_WORDS = {
    404: "look at /openapi.json for the paths there are",
    405: "look at /openapi.json for the methods of this path",
    413: "send less, or raise the limit of the service",
    415: "send JSON with Content-Type: application/json",
}


def create_app(service: "Service | None") -> OpenAPI:
    """Build the application of a service; None is for reading its OpenAPI document only."""
    app = OpenAPI(
        "devctl.serve",
        info=Info(
            title="devctl",
            version=API_VERSION,
            description="Sandboxed environments in which people and agents run code.",
        ),
        security_schemes={"token": {"type": "http", "scheme": "bearer"}},
        doc_ui=False,
        validation_error_status=422,
        validation_error_model=Problem,
        validation_error_callback=_invalid,
        static_folder=None,
    )
    app.extensions["devctl"] = service
    app.json.sort_keys = False  # type: ignore[attr-defined] # the default provider has it
    for module in (environments, execs, files, images, operations, oversight, tokens, tunnels, upkeep):
        app.register_api(module.api())
    health.add_to(app)
    app.before_request(_admit)
    app.after_request(_finish)
    app.register_error_handler(DevctlError, lambda error: answer(problem_of(error)))
    app.register_error_handler(HTTPException, _protocol)
    app.register_error_handler(Exception, _defect)
    return app


def document() -> dict[str, object]:
    """The OpenAPI document."""
    found: dict[str, object] = create_app(None).api_doc
    return found


def _admit() -> None:
    """Let a request in that brings a token we know and a body that is not too large."""
    from devctl.serve.routing import service

    g.began = time.monotonic()
    if request.path in OPEN:
        return
    g.user = _user(service())
    json = not request.mimetype or request.mimetype not in (TAR, BYTES)
    limits = service().settings
    request.max_content_length = limits.json_kb * 1024 if json else limits.body_mb * 1024 * 1024
    if (request.content_length or 0) > request.max_content_length:
        from werkzeug.exceptions import RequestEntityTooLarge

        raise RequestEntityTooLarge
    texts = (request.path, *(text for pair in request.args.items(multi=True) for text in pair))
    if any("\0" in text for text in texts) or (json and _holds_nul()):
        from werkzeug.exceptions import UnprocessableEntity

        raise UnprocessableEntity("a text holds the character NUL, which can be in no name, path or database")


def _holds_nul() -> bool:
    """Whether a text of the body holds one; what is no JSON at all is refused by its route."""
    if b"\\u0000" not in request.get_data():  # as JSON writes it; most bodies need not be read twice
        return False
    waiting = [request.get_json(force=True, silent=True)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and "\0" in one:
            return True
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
    return False


def _user(service: "Service") -> object:
    from werkzeug.exceptions import TooManyRequests

    address = service.address_of(request.environ)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # others at the same address, such as all users of one machine, do not wait for somebody's failures
    if not service.tokens.is_familiar(given.strip()) and (wait := service.throttle.wait(address)):
        raise TooManyRequests(retry_after=int(wait) + 1)
    if scheme.lower() != "bearer" or not given.strip():
        raise missing_token()
    try:
        return service.tokens.verify(given.strip())
    except DevctlError:
        service.throttle.failed(address)
        raise


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    _count(response)
    user = g.get("user")
    log.info(
        "%s %s %s for %s in %.0f ms", request.method, quote(request.path), response.status_code,
        user.name if user else "nobody", (time.monotonic() - g.get("began", time.monotonic())) * 1000,
    )  # fmt: skip
    return response


def _count(response: Response) -> None:
    """Count the request by its route, so that no caller makes up new names."""
    from devctl.serve.routing import service

    page, route = service().page, request.url_rule.rule if request.url_rule else "none"
    page.requests.labels(request.method if request.url_rule else "none", route, response.status_code).inc()
    page.request_seconds.labels(request.method if request.url_rule else "none", route).observe(
        time.monotonic() - g.get("began", time.monotonic())
    )


def _invalid(error: ValidationError) -> Response:
    fields = tuple(
        f"{'.'.join(map(str, one['loc'])) or 'the body'}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False)
    )[:20]
    return answer(
        plain_problem(
            422, "RequestInvalid", "; ".join(fields), "correct the fields; /openapi.json says what fits", fields
        )
    )


def _protocol(error: HTTPException) -> Response:
    status = error.code or 500
    kind = {429: "TooManyFailures", 404: "NoSuchPath", 413: "BodyTooLarge"}.get(status, type(error).__name__)
    response = answer(plain_problem(status, kind, error.description or error.name, _WORDS.get(status, "")))
    given = make_response(error.get_response())
    for name in ("Allow", "Retry-After"):
        if name in given.headers:
            response.headers[name] = given.headers[name]
    return response


def _defect(error: Exception) -> Response:
    """The outermost boundary of a request: what nobody foresaw is recorded whole, and told without its inside."""
    log.error("%s %s broke down", request.method, quote(request.path), exc_info=error)
    words = plain_problem(500, "Defect", "the service broke down over this request", "the log of the service has more")
    return answer(words)
