"""A real forge process, people on it, and code hosts signed in as them."""

import base64
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr

from tools.codehost import CodeHost, CodeHostSettings

OPERATOR = "operator-token-for-tests"
_numbers = itertools.count(1)


class Forge:
    """A running forge."""

    def __init__(self, url: str) -> None:
        self.api_url = f"{url}/api/v3"
        self._tokens: dict[str, str] = {}

    def token(self, login: str) -> str:
        """A token of this person, who is made when needed."""
        if login not in self._tokens:
            self.call(OPERATOR, "POST", "/admin/users", {"login": login, "email": f"{login}@example.com"})
            made = self.call(OPERATOR, "POST", f"/admin/users/{login}/authorizations", {})
            self._tokens[login] = made["token"]
        return self._tokens[login]

    def host(self, login: str, repository: str, **more: Any) -> CodeHost:
        """The code host as this person sees it."""
        token = SecretStr(self.token(login))
        values = {"api_url": self.api_url, "token": token, "repository": repository, "backoff": 0.001, **more}
        return CodeHost(CodeHostSettings(**values))

    def new_repository(self, owner: str = "team") -> CodeHost:
        """A fresh repository with one commit on main, seen by its owner."""
        host = self.host(owner, f"{owner}/repository-{next(_numbers)}")
        host.ensure_repository()
        self.commit(host, "main", "README.md", "hello\n")
        return host

    def commit(self, host: CodeHost, branch: str, path: str, text: str) -> str:
        """Write a file to a branch; the new head."""
        where = f"/repos/{host.settings.repository}/contents/{path}"
        content = base64.b64encode(text.encode()).decode()
        body = {"message": f"write {path}", "content": content, "branch": branch}
        made = self.call(host.settings.token.get_secret_value(), "PUT", where, body)
        return str(made["commit"]["sha"])

    def call(self, token: str, method: str, path: str, body: dict[str, Any]) -> Any:
        """A bare request to the API; fails on an error."""
        headers = {"Authorization": f"token {token}"}
        answer = requests.request(method, self.api_url + path, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def as_person(self, login: str, host: CodeHost, method: str, path: str, body: dict[str, Any]) -> Any:
        """The same within a repository, signed in as this person."""
        return self.call(self.token(login), method, f"/repos/{host.settings.repository}{path}", body)


@contextmanager
def running_forge(folder: Path) -> Iterator[Forge]:
    """A forge process while the context lasts."""
    token_file = folder / "operator-token"
    token_file.write_text(OPERATOR)
    arguments = ["--data", str(folder / "data"), "--port", "0", "--admin-token-file", str(token_file)]
    with (folder / "forge.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "forge", *arguments], stdout=subprocess.PIPE, stderr=log, text=True
        )
    with process:
        assert process.stdout is not None
        try:
            yield Forge(json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()
            process.wait(20)
