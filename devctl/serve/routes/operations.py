"""Long work: as it stands, and as it goes."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from devctl.records import Record
from devctl.serve.operations import Operation, OperationEvent
from devctl.serve.records import AfterQuery, IdPath, WaitQuery
from devctl.serve.routing import NDJSON, blueprint, caller, line, reply, reply_stream, route, service


class Steps(Record):
    """What an operation told."""

    items: tuple[OperationEvent, ...]


def get_operation(path: IdPath, query: WaitQuery) -> Response:
    """Show an operation, after at most `wait` seconds or when it has ended."""
    return reply(service().operations.wait(caller(), path.id, query.wait))


def follow_operation(path: IdPath, query: AfterQuery) -> Response:
    """Follow an operation to its end, a line for each step."""
    operations = service().operations
    operations.get(caller(), path.id)
    events = operations.events(caller(), path.id, query.after)
    return reply_stream((line(event) for event in events), NDJSON, b"\n")


def list_steps(path: IdPath, query: AfterQuery) -> Response:
    """Show how far an operation has come, without waiting."""
    return reply(Steps(items=service().operations.steps(caller(), path.id, query.after)))


def api() -> APIBlueprint:
    """The routes."""
    made = blueprint("operations", "Long work")
    route(made, "GET", "/operations/<string:id>", get_operation, {200: Operation})
    route(made, "GET", "/operations/<string:id>/events", follow_operation, {200: NDJSON})
    route(made, "GET", "/operations/<string:id>/steps", list_steps, {200: Steps})
    return made
