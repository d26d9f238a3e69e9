"""Making, changing and deleting repositories."""

import re

from forge.errors import Invalid, NotFound
from forge.git import refs
from forge.host import Act, Host
from forge.records import Permission, Repository, User
from forge.store import repositories, users
from forge.text import checked_text

DEFAULT_BRANCH = "main"
"""Of a repository that is made; the first push may make another one of it."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
RESERVED = {"api", "login", "logout", "healthz", "static", "avatars", "new", "settings", "admin"}
"""First parts of the forge's own addresses, which no user may be called."""


def checked_login(login: str) -> str:
    """The login itself, or Invalid for one that GitHub's rules refuse."""
    if not _LOGIN.fullmatch(login) or login.lower() in RESERVED:
        message = f"{login[:60]!r} is not a valid login: use letters, digits and single hyphens"
        raise Invalid.field("User", "login", "invalid", message)
    return login


def checked_name(name: str) -> str:
    """The repository name itself, or Invalid."""
    if not _NAME.fullmatch(name) or name in {".", ".."} or name.lower().endswith(".git"):
        message = f"{name[:60]!r} is not a valid repository name: use letters, digits, '.', '-' and '_'"
        raise Invalid.field("Repository", "name", "custom", message)
    return name


def create(host: Host, owner: User, name: str, description: str | None, *, private: bool) -> Repository:
    """Make an empty repository for a person."""
    checked_name(name)
    checked_text("Repository", "description", description or "", 350)
    with host.folders.prepared(DEFAULT_BRANCH) as folder, host.db.write() as db:
        if repositories.by_name(db, owner.login, name):
            message = "name already exists on this account"
            error = {"resource": "Repository", "code": "custom", "field": "name", "message": message}
            raise Invalid("Repository creation failed.", [error])
        repo = repositories.create(db, owner, name, description, private=private)
        host.folders.adopt(folder, repo.id)
    return repo


def rename(act: Act, name: str) -> None:
    """Give the repository another name; the old address stops working."""
    act.need("admin")
    with act.host.db.write() as db:
        taken = repositories.by_name(db, act.repo.owner, checked_name(name))
        if taken and taken.id != act.repo.id:
            raise Invalid.field("Repository", "name", "custom", "name already exists on this account")
        repositories.change(db, act.repo, name=name)


def set_default_branch(act: Act, branch: str) -> None:
    """Point HEAD and the record at a branch, which must exist."""
    act.need("admin")
    if refs.tip(act.git, refs.HEADS + branch) is None:
        raise Invalid.field("Repository", "default_branch", "invalid", f"The branch {branch} was not found.")
    act.git.run("symbolic-ref", "HEAD", refs.HEADS + branch)
    with act.host.db.write() as db:
        repositories.change(db, act.repo, default_branch=branch)


def adopt_first_branch(act: Act) -> None:
    """Make the only branch of a fresh repository its default one, when the expected one was not pushed."""
    names = refs.branches(act.git)
    if names and act.repo.default_branch not in names and act.repo.pushed_at is None:
        branch = sorted(names)[0]
        act.git.run("symbolic-ref", "HEAD", refs.HEADS + branch)
        with act.host.db.write() as db:
            repositories.change(db, act.repo, default_branch=branch)


def delete(act: Act) -> None:
    """Remove a repository with all that hangs on it."""
    act.need("admin")
    with act.host.folders.lock(act.repo.id):
        with act.host.db.write() as db:
            repositories.delete(db, act.repo)
        act.host.folders.delete(act.repo.id)


def person(act: Act, login: str) -> User:
    """The user with this login; NotFound otherwise."""
    with act.host.db.read() as db:
        found = users.by_login(db, login)
    if found is None:
        raise NotFound()
    return found


def grant(act: Act, user: User, level: Permission) -> None:
    """Make a person a collaborator at once; the forge knows no invitations."""
    act.need("admin")
    with act.host.db.write() as db:
        repositories.grant(db, act.repo, user, level)
