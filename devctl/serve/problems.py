"""Errors as problem+json (RFC 9457), and what status each one has."""

from flask import Response
from pydantic import Field

from devctl.errors import DevctlError
from devctl.records import Record

MEDIA_TYPE = "application/problem+json"

STATUS = {
    "RequestInvalid": 422,
    "SettingsInvalid": 422,
    "PathRefused": 422,
    "LaunchFailed": 422,
    "PreparationFailed": 422,
    "SourceInvalid": 422,
    "CloneFailed": 422,
    "EgressInvalid": 422,
    "BuildRefused": 422,
    "BuildFailed": 422,
    "TokenRefused": 401,
    "LaunchRefused": 403,
    "NoSuchEnvironment": 404,
    "NoSuchResource": 404,
    "NoSuchImage": 404,
    "NoSuchHost": 404,
    "NameTaken": 409,
    "NotRunning": 409,
    "InUse": 409,
    "PortTaken": 409,
    "EnvironmentGone": 410,
    "SandboxFailed": 502,
    "ServeFailed": 502,
    "ScanFailed": 502,
    "ServiceBusy": 503,
    "SandboxUnavailable": 503,
    "StateUnavailable": 503,
    "HostUnreachable": 503,
    "NoHost": 503,
}
"""By the name of the error's class; what is not here is 500."""

RETRY_SECONDS = 5
"""What callers are told to wait before they ask again for what is away."""


class Problem(Record):
    """What was wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    """The message, for programs that read RFC 9457 alone."""
    kind: str
    """The class of the error, which the SDK raises again."""
    message: str
    hint: str = ""
    """What to do about it."""
    reasons: tuple[str, ...] = ()
    """The policy's own words."""
    log: str = ""
    """The end of an installer's or a server's output."""
    fields: tuple[str, ...] = Field(default=(), max_length=20)
    """Fields of the request that do not fit, each with what is wrong."""


def problem_of(error: DevctlError) -> Problem:
    """Put an error into the words of the service."""
    kind = type(error).__name__
    return Problem(
        type=f"urn:devctl:error:{kind}",
        title=_title(kind),
        status=STATUS.get(kind, 500),
        detail=error.message,
        kind=kind,
        message=error.message,
        hint=error.hint,
        reasons=tuple(getattr(error, "reasons", ())),
        log=str(getattr(error, "log", "") or getattr(error, "output", "")),
    )


def plain_problem(status: int, kind: str, message: str, hint: str = "", fields: tuple[str, ...] = ()) -> Problem:
    """A problem of the protocol itself, which is no error of devctl."""
    return Problem(
        type=f"urn:devctl:error:{kind}", title=_title(kind), status=status, detail=message, kind=kind,
        message=message, hint=hint, fields=fields,
    )  # fmt: skip


def answer(problem: Problem) -> Response:
    """The response that says it."""
    response = Response(problem.model_dump_json(exclude_defaults=False), problem.status, mimetype=MEDIA_TYPE)
    if problem.status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="devctl"'
    return response


def _title(kind: str) -> str:
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind).strip()
    return words[:1].upper() + words[1:]
