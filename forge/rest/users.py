"""Users, the operator's routes for making them, and what the API says of itself."""

from flask import Blueprint, Response

from forge.actions.repositories import checked_login
from forge.errors import Forbidden, Invalid, NotFound
from forge.records import User
from forge.rest.answer import RATE_LIMIT, empty, paged, reply
from forge.rest.request import body, host, need_viewer, page, view, viewer
from forge.shapes import people
from forge.store import repositories, users
from forge.text import checked_text

routes = Blueprint("users", __name__)


def _found(login: str) -> User:
    with host().db.read() as db:
        user = users.by_login(db, login)
    if user is None:
        raise NotFound()
    return user


def _need_operator() -> None:
    if not need_viewer().site_admin:
        raise Forbidden("You must be a site administrator to perform this action.")


@routes.get("/")
def root() -> Response:
    """Where things are."""
    api = view().api
    return reply({"current_user_url": api("/user"), "repository_url": api("/repos/{owner}/{repo}")})


@routes.get("/meta")
def meta() -> Response:
    """What this server is."""
    return reply({"verifiable_password_authentication": False, "installed_version": "3.17.0"})


@routes.get("/rate_limit")
def rate_limit() -> Response:
    """The limits, which are shown and not enforced."""
    core = {"limit": RATE_LIMIT, "used": 0, "remaining": RATE_LIMIT, "reset": 4102444800}
    return reply({"resources": {"core": core, "search": core, "graphql": core}, "rate": core})


@routes.get("/user")
def current_user() -> Response:
    """The person who asks."""
    return reply(people.full_user(view(), need_viewer()))


@routes.get("/users")
def list_users() -> Response:
    """All users."""
    with host().db.read() as db:
        return paged(users.listed(db, page()), page(), lambda user: people.user(view(), user))


@routes.get("/users/<login>")
def get_user(login: str) -> Response:
    """One user."""
    return reply(people.full_user(view(), _found(login)))


@routes.get("/user/<int:key>")
def get_user_by_id(key: int) -> Response:
    """One user by id."""
    with host().db.read() as db:
        try:
            return reply(people.full_user(view(), users.by_id(db, key)))
        except LookupError as absent:
            raise NotFound() from absent


@routes.get("/users/<login>/repos")
def list_user_repos(login: str) -> Response:
    """A user's repositories that the viewer may see."""
    owner = _found(login).login
    with host().db.read() as db:
        found = repositories.visible(db, viewer(), owner, page())
    return paged(found, page(), lambda repo: people.repository(view(), repo))


@routes.post("/admin/users")
def create_user() -> Response:
    """Make a user; for the operator."""
    _need_operator()
    given = body("User")
    login = checked_login(given.text("login"))
    email = given.optional_text("email")
    checked_text("User", "email", email or "", 254)
    with host().db.write() as db:
        if users.by_login(db, login):
            raise Invalid.field("User", "login", "already_exists", f"Login {login} is already taken")
        user = users.create(db, login, email)
    return reply(people.full_user(view(), user), 201)


@routes.post("/admin/users/<login>/authorizations")
def create_token(login: str) -> Response:
    """Make a token for a user; for the operator. Each call makes another one."""
    _need_operator()
    given = body("Authorization")
    user = _found(login)
    note = checked_text("Authorization", "note", given.text("note", ""), 200)
    with host().db.write() as db:
        key, token = users.issue_token(db, user, note)
    shaped = {
        "id": key,
        "url": view().api(f"/authorizations/{key}"),
        "token": token,
        "token_last_eight": token[-8:],
        "scopes": given.texts("scopes"),
        "note": note,
        "user": people.user(view(), user),
    }
    return reply(shaped, 201)


@routes.delete("/admin/users/<login>/authorizations")
def delete_tokens(login: str) -> Response:
    """Make a user's tokens useless; for the operator."""
    _need_operator()
    with host().db.write() as db:
        users.revoke_tokens(db, _found(login))
    return empty()
