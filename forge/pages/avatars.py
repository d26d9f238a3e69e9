"""People's pictures: the first letter of their login on a colour of their own."""

import hashlib

from flask import Blueprint, Response
from markupsafe import Markup

from forge.errors import NotFound
from forge.rest.request import host
from forge.store import users

routes = Blueprint("avatars", __name__)
_PICTURE = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="{colour}"/>'
    '<text x="32" y="44" font-family="sans-serif" font-size="34" text-anchor="middle" fill="#fff">{letter}</text></svg>'
)


@routes.get("/avatars/<int:key>")
def picture(key: int) -> Response:
    """A person's picture."""
    with host().db.read() as db:
        try:
            login = users.by_id(db, key).login
        except LookupError as absent:
            raise NotFound() from absent
    hue = int(hashlib.sha256(login.lower().encode()).hexdigest(), 16) % 360
    drawn = _PICTURE.format(colour=f"hsl({hue} 45% 40%)", letter=login[0].upper())
    return Response(drawn, content_type="image/svg+xml")
