"""What was decided and why, what is kept warm, and the machines: for those who look after the service."""

import logging

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import JsonValue

from devctl.admission.audit import AuditFilter, read, shown_to
from devctl.errors import NoHost, NoSuchHost
from devctl.fleet.records import Host
from devctl.hosts.addresses import checked_host
from devctl.hosts.pool import Hosts
from devctl.hosts.registry import HostState
from devctl.pool.keeping import WarmKeeping
from devctl.pool.records import WarmStock
from devctl.serve.operations import Operation, Told
from devctl.serve.oversight_records import (
    AuditPage,
    HostList,
    HostQuery,
    HostRemoval,
    HostWish,
    KeyPath,
    Prefetch,
    ShapeSize,
)
from devctl.serve.records import KeyHeader, NamePath
from devctl.serve.routing import admin, begun, blueprint, caller, reply, reply_nothing, reply_tagged, route, service

log = logging.getLogger(__name__)


def read_audit(query: AuditFilter) -> Response:
    """Show who wanted what and what was decided; callers who are no admins see what they wanted themselves."""
    wanted = shown_to(caller(), query)
    return reply_tagged(AuditPage(items=tuple(read(service().fleet.parts.database, wanted))))


def show_pool() -> Response:
    """Show the shapes that are kept warm, and the containers; admins only."""
    admin()
    return reply_tagged(_warm().stock())


def size_shape(path: KeyPath, body: ShapeSize) -> Response:
    """Keep so many of a shape, or as many as are asked for; admins only."""
    who = admin()
    _warm().size(path.key, body.minimum)
    log.info("%s keeps %s of the shape %s", who.name, body.minimum, path.key)
    return reply_nothing()


def fill_pool(header: KeyHeader) -> Response:
    """Remove what is spoilt or left behind, and make what is missing, once; admins only."""
    admin()
    warm = _warm()
    return begun("pool", "fill", None, header, lambda _told: list(warm.fill()))


def drain_pool(header: KeyHeader) -> Response:
    """Remove all warm containers that nobody has claimed, and keep none; admins only."""
    admin()
    warm = _warm()
    return begun("pool", "drain", None, header, lambda _told: warm.drain())


def list_hosts(query: HostQuery) -> Response:
    """List the hosts that were added, as they were last measured, or measured now; admins only."""
    admin()
    return reply_tagged(HostList(items=tuple(_hosts().states(query.measure))))


def prefetch_images(header: KeyHeader, body: Prefetch) -> Response:
    """Fetch images to every host: from their registry, or from a host that has them. Admins only."""
    admin()
    hosts = _hosts()

    def work(_told: Told) -> JsonValue:
        return [one.model_dump(mode="json") for one in hosts.prefetch(body.images)]

    return begun("prefetch", "images", body, header, work)


def add_host(body: HostWish) -> Response:
    """Connect to a host, measure it and add it; admins only."""
    who = admin()
    hosts = _hosts()
    host = checked_host(body.name, body.address, body.tls, body.max_environments, body.labels, body.seconds)
    hosts.add(host)
    log.info("%s added the host %s at %s", who.name, host.name, host.address)
    return reply(_state(hosts, host.name), 201)


def drain_host(path: NamePath) -> Response:
    """Have a host take nothing new; what is on it stays. Admins only."""
    return _drained(path.name, True)


def undrain_host(path: NamePath) -> Response:
    """Have a host take environments again; admins only."""
    return _drained(path.name, False)


def remove_host(path: NamePath, query: HostRemoval) -> Response:
    """Forget a host, and change nothing on it; admins only."""
    who = admin()
    _hosts().remove(path.name, query.force)
    log.info("%s removed the host %s", who.name, path.name)
    return reply_nothing()


def api() -> APIBlueprint:
    """The routes."""
    made = blueprint("oversight", "Decisions, stock and hosts")
    route(made, "GET", "/audit", read_audit, {200: AuditPage, 304: None})
    route(made, "GET", "/pool", show_pool, {200: WarmStock, 304: None})
    route(made, "PUT", "/pool/<string:key>", size_shape, {204: None})
    route(made, "POST", "/pool/fill", fill_pool, {202: Operation})
    route(made, "POST", "/pool/drain", drain_pool, {202: Operation})
    route(made, "POST", "/hosts/prefetch", prefetch_images, {202: Operation})
    route(made, "GET", "/hosts", list_hosts, {200: HostList, 304: None})
    route(made, "POST", "/hosts", add_host, {201: HostState})
    route(made, "POST", "/hosts/<string:name>/drain", drain_host, {200: Host})
    route(made, "POST", "/hosts/<string:name>/undrain", undrain_host, {200: Host})
    route(made, "DELETE", "/hosts/<string:name>", remove_host, {204: None})
    return made


def _warm() -> WarmKeeping:
    return WarmKeeping(service().fleet, service().devctl)


def _hosts() -> Hosts:
    found = service().fleet.parts.hosts
    if not isinstance(found, Hosts):
        raise NoHost("this service has no list of hosts", "run it with `devctl serve`")
    return found


def _state(hosts: Hosts, name: str) -> HostState:
    found = hosts.registry.find(name)
    if found is None:
        raise NoSuchHost(f"the host {name!r} was removed meanwhile", "add it again")
    return found


def _drained(name: str, draining: bool) -> Response:
    who = admin()
    hosts = _hosts()
    hosts.registry.drain(name, draining)
    log.info("%s %s the host %s", who.name, "drained" if draining else "undrained", name)
    return reply(_state(hosts, name).host)
