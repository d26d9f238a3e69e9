"""Looking after the service's machine: idle environments, leftovers, builds, and what works there. For admins."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import JsonValue

from devctl.doctor import examine
from devctl.reaper.reaper import Reaper
from devctl.serve.operations import Operation, Told
from devctl.serve.records import KeyHeader
from devctl.serve.routing import begun, blueprint, overseen, reply, route, service
from devctl.upkeep.records import Backends, ReapWish, Removed, SmokeWish, SweepWish
from devctl.upkeep.tidying import tidy


def reap_idle(header: KeyHeader, body: ReapWish) -> Response:
    """Look once at all environments and stop the idle ones, or say which would be; admins only."""
    overseen("reap", "service", {"dry_run": body.dry_run})
    inside = service()

    def work(_told: Told) -> JsonValue:
        reaper = Reaper(inside.fleet, inside.devctl.reaper())
        return [one.model_dump(mode="json") for one in reaper.run_pass(body.dry_run)]

    return begun("reap", "idle", body, header, work)


def prune_machine(header: KeyHeader) -> Response:
    """Remove what dead programs left, and cached dependencies that no environment uses; admins only."""
    overseen("prune", "service", {})
    inside = service()

    def work(_told: Told) -> JsonValue:
        value: JsonValue = tidy(inside.devctl, inside.fleet).model_dump(mode="json")
        return value

    return begun("prune", "machine", None, header, work)


def examine_machine() -> Response:
    """Try each backend of the service's machine; admins only."""
    overseen("doctor", "service", {})
    return reply(Backends(items=tuple(examine(service().devctl))))


def examine_gpus(header: KeyHeader, body: SmokeWish) -> Response:
    """Launch a container with a GPU on the service's machine, and say what it sees; admins only."""
    overseen("doctor", "service", {"gpu": True, "image": body.image})
    inside = service()

    def work(_told: Told) -> JsonValue:
        from devctl.upkeep.gpus import examine_gpus as examined

        found = examined(inside.devctl, inside.fleet.parts.database, body.image)
        value: JsonValue = found.model_dump(mode="json")
        return value

    return begun("doctor", "gpu", body, header, work)


def sweep_builds(header: KeyHeader, body: SweepWish) -> Response:
    """Remove layers and images of builds that are old, unused or too many; admins only."""
    overseen("sweep", "service", {"days": body.days, "max_mb": body.max_mb})
    inside = service()

    def work(_told: Told) -> JsonValue:
        from devctl.builder import open_builder

        with open_builder(inside.devctl) as builder:
            removed = Removed(removed=tuple(builder.sweep(body.days, body.max_mb)))
        value: JsonValue = removed.model_dump(mode="json")
        return value

    return begun("sweep", "builds", body, header, work)


def api() -> APIBlueprint:
    """The routes."""
    made = blueprint("upkeep", "The service's machine")
    route(made, "POST", "/reap", reap_idle, {202: Operation})
    route(made, "POST", "/prune", prune_machine, {202: Operation})
    route(made, "GET", "/doctor", examine_machine, {200: Backends})
    route(made, "POST", "/doctor/gpu", examine_gpus, {202: Operation})
    route(made, "POST", "/builds/sweep", sweep_builds, {202: Operation})
    return made
