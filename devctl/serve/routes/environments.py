"""Environments: listed, made, looked at, stopped, started, kept and removed."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import JsonValue

from devctl.errors import NoSuchResource
from devctl.fleet.records import EnvironmentRecord, Snapshot
from devctl.reaper.reaper import Reaper
from devctl.reaper.records import Explanation
from devctl.records import Record
from devctl.serve.launching import maker, shown, wanted
from devctl.serve.operations import Operation, Told, Wanted
from devctl.serve.records import (
    EnvironmentPage,
    EnvironmentView,
    EnvironmentWish,
    IdPath,
    KeepWish,
    KeyHeader,
    ListQuery,
    LogsQuery,
    NamePath,
    RemoveQuery,
    RestoreWish,
    SnapshotWish,
    StopWish,
)
from devctl.serve.routing import (
    BYTES,
    Answers,
    blueprint,
    caller,
    followed,
    reply,
    reply_nothing,
    reply_stream,
    reply_tagged,
    route,
    service,
    waits,
)


class SnapshotList(Record):
    """Snapshots, oldest first."""

    items: tuple[Snapshot, ...]


def list_environments(query: ListQuery) -> Response:
    """List environments, by name; they carry what they use, badges, until when they are kept, and links that lead in."""
    labels = {name: value for name, _, value in (label.partition("=") for label in query.label)}
    found = service().fleet.list(caller(), all_users=query.all_users, labels=labels)
    wanted_ones = sorted((one for one in found if _fits(one, query)), key=lambda one: one.name)
    past = [one for one in wanted_ones if query.after is None or one.name > query.after]
    page = past[: query.limit]
    following = page[-1].name if len(past) > len(page) else None
    views = service().views(page, caller())
    return reply_tagged(
        EnvironmentPage(items=views, next=following, total=len(wanted_ones)), any(map(_has_links, views))
    )


def create_environment(header: KeyHeader, body: EnvironmentWish) -> Response:
    """Make an environment: 202 and an operation once it is accepted, 403 with the policy's reasons where it is not."""
    work = maker(service(), caller(), body)
    operation = service().operations.begin(caller(), wanted(body, header.idempotency_key), work)
    return _followed(operation, header)


def get_environment(path: NamePath) -> Response:
    """Show an environment."""
    view = service().view(service().fleet.get(caller(), path.name), caller())
    return reply_tagged(view, _has_links(view))


def explain_environment(path: NamePath) -> Response:
    """Say why an environment was or was not stopped as idle, and when it will be."""
    record = service().fleet.get(caller(), path.name)
    return reply(Reaper(service().fleet, service().devctl.reaper()).explained(record))


def remove_environment(path: NamePath, query: RemoveQuery) -> Response:
    """Remove an environment with its files."""
    service().fleet.remove(caller(), path.name, why=query.why, force=query.force)
    return reply_nothing()


def start_environment(path: NamePath, header: KeyHeader) -> Response:
    """Start a stopped or paused environment."""
    user, name = caller(), path.name
    inside = service()

    def work(told: Told) -> JsonValue:
        return shown(inside.view(inside.fleet.start(user, name, told)))

    record = inside.fleet.get(user, name)
    begun = inside.operations.begin(user, Wanted(kind="start", subject=record.name, key=header.idempotency_key), work)
    return _followed(begun, header)


def stop_environment(path: NamePath, body: StopWish) -> Response:
    """End all that runs in an environment; its files stay."""
    return reply(service().view(service().fleet.stop(caller(), path.name, body.why, body.grace), caller()))


def pause_environment(path: NamePath) -> Response:
    """Freeze all that runs in an environment."""
    return reply(service().view(service().fleet.pause(caller(), path.name), caller()))


def keep_environment(path: NamePath, body: KeepWish) -> Response:
    """Have the idle reaper leave an environment alone until then."""
    return reply(service().view(service().fleet.keep(caller(), path.name, body.until), caller()))


def read_logs(path: NamePath, query: LogsQuery) -> Response:
    """Read what the lifecycle commands and the main process printed; with `follow` as it comes."""
    service().fleet.get(caller(), path.name)
    return reply_stream(service().fleet.logs(caller(), path.name, query.follow, query.since), BYTES)


def make_snapshot(path: NamePath, body: SnapshotWish) -> Response:
    """Keep the files of an environment under a tag."""
    made = service().fleet.snapshot(caller(), path.name, body.tag)
    return reply(made, 201)


def list_snapshots() -> Response:
    """List snapshots."""
    return reply_tagged(SnapshotList(items=tuple(service().fleet.snapshots(caller()))))


def remove_snapshot(path: IdPath) -> Response:
    """Remove a snapshot."""
    service().fleet.remove_snapshot(caller(), path.id)
    return reply_nothing()


def restore_snapshot(path: IdPath, header: KeyHeader, body: RestoreWish) -> Response:
    """Make a new environment of a snapshot."""
    user, inside = caller(), service()
    if path.id not in {one.tag for one in inside.fleet.snapshots(user)}:
        raise NoSuchResource(f"no snapshot has the tag {path.id!r}", "list them at /v1/snapshots")

    def work(told: Told) -> JsonValue:
        return shown(inside.view(inside.fleet.restore(user, path.id, body.name, told)))

    what = Wanted(kind="restore", subject=body.name, key=header.idempotency_key, digest=path.id)
    return _followed(inside.operations.begin(user, what, work), header)


def api() -> APIBlueprint:
    """The routes."""
    made = blueprint("environments", "Kept environments")
    one = "/environments/<string:name>"
    begun: Answers = {202: Operation, 201: EnvironmentView}
    route(made, "GET", "/environments", list_environments, {200: EnvironmentPage, 304: None})
    route(made, "POST", "/environments", create_environment, begun)
    route(made, "GET", one, get_environment, {200: EnvironmentView, 304: None})
    route(made, "GET", f"{one}/why", explain_environment, {200: Explanation})
    route(made, "DELETE", one, remove_environment, {204: None})
    route(made, "POST", f"{one}/start", start_environment, begun)
    route(made, "POST", f"{one}/stop", stop_environment, {200: EnvironmentView})
    route(made, "POST", f"{one}/pause", pause_environment, {200: EnvironmentView})
    route(made, "PUT", f"{one}/keep", keep_environment, {200: EnvironmentView})
    route(made, "GET", f"{one}/logs", read_logs, {200: BYTES})
    route(made, "POST", f"{one}/snapshots", make_snapshot, {201: Snapshot})
    route(made, "GET", "/snapshots", list_snapshots, {200: SnapshotList})
    route(made, "DELETE", "/snapshots/<string:id>", remove_snapshot, {204: None})
    route(made, "POST", "/snapshots/<string:id>/restore", restore_snapshot, begun)
    return made


def _fits(record: EnvironmentRecord, query: ListQuery) -> bool:
    return (not query.phase or record.phase in query.phase) and query.gpu in (None, record.gpu)


def _has_links(view: EnvironmentView) -> bool:
    return any(one.link for one in view.tunnels)


def _followed(operation: Operation, header: KeyHeader) -> Response:
    """The operation, or the environment where the caller waits for it and it is made."""
    operation = followed(operation, header)
    where = {"Location": f"/v1/operations/{operation.id}"}
    if waits(header) and operation.state == "done":
        return reply(EnvironmentView.model_validate(operation.result), 201, where)
    return reply(operation, 202, where)
