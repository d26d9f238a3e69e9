"""Users, the operator's routes for making them, and what the API says of itself."""

from flask import Blueprint, Response

from forge.actions.repositories import checked_login
from forge.errors import Forbidden, Invalid, NotFound
from forge.records import User
from forge.rest.answer import empty, paged, reply, standing
from forge.rest.request import body, host, need_viewer, page, view, viewer
from forge.shapes import people
from forge.shapes import repositories as repository_shapes
from forge.store import repositories, users
from forge.store.database import now
from forge.text import checked_text

routes = Blueprint("users", __name__)
ROOT = {
    "current_user_url": "/user",
    "current_user_authorizations_html_url": "/settings/connections/applications{/client_id}",
    "authorizations_url": "/authorizations",
    "code_search_url": "/search/code?q={query}{&page,per_page,sort,order}",
    "commit_search_url": "/search/commits?q={query}{&page,per_page,sort,order}",
    "emails_url": "/user/emails",
    "emojis_url": "/emojis",
    "events_url": "/events",
    "feeds_url": "/feeds",
    "followers_url": "/user/followers",
    "following_url": "/user/following{/target}",
    "gists_url": "/gists{/gist_id}",
    "issue_search_url": "/search/issues?q={query}{&page,per_page,sort,order}",
    "issues_url": "/issues",
    "keys_url": "/user/keys",
    "label_search_url": "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
    "notifications_url": "/notifications",
    "organization_url": "/orgs/{org}",
    "organization_repositories_url": "/orgs/{org}/repos{?type,page,per_page,sort}",
    "organization_teams_url": "/orgs/{org}/teams",
    "public_gists_url": "/gists/public",
    "rate_limit_url": "/rate_limit",
    "repository_url": "/repos/{owner}/{repo}",
    "repository_search_url": "/search/repositories?q={query}{&page,per_page,sort,order}",
    "current_user_repositories_url": "/user/repos{?type,page,per_page,sort}",
    "starred_url": "/user/starred{/owner}{/repo}",
    "starred_gists_url": "/gists/starred",
    "user_url": "/users/{user}",
    "user_organizations_url": "/user/orgs",
    "user_repositories_url": "/users/{user}/repos{?type,page,per_page,sort}",
    "user_search_url": "/search/users?q={query}{&page,per_page,sort,order}",
}
"""GitHub's own list; a route that the forge has not answers 501."""


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
    return reply({name: api(path) for name, path in ROOT.items()})


@routes.get("/meta")
def meta() -> Response:
    """What this server is."""
    return reply({"verifiable_password_authentication": False, "installed_version": "3.17.0"})


@routes.get("/rate_limit")
def rate_limit() -> Response:
    """Where the person stands; searching counts like everything else."""
    core = standing(host())
    return reply({"resources": {"core": core, "search": core, "graphql": core}, "rate": core})


@routes.get("/user")
def current_user() -> Response:
    """The person who asks."""
    return reply(people.own_user(view(), need_viewer()))


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
    return paged(found, page(), lambda repo: repository_shapes.repository(view(), repo))


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
        made = now()
    shaped = {
        "id": key,
        "url": view().api(f"/authorizations/{key}"),
        "app": {"client_id": "", "name": "forge", "url": view().html("/")},
        "token": token,
        "token_last_eight": token[-8:],
        "hashed_token": users.digest(token),
        "scopes": given.texts("scopes"),
        "note": note,
        "note_url": None,
        "fingerprint": None,
        "created_at": made,
        "updated_at": made,
        "expires_at": None,
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
