"""Repositories and their collaborators."""

import re

from flask import Blueprint, Response

from forge.actions import repositories as actions
from forge.errors import Forbidden, Invalid, NotFound
from forge.host import Act
from forge.records import LEVELS, Permission, User, allows
from forge.rest.answer import empty, paged, reply
from forge.rest.request import act, body, host, need_viewer, page, view, viewer
from forge.shapes import people
from forge.shapes import repositories as shapes
from forge.store import repositories, topics
from forge.text import checked_text

routes = Blueprint("repositories", __name__)

MOST_TOPICS = 20
_TOPIC = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_GRANTS: dict[str, Permission] = {"pull": "read", "push": "write"}
_LEGACY: dict[Permission, str] = {"triage": "read", "maintain": "write"}


def shaped(acting: Act) -> people.Json:
    """The repository as the person sees it now."""
    with acting.host.db.read() as db:
        repo = repositories.by_id(db, acting.repo.id)
    return shapes.full_repository(view(), repo, acting.level)


@routes.post("/user/repos")
def create_repo() -> Response:
    """Make a repository for the person who asks."""
    given = body("Repository")
    given.refuse("auto_init", "gitignore_template", "license_template")
    private = given.flag("private", default=given.text("visibility", "public") == "private")
    name, description = given.text("name"), given.optional_text("description")
    repo = actions.create(host(), need_viewer(), name, description, private=private)
    return reply(shaped(act(repo.owner, repo.name)), 201)


@routes.get("/user/repos")
def list_my_repos() -> Response:
    """The repositories of the person who asks."""
    with host().db.read() as db:
        found = repositories.belonging(db, need_viewer(), page())
        user = need_viewer()
        levels = {repo.id: repositories.permission(db, repo, user) for repo in found.items}
    return paged(found, page(), lambda repo: shapes.repository(view(), repo, levels[repo.id]))


@routes.get("/repositories")
def list_all_repos() -> Response:
    """All repositories that the person may see."""
    with host().db.read() as db:
        found = repositories.visible(db, viewer(), None, page())
    return paged(found, page(), lambda repo: shapes.repository(view(), repo))


@routes.get("/repos/<owner>/<name>")
def get_repo(owner: str, name: str) -> Response:
    """One repository."""
    return reply(shaped(act(owner, name)))


@routes.patch("/repos/<owner>/<name>")
def edit_repo(owner: str, name: str) -> Response:
    """Change name, description, visibility or default branch."""
    acting = act(owner, name, "admin")
    given = body("Repository")
    if "default_branch" in given:
        actions.set_default_branch(acting, given.text("default_branch"))
    if "name" in given:
        actions.rename(acting, given.text("name"))
    values: dict[str, str | bool | None] = {}
    if "description" in given:
        values["description"] = checked_text("Repository", "description", given.text("description", ""), 350)
    if "private" in given:
        values["private"] = given.flag("private")
    with host().db.write() as db:
        repositories.change(db, acting.repo, **values)
    return reply(shaped(acting))


@routes.get("/repos/<owner>/<name>/topics")
def get_topics(owner: str, name: str) -> Response:
    """A repository's topics."""
    acting = act(owner, name)
    with host().db.read() as db:
        return reply({"names": topics.of_repository(db, acting.repo)})


@routes.put("/repos/<owner>/<name>/topics")
def set_topics(owner: str, name: str) -> Response:
    """Give a repository just these topics."""
    acting = act(owner, name, "admin")
    given = body("Repository")
    names = list(dict.fromkeys(each.lower() for each in given.texts("names")))
    if len(names) > MOST_TOPICS or not all(_TOPIC.fullmatch(each) for each in names):
        message = f"at most {MOST_TOPICS} topics of lower-case letters, digits and hyphens, 50 characters each"
        raise Invalid("Validation Failed", [message])
    with host().db.write() as db:
        topics.replace(db, acting.repo, names)
    return reply({"names": names})


@routes.delete("/repos/<owner>/<name>")
def delete_repo(owner: str, name: str) -> Response:
    """Remove a repository."""
    actions.delete(act(owner, name, "admin"))
    return empty()


@routes.get("/repos/<owner>/<name>/collaborators")
def list_collaborators(owner: str, name: str) -> Response:
    """Who works on the repository."""
    acting = act(owner, name, "write")
    with host().db.read() as db:
        found = repositories.collaborators(db, acting.repo, page())
        levels = {user.id: repositories.permission(db, acting.repo, user) for user in found.items}

    def shape(user: User) -> people.Json:
        level = levels[user.id]
        return {**people.user(view(), user), "permissions": people.permissions(level), "role_name": level}

    return paged(found, page(), shape)


@routes.get("/repos/<owner>/<name>/collaborators/<login>")
def is_collaborator(owner: str, name: str, login: str) -> Response:
    """204 when a person works on the repository, else 404; for those who are signed in."""
    need_viewer()
    acting = act(owner, name)
    user = actions.person(acting, login)
    with host().db.read() as db:
        if user.id != acting.repo.owner_id and not repositories.granted_to(db, acting.repo, user):
            raise NotFound()
    return empty()


@routes.put("/repos/<owner>/<name>/collaborators/<login>")
def add_collaborator(owner: str, name: str, login: str) -> Response:
    """Let a person work on the repository at once."""
    acting = act(owner, name, "admin")
    given = body("Repository")
    choices = ("pull", "triage", "push", "maintain", "admin", *(level for level in LEVELS[1:]))
    wanted = given.choice("permission", choices, "push")
    level = _GRANTS.get(wanted) or given.choice("permission", LEVELS)
    actions.grant(acting, actions.person(acting, login), level)
    return empty()


@routes.delete("/repos/<owner>/<name>/collaborators/<login>")
def remove_collaborator(owner: str, name: str, login: str) -> Response:
    """Let a person no longer work on the repository; anyone may leave."""
    acting = act(owner, name)
    user = actions.person(acting, login)
    if acting.user.id != user.id:
        acting.need("admin")
    with host().db.write() as db:
        repositories.withdraw(db, acting.repo, user)
    return empty()


@routes.get("/repos/<owner>/<name>/collaborators/<login>/permission")
def get_permission(owner: str, name: str, login: str) -> Response:
    """What a person may do in the repository."""
    acting = act(owner, name)
    if not acting.may("write") and acting.user.login.lower() != login.lower():
        raise Forbidden("Must have push access to view collaborator permission.")
    user = actions.person(acting, login)
    with host().db.read() as db:
        level = repositories.permission(db, acting.repo, user)
    flags = people.permissions(level) if allows(level, "read") else people.permissions("none")
    person = {**people.user(view(), user), "permissions": flags, "role_name": level}
    return reply({"permission": _LEGACY.get(level, level), "role_name": level, "user": person})
