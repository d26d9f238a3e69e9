"""Links that lead to ports of environments: opened, listed and closed; they live and die with the service."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from devctl.records import Record
from devctl.serve.records import IdPath, NamePath, TunnelOpening, TunnelQuery
from devctl.serve.routing import blueprint, caller, reply, reply_nothing, reply_tagged, route, service
from devctl.tunnels import OpenTunnel
from devctl.tunnels.authority import Authority


class TunnelList(Record):
    """Tunnels, oldest first."""

    items: tuple[OpenTunnel, ...]


class TunnelAuthority(Record):
    """Whom to trust for the links of tunnels."""

    certificate: str
    """In PEM."""
    permitted: tuple[str, ...]
    """The names and networks for which it is good: programs refuse it for any other."""


def open_tunnel(path: NamePath, body: TunnelOpening) -> Response:
    """Open an HTTPS link to a port inside; whoever has it, gets in. 403 where the policy, or the tier's limit, is against it."""
    wish = service().tunnel_wish(body.port, body.seconds)
    opened = service().tunnels.open(caller(), path.name, wish)
    return reply(opened, 201, {"Location": f"/v1/tunnels/{opened.id}"})


def list_tunnels(query: TunnelQuery) -> Response:
    """List the tunnels to the caller's environments, whichever program serves them; the links are for who opened them."""
    found = service().tunnels.listed(caller(), query.all_users, query.ended)
    return reply_tagged(TunnelList(items=found), secret=any(one.link for one in found))


def get_tunnel(path: IdPath) -> Response:
    """Show a tunnel, also one that was closed."""
    return reply(service().tunnels.find(caller(), path.id))


def close_tunnel(path: IdPath) -> Response:
    """Close a tunnel with all its connections."""
    service().tunnels.close(caller(), path.id)
    return reply_nothing()


def show_authority() -> Response:
    """Show the certificate that programs and browsers are to trust for the links."""
    authority = Authority(service().devctl.folder)
    certificate = authority.ensure().read_text(encoding="ascii")
    return reply_tagged(TunnelAuthority(certificate=certificate, permitted=authority.permitted()))


def api() -> APIBlueprint:
    """The routes."""
    made = blueprint("tunnels", "HTTPS links to ports of environments")
    route(made, "POST", "/environments/<string:name>/tunnels", open_tunnel, {201: OpenTunnel})
    route(made, "GET", "/tunnels", list_tunnels, {200: TunnelList, 304: None})
    route(made, "GET", "/tunnels/<string:id>", get_tunnel, {200: OpenTunnel})
    route(made, "DELETE", "/tunnels/<string:id>", close_tunnel, {204: None})
    route(made, "GET", "/tunnel-authority", show_authority, {200: TunnelAuthority, 304: None})
    return made
