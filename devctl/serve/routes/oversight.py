"""What was decided and why, what is kept warm, and the machines: for those who look after the service."""

import logging

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from devctl.admission.audit import AuditFilter, read
from devctl.errors import NoHost
from devctl.fleet.records import Host
from devctl.hosts.addresses import checked_host
from devctl.hosts.pool import Hosts
from devctl.hosts.registry import HostState
from devctl.pool.opening import rules_of
from devctl.pool.stock import Stock
from devctl.serve.oversight_records import AuditPage, HostList, HostRemoval, HostWish, WarmStock
from devctl.serve.records import NamePath
from devctl.serve.routing import admin, blueprint, caller, reply, reply_nothing, reply_tagged, route, service

log = logging.getLogger(__name__)


def read_audit(query: AuditFilter) -> Response:
    """Show who wanted what and what was decided; callers who are no admins see what they wanted themselves."""
    user = caller()
    wanted = query if user.role == "admin" else query.model_copy(update={"who": user.name})
    return reply_tagged(AuditPage(items=tuple(read(service().fleet.parts.database, wanted))))


def show_pool() -> Response:
    """Show the shapes that are kept warm, and the containers; admins only."""
    admin()
    stock = Stock(service().fleet.parts.database)
    shapes = stock.wanted(rules_of(service().devctl))
    return reply_tagged(WarmStock(shapes=tuple(shapes), containers=tuple(stock.slots())))


def list_hosts() -> Response:
    """List the hosts that were added, as they were last measured; admins only."""
    admin()
    return reply_tagged(HostList(items=tuple(_hosts().registry.all())))


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
    route(made, "GET", "/hosts", list_hosts, {200: HostList, 304: None})
    route(made, "POST", "/hosts", add_host, {201: HostState})
    route(made, "POST", "/hosts/<string:name>/drain", drain_host, {200: Host})
    route(made, "POST", "/hosts/<string:name>/undrain", undrain_host, {200: Host})
    route(made, "DELETE", "/hosts/<string:name>", remove_host, {204: None})
    return made


def _hosts() -> Hosts:
    found = service().fleet.parts.hosts
    if not isinstance(found, Hosts):
        raise NoHost("this service has no list of hosts", "run it with `devctl serve`")
    return found


def _state(hosts: Hosts, name: str) -> HostState:
    found = hosts.registry.find(name)
    if found is None:
        raise NoHost(f"the host {name!r} was removed meanwhile", "add it again")
    return found


def _drained(name: str, draining: bool) -> Response:
    who = admin()
    hosts = _hosts()
    hosts.registry.drain(name, draining)
    log.info("%s %s the host %s", who.name, "drained" if draining else "undrained", name)
    return reply(_state(hosts, name).host)
