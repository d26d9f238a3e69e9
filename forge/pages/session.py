"""Who is signed in at the browser: a signed cookie, a form token, and the headers that keep pages safe."""

import hmac
import secrets

from flask import Flask, Response, g, request, session

from forge.errors import BadRequest
from forge.host import Host
from forge.records import User
from forge.store import users

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)


def signed_in(host: Host) -> User | None:
    """The person whose cookie this is; None once the token behind it is revoked."""
    digest = session.get("token")
    if not isinstance(digest, str):
        return None
    with host.db.read() as db:
        return users.by_token_digest(db, digest)


def sign_in(host: Host, token: str) -> User | None:
    """Start a session for a token's owner, under a new form token; None for a token that is not valid."""
    with host.db.read() as db:
        user = users.by_token(db, token)
    if user is not None:
        session.clear()
        session["token"] = users.digest(token)
    return user


def form_token() -> str:
    """The secret that this session's forms carry."""
    if "form" not in session:
        session["form"] = secrets.token_urlsafe(24)
    return str(session["form"])


def check_form() -> None:
    """BadRequest for a form that this session was not given."""
    given = request.form.get("form_token", "")
    if not hmac.compare_digest(given.encode(), form_token().encode()):
        raise BadRequest("This form is out of date. Go back, reload the page and send it again.")


def harden(app: Flask) -> None:
    """Set the cookie's attributes and the headers of pages."""
    app.config.update(
        SESSION_COOKIE_NAME="forge_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_FORM_MEMORY_SIZE=1_000_000,
    )

    @app.after_request
    def headers(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = POLICY
            response.headers["Referrer-Policy"] = "same-origin"
            response.headers["Cache-Control"] = "private, no-store" if g.get("viewer") else "private, no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
