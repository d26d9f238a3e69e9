"""Connections to added hosts: made by several threads at once, and anew for a host that was removed and added again.

The engine is a small server that says of itself what connecting asks, under TLS as an engine of another machine.
"""

import gc
import json
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from devctl.fleet.database import Database
from devctl.fleet.records import Host
from devctl.hosts.engine import HostEngine
from devctl.hosts.pool import Hosts
from devctl.settings import DevctlSettings
from tests.devctl.certificates import write_certificates

ANSWERS = {"version": {"ApiVersion": "1.44"}, "info": {"NCPU": 4, "MemTotal": 8 * 2**30}}
AT_ONCE = 4


class Engine(BaseHTTPRequestHandler):
    """Answers what connecting asks, and lists nothing; each request takes a new connection, as commands' streams do."""

    def do_GET(self) -> None:  # the name that the library calls
        name = self.path.partition("?")[0].rpartition("/")[2]
        body = json.dumps(ANSWERS.get(name, [])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Host]:
    keys = tmp_path / "keys"
    write_certificates(keys)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "server.pem", keys / "server-key.pem")
    context.load_verify_locations(keys / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with ThreadingHTTPServer(("127.0.0.1", 0), Engine) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield Host(name="far", address=f"tcp://127.0.0.1:{server.server_port}", tls=keys, seconds=20)
        server.shutdown()
        serving.join()


@pytest.fixture
def hosts(database: Database, tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(DevctlSettings.from_environment({}, folder=tmp_path / "devctl"), database, "home")
    yield made
    made.close()


def test_host_that_was_removed_can_be_added_again(hosts: Hosts, far: Host) -> None:
    assert hosts.add(far).cpus == 4
    hosts.remove("far")
    assert hosts.add(far).cpus == 4
    assert hosts.engine("far").found() == []


def test_engine_that_several_threads_connected_to_at_once_answers_all_of_them(hosts: Hosts, far: Host) -> None:
    hosts.registry.add(far)
    together = threading.Barrier(AT_ONCE)

    def connect() -> HostEngine:
        together.wait(60)
        return hosts.engine("far")

    with ThreadPoolExecutor(AT_ONCE) as threads:
        engines = [one.result() for one in [threads.submit(connect) for _ in range(AT_ONCE)]]
    gc.collect()
    assert [engine.found() for engine in engines] == [[]] * AT_ONCE
