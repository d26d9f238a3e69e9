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
    _make_reader(f"http://127.0.0.1:{http}", password, reader_password)
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    # the engine's log ends in the middle of a line
    sys.stdout.write("\n" + json.dumps({"uri": f"bolt://127.0.0.1:{bolt}", "http": f"http://127.0.0.1:{http}"}) + "\n")
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
    _post(f"{http}/api/v1/server/groups", password, group)
    user = {"name": READER, "password": reader_password, "databases": {DATABASE: [READER]}}
    _post(f"{http}/api/v1/server/users", password, user)


def _post(url: str, password: str, body: object) -> None:
    token = base64.b64encode(f"root:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - our own loopback address
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own loopback address
            answer.read()
    except HTTPError as fault:
        text = fault.read().decode("utf-8", "replace")
        if "exist" not in text.lower():
            raise SystemExit(f"the graph server refuses {url}: {fault.code} {text[:300]}") from fault


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
