"""Who the caller is, and the tokens of the service."""

import logging

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from devctl.fleet.records import User
from devctl.records import Record
from devctl.serve.records import IdPath, TokenWish
from devctl.serve.routing import admin, blueprint, caller, overseen, reply, reply_nothing, reply_tagged, route, service
from devctl.serve.tokens import NewToken, Token

log = logging.getLogger(__name__)


class TokenList(Record):
    """Tokens, oldest first."""

    items: tuple[Token, ...]


def me() -> Response:
    """Show who the token belongs to."""
    return reply(caller())


def list_tokens() -> Response:
    """List tokens; admins only."""
    admin()
    return reply_tagged(TokenList(items=tuple(service().tokens.listed())))


def add_token(body: TokenWish) -> Response:
    """Make a token; it is shown this once. Admins only."""
    wanted = {"tier": body.user.tier, "role": body.user.role}
    who = overseen("token", body.user.name, wanted)
    made = service().tokens.add(body.user, body.expires, body.note)
    log.info("%s made the token %s for %s (%s)", who.name, made.token.id, body.user.name, body.user.role)
    return reply(made, 201)


def remove_token(path: IdPath) -> Response:
    """Take a token back; admins only."""
    who = overseen("token", path.id, {"removed": True})
    service().tokens.remove(path.id)
    log.info("%s took the token %s back", who.name, path.id)
    return reply_nothing()


def api() -> APIBlueprint:
    """The routes."""
    made = blueprint("tokens", "Who may use the service")
    route(made, "GET", "/me", me, {200: User})
    route(made, "GET", "/tokens", list_tokens, {200: TokenList})
    route(made, "POST", "/tokens", add_token, {201: NewToken})
    route(made, "DELETE", "/tokens/<string:id>", remove_token, {204: None})
    return made
