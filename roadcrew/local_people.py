"""The two identities on the local forge: the team's own, and the person's at the keyboard."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import NamedTuple

import requests
from pydantic import SecretStr

from local import ForgeAddress, Workspace
from local.locks import locked
from local.workspace import write_private
from roadcrew.errors import InputInvalid, Unavailable

logger = logging.getLogger(__name__)

TEAM = "roadcrew"
PERSON = "you"
SCOPES: dict[str, object] = {"scopes": ["repo", "admin:repo_hook"]}


class Identity(NamedTuple):
    """A user of the local forge."""

    login: str
    token: SecretStr


class LocalPeople:
    """Makes the forge's two users, once per workspace, and lends their tokens."""

    def __init__(self, workspace: Workspace, forge: ForgeAddress) -> None:
        self._forge = forge
        self._file = workspace.path / "secrets" / "forge-tokens.json"
        self._lock = workspace.run_file("forge-tokens.lock")

    def team(self) -> Identity:
        """Return the identity under which the team comments, pushes and opens pull requests."""
        return self._identity(TEAM)

    def person(self) -> Identity:
        """Return the identity of the person who files issues, reviews and approves."""
        return self._identity(PERSON)

    def _identity(self, login: str) -> Identity:
        """Return an identity, made where it is missing by one process at a time: the others' tokens stay in the file."""
        tokens = self._tokens()
        if login not in tokens:
            with locked(self._lock):
                tokens = self._tokens()
                if login not in tokens:
                    tokens[login] = self._make(login)
                    write_private(self._file, json.dumps(tokens))
        return Identity(login, SecretStr(tokens[login]))

    def _tokens(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}
        return found

    def _make(self, login: str) -> str:
        self._post("/admin/users", {"login": login, "email": f"{login}@localhost"}, exists=422)
        answer = self._post(f"/admin/users/{login}/authorizations", SCOPES)
        token = answer.get("token")
        if not isinstance(token, str):
            raise Unavailable(f"the local forge gave no token for {login!r}: {answer}", "look into its log")
        logger.info("made the user %s on the local forge", login)
        return token

    def _post(self, route: str, body: dict[str, object], exists: int | None = None) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self._forge.admin_token}"}
        answer = requests.post(f"{self._forge.api_url}{route}", json=body, headers=headers, timeout=30)
        if answer.status_code == exists:
            return {}
        if answer.status_code >= 400:
            raise Unavailable(f"the local forge refuses {route}: {answer.status_code} {answer.text[:200]}", "")
        found: dict[str, object] = answer.json()
        return found


def repository_name(folder: Path) -> str:
    """Return the name under which a folder's repository is kept on the local forge."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-.") or "repository"
    if name.endswith(".git"):
        name = name[:-4] or "repository"
    if len(name) > 100:
        raise InputInvalid(f"the folder name {folder.name!r} is too long for a repository", "rename the folder")
    return name
