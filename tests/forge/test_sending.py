"""Webhooks to receivers that are slow, dead or gone, and the log that stays short."""

import json
import queue
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from forge.pruning import BATCH, Pruner
from forge.records import Hook
from forge.store import hooks, repositories, users
from forge.store.database import Database
from forge.webhooks import post
from tests.forge import conftest
from tests.forge.conftest import Project, Receiver

ISSUES = ["issues"]


class Gate:
    """A receiver that takes webhooks and answers none until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.taken: queue.Queue[tuple[str, str]] = queue.Queue()
        self.url = ""


@contextmanager
def gate() -> Iterator[Gate]:
    held = Gate()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            held.taken.put((self.path, payload.get("issue", {}).get("title", "ping")))
            held.opened.wait(60)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return  # the forge waited no longer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield held
    finally:
        held.opened.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_receivers_that_hang_hold_up_no_others_and_each_hook_keeps_its_order(
    project: Project, receiver: Receiver
) -> None:
    with gate() as held:
        for number in range(3):
            project.ada.create_hook("web", {"url": f"{held.url}/{number}", "content_type": "json"}, ISSUES)
        assert {held.taken.get(timeout=20) for _ in range(3)} == {(f"/{number}", "ping") for number in range(3)}
        project.ada.create_hook("web", {"url": receiver.url, "content_type": "json"}, ISSUES)
        receiver.take("ping")
        for title in ("One", "Two", "Three", "Four"):
            project.bob.create_issue(title=title)
        told = [receiver.take("issues").json["issue"]["title"] for _ in range(4)]
        assert told == ["One", "Two", "Three", "Four"]
        held.opened.set()
        late = [held.taken.get(timeout=60) for _ in range(12)]
    for number in range(3):
        assert [title for path, title in late if path == f"/{number}"] == told


def test_receiver_that_drips_its_answer_is_cut_off() -> None:
    hook = Hook(
        id=1, repo_id=1, url="", secret=None, content_type="json", insecure_ssl=False, events=("push",), active=True,
        created_at="", updated_at="",
    )  # fmt: skip
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        over = threading.Event()

        def drip() -> None:
            client, _ = server.accept()
            with closing(client):
                for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 600 + b"\r\nContent-Length: 0\r\n\r\n":
                    if over.wait(0.02):
                        return
                    try:
                        client.sendall(bytes([byte]))
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        answer = post(hook.model_copy(update={"url": address}), b"{}", {}, 0.5)
        over.set()
        thread.join()
    assert (answer.status, answer.code) == ("timed out", 0)


@contextmanager
def log_of(path: Path, sent: int, waiting: int) -> Iterator[tuple[Database, Hook, Hook]]:
    """A database with two hooks; the first has so many deliveries, the second one."""
    database = Database(path)
    values = {"url": "http://x", "secret": None, "content_type": "json", "insecure_ssl": False, "events": "[]"}
    with database.write() as db:
        repo = repositories.create(db, users.create(db, "ada"), "kept", None, private=False)
        busy, quiet = (hooks.create(db, repo, values) for _ in range(2))
        hooks.enqueue(db, quiet, "push", {"action": "quiet"})
        for number in range(sent):
            hooks.enqueue(db, busy, "push", {"action": str(number)})
        db.execute("UPDATE deliveries SET state = 'done'")
        for number in range(waiting):
            hooks.enqueue(db, busy, "push", {"action": f"waits {number}"})
    try:
        yield database, busy, quiet
    finally:
        database.close()


def actions(database: Database, hook: Hook) -> list[str]:
    with database.read() as db:
        sql = "SELECT action FROM deliveries WHERE hook_id = ? ORDER BY id"
        return [row[0] for row in db.execute(sql, [hook.id])]


def test_log_keeps_the_newest_of_each_hook_and_all_that_waits(tmp_path: Path) -> None:
    with log_of(tmp_path / "f.sqlite3", 450, 30) as (database, busy, quiet):
        statements: list[str] = []
        with database.read() as db:
            db.set_trace_callback(statements.append)
        pruner = Pruner(database, days=3, most=20)
        assert pruner.prune() == 430
        assert statements.count("BEGIN IMMEDIATE") == -(-430 // BATCH), "few rows a transaction"
        kept = [str(number) for number in range(430, 450)] + [f"waits {number}" for number in range(30)]
        assert (actions(database, busy), actions(database, quiet)) == (kept, ["quiet"])
        statements.clear()
        assert pruner.prune() == 0
        assert "BEGIN IMMEDIATE" not in statements, "nobody is kept from writing when nothing is due"


def test_log_forgets_what_is_old(tmp_path: Path) -> None:
    with log_of(tmp_path / "f.sqlite3", 3, 1) as (database, busy, quiet):
        with database.write() as db:
            db.execute("UPDATE deliveries SET created_at = '2001-01-01T00:00:00Z' WHERE action != '2'")
        assert Pruner(database, days=3, most=20).prune() == 3
        assert (actions(database, busy), actions(database, quiet)) == (["2", "waits 0"], [])


def test_running_forge_removes_old_deliveries_and_sends_what_waited_long(tmp_path: Path, receiver: Receiver) -> None:
    running = conftest.start(tmp_path / "data")
    repo = running.client("ada").get_user().create_repo("old")
    hook = repo.create_hook("web", {"url": receiver.url, "content_type": "json"}, ISSUES)
    receiver.take("ping")
    assert conftest.stop(running) == 0
    with closing(sqlite3.connect(tmp_path / "data" / "forge.sqlite3")) as db, db:
        assert db.execute("SELECT state, event FROM deliveries").fetchall() == [("done", "ping")]
        db.execute("UPDATE deliveries SET created_at = '2001-01-01T00:00:00Z'")
        again = "INSERT INTO deliveries (guid, hook_id, event, payload, created_at) SELECT 'g', hook_id, event, payload, created_at FROM deliveries"
        db.execute(again)
    started = conftest.start(tmp_path / "data")
    try:
        assert receiver.take("ping").headers["X-GitHub-Delivery"] == "g"
        path = f"/repos/ada/old/hooks/{hook.id}/deliveries"
        for _ in range(1200):
            time.sleep(0.05)
            left = started.call("GET", path, "ada").json()
            if "pending" not in [each["status"] for each in left] and len(left) < 2:
                break
        assert [each["guid"] for each in left] in ([], ["g"])  # it may be gone at once too: it was sent, and is old
    finally:
        assert conftest.stop(started) == 0


def test_pull_request_of_an_older_forge_is_measured_before_its_next_event(tmp_path: Path, receiver: Receiver) -> None:
    running = conftest.start(tmp_path / "data")
    work = conftest.made_project(running, tmp_path, "older")
    work.ada.create_hook("web", {"url": receiver.url, "content_type": "json"}, ["pull_request"])
    work.branch("feature", {"a.txt": "a\nb\n", "app.py": "one\n"})
    pull = work.bob.create_pull(base="main", head="feature", title="F")
    assert (pull.commits, pull.changed_files, pull.additions, pull.deletions) == (1, 2, 2, 2)
    assert conftest.stop(running) == 0
    with closing(sqlite3.connect(tmp_path / "data" / "forge.sqlite3")) as db, db:
        db.execute("UPDATE pulls SET commits = NULL, changed_files = NULL, additions = NULL, deletions = NULL")
    cut_short = tmp_path / "data" / "git" / "new-0123"
    cut_short.mkdir()
    again = conftest.start(tmp_path / "data")
    try:
        assert not cut_short.exists(), "what was being made when a forge died"
        again.client("ada").get_repo("ada/older").get_issue(pull.number).add_to_labels("x")
        told = receiver.take("pull_request", "labeled").json["pull_request"]
        assert [told[name] for name in ("commits", "changed_files", "additions", "deletions")] == [1, 2, 2, 2]
    finally:
        assert conftest.stop(again) == 0
