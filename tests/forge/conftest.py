"""A real forge process for the session, people with tokens, and a receiver for webhooks."""

import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from github import Auth, Github
from github.Repository import Repository

from tests.forge.conformance import TALLY, Log, Tally, check_webhook
from tests.forge.description import Description, described

ADMIN_TOKEN = "operator-token-for-tests"
DESCRIPTION = os.environ.get("ROADCREW_TEST_GITHUB_OPENAPI", "")
_numbers = itertools.count(1)
_logs: list[Log] = []
_webhooks: "queue.Queue[Received]" = queue.Queue()


@pytest.fixture
def github_description() -> Description:
    """GitHub's description; skips where it is not to be had."""
    if not DESCRIPTION:
        pytest.skip("GitHub's description is not here: scripts/ci-services fetches it")
    return described(Path(DESCRIPTION))


@pytest.fixture(autouse=True)
def valid_answers() -> Iterator[None]:
    """Fail a test during which the forge answered, or sent, what GitHub's description does not allow.

    Or during which it ran git while nobody else could write to its database.
    """
    yield
    seen = Tally()
    if DESCRIPTION:
        github = described(Path(DESCRIPTION))
        for log in _logs:
            log.check(github, seen)
        while not _webhooks.empty():
            got = _webhooks.get()
            check_webhook(github, got.headers["X-GitHub-Event"], got.json, seen)
    elif _logs:
        seen.routes.add("(not counted)")
    TALLY.add(seen)
    assert not seen.problems, "\n".join(seen.problems)


@dataclass
class Forge:
    """A running forge process."""

    url: str
    data: Path
    process: subprocess.Popen[str]
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> str:
        """Where the REST API begins."""
        return f"{self.url}/api/v3"

    def token(self, login: str) -> str:
        """A token of this person, who is made when needed."""
        if login not in self.tokens:
            headers = {"Authorization": f"token {ADMIN_TOKEN}"}
            email = f"{login}@example.com"
            made = requests.post(
                f"{self.api}/admin/users", json={"login": login, "email": email}, headers=headers, timeout=60
            )
            assert made.status_code in (201, 422), made.text
            answer = requests.post(
                f"{self.api}/admin/users/{login}/authorizations", json={}, headers=headers, timeout=60
            )
            assert answer.status_code == 201, answer.text
            self.tokens[login] = answer.json()["token"]
        return self.tokens[login]

    def client(self, login: str) -> Github:
        """PyGithub signed in as this person, without its pauses and retries."""
        auth = Auth.Token(self.token(login))
        return Github(
            base_url=self.api,
            auth=auth,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    def call(self, method: str, path: str, login: str | None = None, **more: Any) -> requests.Response:
        """A bare request to the API."""
        headers = more.pop("headers", {})
        if login:
            headers = {"Authorization": f"token {self.token(login)}", **headers}
        return requests.request(method, self.api + path, headers=headers, timeout=30, **more)

    def remote(self, repo: str, login: str) -> str:
        """A git address that carries this person's token."""
        return self.url.replace("://", f"://{login}:{self.token(login)}@") + f"/{repo}.git"


def start(data: Path, *options: str) -> Forge:
    """Start a forge on a folder and wait until it listens."""
    data.mkdir(parents=True, exist_ok=True)
    secret = data.parent / f"{data.name}.token"
    secret.write_text(ADMIN_TOKEN)
    answers = data.parent / f"{data.name}.answers"
    answers.touch()
    _logs.append(Log(answers))
    command = [sys.executable, "-m", "tests.forge.recorded", str(answers), "--data", str(data), *options]
    log = (data.parent / f"{data.name}.log").open("a")
    with log:
        process = subprocess.Popen(
            [*command, "--admin-token-file", str(secret)], stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, (data.parent / f"{data.name}.log").read_text()
    return Forge(url=json.loads(line)["url"], data=data, process=process)


def stop(forge: Forge) -> int:
    """Stop a forge as a supervisor does; returns its exit status."""
    forge.process.send_signal(signal.SIGTERM)
    status = forge.process.wait(timeout=30)
    if forge.process.stdout:
        forge.process.stdout.close()
    return status


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    running = start(tmp_path_factory.mktemp("forge") / "data")
    yield running
    assert stop(running) == 0


def git(folder: Path, *arguments: str, ok: bool = True) -> str:
    """Run the person's own git in a folder; returns what it said on both streams."""
    settings = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *settings, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
        },
    )
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


@dataclass
class Project:
    """A repository of `ada` with one commit on main, which `bob` may write to, and a clone of it."""

    forge: Forge
    ada: Repository
    bob: Repository
    clone: Path

    @property
    def name(self) -> str:
        """`owner/name`."""
        return self.ada.full_name

    def commit(self, branch: str, files: dict[str, str], message: str = "Change") -> str:
        """Commit files on a branch of the clone, made from the current one when new; returns the sha."""
        known = git(self.clone, "branch", "--list", branch).strip()
        git(self.clone, "checkout", "-q", *([] if known else ["-b"]), branch)
        for path, text in files.items():
            target = self.clone / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        git(self.clone, "add", "-A")
        git(self.clone, "commit", "-q", "-m", message)
        return git(self.clone, "rev-parse", "HEAD").strip()

    def push(self, branch: str, *options: str, login: str = "bob", ok: bool = True) -> str:
        """Push a branch as this person."""
        return git(self.clone, "push", *options, self.forge.remote(self.name, login), branch, ok=ok)

    def branch(self, branch: str, files: dict[str, str], message: str = "Change") -> str:
        """A pushed branch from main with one commit; returns the sha."""
        git(self.clone, "checkout", "-q", "main")
        sha = self.commit(branch, files, message)
        self.push(branch)
        return sha


@pytest.fixture
def project(forge: Forge, tmp_path: Path) -> Project:
    return made_project(forge, tmp_path, f"project-{next(_numbers)}")


def made_project(forge: Forge, folder: Path, name: str) -> Project:
    """A project with its clone in a folder."""
    ada = forge.client("ada").get_user().create_repo(name)
    ada.add_to_collaborators(forge_login(forge, "bob"), "push")
    clone = folder / "clone"
    clone.mkdir()
    git(clone, "init", "-q")
    bob = forge.client("bob").get_repo(ada.full_name)
    made = Project(forge=forge, ada=ada, bob=bob, clone=clone)
    made.commit("main", {"README.md": "# Project\n", "app.py": "one\ntwo\nthree\n"}, "First")
    made.push("main", login="ada")
    return made


def forge_login(forge: Forge, login: str) -> str:
    """The login itself, of a person who exists now."""
    forge.token(login)
    return login


@dataclass
class Received:
    """One webhook as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The payload."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """A web server that keeps the webhooks it gets."""

    url: str
    inbox: "queue.Queue[Received]"

    def take(self, event: str, action: str | None = None) -> Received:
        """The next webhook of this kind, others being dropped; waits for it."""
        while True:
            got = self.inbox.get(timeout=60)
            if got.headers["X-GitHub-Event"] == event and (action is None or got.json.get("action") == action):
                return got


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    inbox: queue.Queue[Received] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()
            self.wfile.write(b"thanks")
            got = Received(headers=dict(self.headers.items()), body=body)
            if got.headers["Content-Type"] == "application/json":
                _webhooks.put(got)
            inbox.put(got)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Receiver(url=f"http://127.0.0.1:{server.server_address[1]}", inbox=inbox)
    server.shutdown()
    server.server_close()
    thread.join()
