"""Commands in environments: run to their end, or as a stream both ways."""

import base64
from collections.abc import Iterator

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint

from devctl.errors import RequestInvalid
from devctl.records import ExecResult
from devctl.serve.execs import ExecInfo, ExecSession
from devctl.serve.ports import SocketStream
from devctl.serve.records import Attached, ExecWish, IdPath, InputQuery, NamePath, OutputQuery, PortPath, Size
from devctl.serve.routing import (
    BYTES,
    NDJSON,
    blueprint,
    caller,
    line,
    reply,
    reply_nothing,
    reply_stream,
    route,
    service,
)


def run_command(path: NamePath, body: ExecWish) -> Response:
    """Run a command: with `wait` to its end (200), otherwise as a stream whose output is read for itself (201)."""
    fleet = service().fleet
    if body.wait:
        result = fleet.exec(
            caller(), path.name, body.argv, env=body.env, stdin=body.stdin, cwd=body.cwd, seconds=body.seconds,
            tty=body.tty,
        )  # fmt: skip
        return reply(result)
    if body.stdin is not None or body.seconds is not None:
        raise RequestInvalid("`stdin` and `seconds` go with `wait`", "send input to /v1/execs/ID/input")
    size = (body.rows, body.columns) if body.rows and body.columns else None
    stream = fleet.open_exec(caller(), path.name, body.argv, env=body.env, cwd=body.cwd, tty=body.tty, size=size)
    session = service().execs.add(caller(), path.name, body.argv, body.tty, stream)
    return reply(session.info, 201, {"Location": f"/v1/execs/{session.id}"})


def attach(path: NamePath) -> Response:
    """Run what the environment's devcontainer.json wants run when somebody attaches, such as with a shell."""
    return reply(Attached(why=service().fleet.attached(caller(), path.name)))


def open_port(path: PortPath) -> Response:
    """Connect to a port inside: a stream both ways like a command's, to be read, written and ended as one."""
    connection = service().fleet.connect(caller(), path.name, path.port)
    session = service().execs.add(caller(), path.name, (f"port {path.port}",), False, SocketStream(connection))
    return reply(session.info, 201, {"Location": f"/v1/execs/{session.id}"})


def get_exec(path: IdPath) -> Response:
    """Show whether a command has ended, and how."""
    return reply(_find(path).info)


def read_output(path: IdPath, query: OutputQuery) -> Response:
    """Read the output as it comes, a line for each event, to the command's end; or its bytes alone.

    A caller whose connection broke goes on with `after`.
    """
    session = _find(path)
    if query.format == "raw":
        return reply_stream(_raw(session, query.after), BYTES)
    return reply_stream((line(event) for event in session.events(query.after)), NDJSON, b"\n")


def send_input(path: IdPath, query: InputQuery) -> Response:
    """Give a command input; the body is the bytes."""
    _find(path).write(request.get_data(cache=False), query.end)
    return reply_nothing()


def resize_terminal(path: IdPath, body: Size) -> Response:
    """Tell a command's terminal a new size."""
    _find(path).resize(body.rows, body.columns)
    return reply_nothing()


def end_command(path: IdPath) -> Response:
    """End a command with its children."""
    service().execs.remove(_find(path))
    return reply_nothing()


def api() -> APIBlueprint:
    """The routes."""
    made = blueprint("execs", "Commands in environments")
    one = "/execs/<string:id>"
    route(made, "POST", "/environments/<string:name>/execs", run_command, {200: ExecResult, 201: ExecInfo})
    route(made, "POST", "/environments/<string:name>/attach", attach, {200: Attached})
    route(made, "POST", "/environments/<string:name>/ports/<int:port>", open_port, {201: ExecInfo})
    route(made, "GET", one, get_exec, {200: ExecInfo})
    route(made, "GET", f"{one}/output", read_output, {200: NDJSON})
    route(made, "POST", f"{one}/input", send_input, {204: None})
    route(made, "POST", f"{one}/resize", resize_terminal, {204: None})
    route(made, "DELETE", one, end_command, {204: None})
    return made


def _find(path: IdPath) -> ExecSession:
    return service().execs.get(caller(), path.id)


def _raw(session: ExecSession, after: int) -> Iterator[bytes | None]:
    for event in session.events(after):
        yield base64.b64decode(event.data) if event is not None and event.data else None
