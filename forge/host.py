"""The running forge: everything that a request needs, and who acts in which repository."""

import os
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from forge.errors import Forbidden, NotFound, Unauthorized
from forge.git.folders import Folders
from forge.git.run import Git, find_git
from forge.limits import Limits
from forge.pruning import Pruner
from forge.records import Permission, Repository, User, allows
from forge.sender import Sender
from forge.settings import ForgeSettings
from forge.store import repositories, users
from forge.store.database import Database

ADMIN = "forge-admin"
_NEEDS: dict[Permission, str] = {
    "admin": "Must have admin rights to Repository.",
    "write": "Must have write access to Repository.",
    "triage": "Must have triage access to Repository.",
}


@dataclass(frozen=True)
class View:
    """What shaping an answer needs: the database, the repositories, and the address that links begin with."""

    db: sqlite3.Connection
    folders: Folders
    base: str

    def api(self, path: str) -> str:
        """The address of an API route."""
        return f"{self.base}/api/v3{path}"

    def html(self, path: str) -> str:
        """The address of a page."""
        return f"{self.base}{path}"

    def repo_api(self, repo: Repository, path: str = "") -> str:
        """The address of an API route of one repository."""
        return self.api(f"/repos/{repo.full_name}{path}")

    def repo_html(self, repo: Repository, path: str = "") -> str:
        """The address of a page of one repository."""
        return self.html(f"/{repo.full_name}{path}")


class Host:
    """One forge: its settings, database, repositories and webhook sender."""

    def __init__(self, settings: ForgeSettings) -> None:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.settings = settings
        self.db = Database(settings.data / "forge.sqlite3")
        self.folders = Folders(settings.data / "git", find_git())
        self.sender = Sender(self.db, settings.webhook_seconds)
        self.pruner = Pruner(self.db, settings.delivery_days, settings.deliveries_kept)
        self.limits = Limits(settings.requests_per_hour)
        self.cookie_secret = _kept_secret(settings.data / "cookie-secret")
        with self.db.write() as db:
            admin = users.by_login(db, ADMIN) or users.create(db, ADMIN, site_admin=True)
            users.adopt_token(db, admin, settings.admin_token, "operator")

    def view(self, base: str | None = None) -> View:
        """This thread's view; links begin with `base`, or with the forge's own address."""
        with self.db.read() as db:
            return View(db=db, folders=self.folders, base=base or self.settings.url)


@dataclass(frozen=True)
class Act:
    """A person acting in a repository, with what they may do there."""

    host: Host
    viewer: User | None
    repo: Repository
    level: Permission

    @property
    def user(self) -> User:
        """The signed-in person; Unauthorized for a stranger."""
        if self.viewer is None:
            raise Unauthorized("Requires authentication")
        return self.viewer

    @property
    def git(self) -> Git:
        """git on this repository."""
        return self.host.folders.git(self.repo.id)

    @property
    def view(self) -> View:
        """The view under the forge's own address, for what goes out."""
        return self.host.view()

    def may(self, needed: Permission) -> bool:
        """Whether the person holds this permission here."""
        return allows(self.level, needed)

    def need(self, needed: Permission) -> "Act":
        """Itself, or Unauthorized, NotFound or Forbidden."""
        if not self.may("read"):
            raise NotFound()
        if needed != "read" and not self.may(needed):
            if self.viewer is None:
                raise Unauthorized("Requires authentication")
            raise Forbidden(_NEEDS.get(needed, "Resource not accessible by personal access token"))
        return self


def acting(host: Host, viewer: User | None, owner: str, name: str) -> Act:
    """A person in the repository `owner/name`; NotFound when it is absent or they may not read it."""
    with host.db.read() as db:
        repo = repositories.by_name(db, owner, name)
        if repo is None:
            raise NotFound()
        level = repositories.permission(db, repo, viewer)
    return Act(host=host, viewer=viewer, repo=repo, level=level).need("read")


def _kept_secret(path: Path) -> str:
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text().strip()
