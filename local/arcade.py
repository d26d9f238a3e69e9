"""The graph server's process: ArcadeDB with Bolt on loopback, a writing and a reading user.

Run as `python -m local.arcade WORKSPACE` by the supervisor. Settings that the engine takes only from the
environment are set by `local.services.Graph`; see there.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sys
import threading
import urllib.request
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from urllib.error import HTTPError

DATABASE = "roadmap"
READER = "reader"


def main(workspace: Path) -> None:
    """Serve until SIGTERM."""
    import arcadedb

    os.umask(0o077)
    secrets = workspace / "secrets"
    password, reader_password = (secrets / "graph").read_text(), (secrets / "graph-reader").read_text()
    bolt, http = _port(workspace, "graph-bolt"), _port(workspace, "graph-http")
    for name in ("server-users.jsonl", "server-groups.json"):  # made anew below, from the secrets as they are now
        (workspace / "data" / "graph" / "config" / name).unlink(missing_ok=True)
    server = arcadedb.create_server(
        root_path=str(workspace / "data" / "graph"),
        root_password=password,
        config={
            "host": "127.0.0.1",
            "http_port": http,
            "mode": "production",
            "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
            "bolt_port": bolt,
            "bolt_defaultDatabase": DATABASE,
        },
    )
    server.start()
    if not (workspace / "data" / "graph" / "databases" / DATABASE).is_dir():
        server.create_database(DATABASE)
    url = f"http://127.0.0.1:{http}"
    _make_reader(url, password, reader_password)
    _verify_reader(url, reader_password)
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    # the engine's log ends in the middle of a line
    sys.stdout.write("\n" + json.dumps({"uri": f"bolt://127.0.0.1:{bolt}", "http": url}) + "\n")
    sys.stdout.flush()
    stopped.wait()
    server.stop()
    os._exit(0)  # a connected client would keep the engine's threads, and so the process, alive


def _make_reader(http: str, password: str, reader_password: str) -> None:
    """Make the user whose every write the server refuses."""
    group = {
        "database": "*",
        "name": READER,
        "resultSetLimit": -1,
        "readTimeout": -1,
        "access": [],
        "types": {"*": {"access": ["readRecord"]}},
    }
    _demand(f"{http}/api/v1/server/groups", password, group)
    user = {"name": READER, "password": reader_password, "databases": {DATABASE: [READER]}}
    _demand(f"{http}/api/v1/server/users", password, user)


def _verify_reader(http: str, password: str) -> None:
    """End this process where the server lets the reading user write: better no graph than an open one."""
    write = {"language": "cypher", "command": "CREATE (probe:RoadcrewReaderProbe)"}
    status, text = post(f"{http}/api/v1/command/{DATABASE}", READER, password, write)
    if status != HTTPStatus.FORBIDDEN:
        raise SystemExit(f"the graph server does not refuse a write of its reading user: {status} {text[:300]}")


def _demand(url: str, password: str, body: object) -> None:
    status, text = post(url, "root", password, body)
    if status >= HTTPStatus.BAD_REQUEST:
        raise SystemExit(f"the graph server refuses {url}: {status} {text[:300]}")


def post(url: str, user: str, password: str, body: object, seconds: float = 30.0) -> tuple[int, str]:
    """Post JSON to the server's HTTP interface and return the status with the answer's text."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - our own loopback address
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=seconds) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except HTTPError as fault:
        with fault:
            return fault.code, fault.read().decode("utf-8", "replace")


def _port(workspace: Path, name: str) -> int:
    """Return the port used before if it is free, else a free one, and remember it."""
    file = workspace / "run" / f"{name}.port"
    wanted = int(file.read_text()) if file.exists() else 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    file.write_text(str(port))
    return port


if __name__ == "__main__":
    main(Path(sys.argv[1]))
