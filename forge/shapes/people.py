"""Users, repositories and labels as JSON."""

import base64
import urllib.parse
from typing import Any

from forge.host import View
from forge.records import LEVELS, Label, Permission, Reaction, Repository, User, allows
from forge.store import users

Json = dict[str, Any]


def node_id(kind: str, key: int | str) -> str:
    """An opaque global id in GitHub's old form."""
    return base64.b64encode(f"{len(kind):03}:{kind}{key}".encode()).decode()


_USER_ROUTES = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
"""Where GitHub's clients look for what belongs to a person; most of these routes answer 501 here."""


def user(view: View, person: User) -> Json:
    """A user in the short form that is embedded everywhere."""
    api = view.api(f"/users/{person.login}")
    return {
        "login": person.login,
        "id": person.id,
        "node_id": node_id("User", person.id),
        "avatar_url": avatar(view, person.id),
        "gravatar_id": "",
        "url": api,
        "html_url": view.html(f"/{person.login}"),
        **{key: api + path for key, path in _USER_ROUTES.items()},
        "type": "User",
        "site_admin": person.site_admin,
    }


def avatar(view: View, user_id: int) -> str:
    """The address of a person's picture."""
    return view.html(f"/avatars/{user_id}")


def user_by_id(view: View, key: int) -> Json:
    """The same for an id."""
    return user(view, users.by_id(view.db, key))


def full_user(view: View, person: User) -> Json:
    """A user with the public profile; there are no followers and no gists here, so their numbers are 0."""
    return {
        **user(view, person),
        "name": person.name,
        "email": person.email,
        "company": None,
        "blog": "",
        "location": None,
        "hireable": None,
        "bio": None,
        "public_repos": _count(view, "repositories WHERE owner_id = ? AND private = 0", person),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": person.created_at,
        "updated_at": person.created_at,
    }


def own_user(view: View, person: User) -> Json:
    """A user as they see themselves."""
    own_private = _count(view, "repositories WHERE owner_id = ? AND private = 1", person)
    shared = (
        "repositories r JOIN collaborators c ON c.repo_id = r.id AND c.user_id = ?"
        " WHERE r.private = 1 AND r.owner_id != c.user_id"
    )
    helpers = (
        "(SELECT DISTINCT c.user_id FROM collaborators c JOIN repositories r ON r.id = c.repo_id"
        " WHERE r.private = 1 AND r.owner_id = ?)"
    )
    row = view.db.execute("SELECT sum(size) FROM repositories WHERE owner_id = ?", [person.id]).fetchone()
    return {
        **full_user(view, person),
        "private_gists": 0,
        "total_private_repos": own_private + _count(view, shared, person),
        "owned_private_repos": own_private,
        "disk_usage": int(row[0] or 0),
        "collaborators": _count(view, helpers, person),
        "two_factor_authentication": False,
    }


def _count(view: View, source: str, person: User) -> int:
    row = view.db.execute(f"SELECT count(*) FROM {source}", [person.id]).fetchone()  # noqa: S608 - fixed parts
    return int(row[0])


def permissions(level: Permission) -> dict[str, bool]:
    """The permission flags of a repository."""
    flags = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
    return {flag: allows(level, need) for flag, need in flags.items() if need in LEVELS}


def label(view: View, repo: Repository, found: Label) -> Json:
    """A label."""
    return {
        "id": found.id,
        "node_id": node_id("Label", found.id),
        "url": view.repo_api(repo, f"/labels/{urllib.parse.quote(found.name, safe='')}"),
        "name": found.name,
        "color": found.color,
        "default": False,
        "description": found.description,
    }


def reaction(view: View, found: Reaction) -> Json:
    """A reaction."""
    return {
        "id": found.id,
        "node_id": node_id("Reaction", found.id),
        "user": user_by_id(view, found.user_id),
        "content": found.content,
        "created_at": found.created_at,
    }
