"""How routes are declared and what they share: answers, the caller, streams, ranges of roles."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Response, current_app, g, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, JsonValue

from devctl.errors import LaunchRefused, ServiceBusy
from devctl.fleet.records import User
from devctl.serve.operations import Operation, Told, Wanted
from devctl.serve.problems import MEDIA_TYPE
from devctl.serve.records import KeyHeader

if TYPE_CHECKING:
    from devctl.serve.service import Service

Answers = Mapping[int, type[BaseModel] | str | None]
"""What a route answers by status: a record, the media type of a stream, or nothing."""

Function = TypeVar("Function", bound=Callable[..., Response])
NDJSON = "application/x-ndjson"
BYTES = "application/octet-stream"
TAR = "application/x-tar"
MOST_WAIT = 600.0
"""Seconds that a caller may wait for an operation with `Prefer`."""
_WAIT = re.compile(r"(?:^|[,; ])wait=(\d{1,4})(?:$|[,; ])")
_ADMINS = ("only admins may do this",)
_FAULTS = ("401", "403", "404", "409", "422", "429", "503")


def blueprint(name: str, words: str) -> APIBlueprint:
    """Routes under /v1 that need a token."""
    fault = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return APIBlueprint(
        name,
        __name__,
        url_prefix="/v1",
        abp_tags=[Tag(name=name, description=words)],
        abp_security=[{"token": []}],
        abp_responses={status: dict(fault) for status in _FAULTS},
    )


def route(api: APIBlueprint, method: str, rule: str, function: Function, answers: Answers) -> None:
    """Register a function for a method and a path; its docstring is what the OpenAPI document says."""
    responses: dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None] = {}
    for status, answer in answers.items():
        if isinstance(answer, str):
            responses[str(status)] = {"content": {answer: {"schema": {"type": "string", "format": "binary"}}}}
        else:
            responses[str(status)] = answer
    register = {"GET": api.get, "POST": api.post, "PUT": api.put, "DELETE": api.delete}[method]
    register(rule, responses=responses, operation_id=function.__name__)(function)


def service() -> "Service":
    """The service that this application is the face of."""
    return cast("Service", current_app.extensions["devctl"])


def caller() -> User:
    """Whose token the request brought."""
    return cast(User, g.user)


def admin() -> User:
    """The caller, who must be an admin; raises LaunchRefused."""
    user = caller()
    if user.role != "admin":
        raise LaunchRefused(f"{user.name} is no admin", _ADMINS, "ask for the role admin")
    return user


def overseen(operation: str, subject: str, details: Mapping[str, JsonValue]) -> User:
    """The same, with a line of the audit that says who wanted what, and whether they could have it."""
    from devctl.admission import audit

    user = caller()
    reasons = () if user.role == "admin" else _ADMINS
    line = audit.NewLine(
        who=user.name, operation=operation, subject=subject, allowed=not reasons, reasons=reasons, details=dict(details)
    )
    with service().fleet.parts.database.connection() as connection:
        audit.write(connection, line)
    return admin()


def followed(operation: Operation, header: KeyHeader) -> Operation:
    """The operation after as long as the caller's `Prefer` wants to wait, or when it has ended."""
    asked = _WAIT.search(header.prefer or "")
    if asked is None or operation.state != "running":
        return operation
    return service().operations.wait(caller(), operation.id, min(float(asked[1]), MOST_WAIT))


def begun(
    kind: str, subject: str, body: BaseModel | None, header: KeyHeader, work: Callable[[Told], JsonValue]
) -> Response:
    """Begin long work for the caller, and answer with the operation."""
    digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest() if body is not None else ""
    wanted = Wanted(kind=kind, subject=subject, key=header.idempotency_key, digest=digest)
    operation = followed(service().operations.begin(caller(), wanted, work), header)
    return reply(operation, 202, {"Location": f"/v1/operations/{operation.id}"})


def waits(header: KeyHeader) -> bool:
    """Whether the caller wants to wait."""
    return _WAIT.search(header.prefer or "") is not None


def reply(record: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a record."""
    return Response(record.model_dump_json(), status, headers, mimetype="application/json")


def reply_json(value: JsonValue, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(json.dumps(value), status, mimetype="application/json")


def reply_nothing() -> Response:
    """Answer that it is done."""
    return Response(status=204)


def reply_tagged(record: BaseModel, secret: bool = False) -> Response:
    """Answer with a record and its ETag, or that the caller has it already; a `secret` one is stored by no browser."""
    response = reply(record)
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.headers["Cache-Control"] = "no-store" if secret else "private, no-cache"
    return cast(Response, response.make_conditional(request))


def reply_stream(pieces: Iterator[bytes | None], media_type: str, heartbeat: bytes = b"") -> Response:
    """Answer with what comes, as it comes; None only looks whether the caller is still there.

    `heartbeat` is sent now and then where nothing comes. Raises ServiceBusy.
    """
    places = service().streams
    if not places.acquire(blocking=False):
        raise ServiceBusy("the service has as many streams as it takes", "end some, or try again later")
    gone = request.environ.get("waitress.client_disconnected", lambda: False)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = _Stream(pieces, places.release, gone, heartbeat)
    return Response(stream, 200, headers, mimetype=media_type, direct_passthrough=True)


class _Stream:
    """Passes pieces on until there are no more or the caller has gone; gives its place back once."""

    BEATS = 15
    """So many empty pieces, which come about once a second, make a heartbeat."""

    def __init__(
        self, pieces: Iterator[bytes | None], release: Callable[[], None], gone: Callable[[], bool], heartbeat: bytes
    ) -> None:
        self._pieces, self._release, self._gone, self._heartbeat = pieces, release, gone, heartbeat
        self._open = True
        self._empty = 0

    def __iter__(self) -> "_Stream":
        return self

    def __next__(self) -> bytes:
        while True:
            piece = next(self._pieces)
            if piece:
                self._empty = 0
                return piece
            self._empty += 1
            if self._gone():
                raise StopIteration
            if self._heartbeat and self._empty % self.BEATS == 0:
                return self._heartbeat

    def close(self) -> None:
        """End the pieces' own source; called by the server in any case."""
        if self._open:
            self._open = False
            try:
                close = getattr(self._pieces, "close", None)
                if close is not None:
                    close()
            finally:
                self._release()


def line(record: BaseModel | None) -> bytes | None:
    """A record as a line of NDJSON."""
    return None if record is None else record.model_dump_json(exclude_none=True).encode() + b"\n"
