"""From inside a kept environment: what is listed is reached, everything else is not."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl.errors import EgressFailed, EgressInvalid
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import Egress
from tests.devctl.egress.outside import Origin, origin
from tests.devctl.fleets import ADA, IMAGE, containers, wanted

FETCH = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())
except Exception as error:
    print(type(error).__name__, error)
"""
TRY_ALL = """
import json, socket, sys
attempts = json.loads(sys.argv[1])
for name, code in attempts.items():
    try:
        exec(code)
    except OSError:
        continue
    print(name, "got out")
print("tried", len(attempts))
"""
# An attempt that ends without an error of the network has got out.
ATTEMPTS = {
    "raw tcp": "s = socket.create_connection(('{host}', {port}), 3)",
    "raw tcp to this machine's name": "s = socket.create_connection((socket.gethostbyname(socket.gethostname()), {port}), 3)",
    "udp": "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('{host}', 53)); s.settimeout(1); s.recv(9)",
    "dns": "socket.getaddrinfo('example.org', 80)",
    "dns server by hand": (
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); "
        "s.sendto(b'\\x01\\x02\\x01\\x00\\x00\\x01' + bytes(6) + b'\\x07example\\x03org\\x00\\x00\\x01\\x00\\x01', ('127.0.0.11', 53)); "
        "s.recv(99)"
    ),
    "ipv6": "s = socket.create_connection(('2606:4700:4700::1111', 443), 3)",
    "ipv6 link": "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.sendto(b'x', ('ff02::1%lo', 53)); s.settimeout(1); s.recv(9)",
    "metadata": "s = socket.create_connection(('169.254.169.254', 80), 3)",
    "bridge of the engine": "s = socket.create_connection(('172.17.0.1', {port}), 3)",
    "raw socket": "s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); s.sendto(b'x', ('{host}', 0))",
    "packet socket": "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)",
}


@pytest.fixture
def outside() -> Iterator[Origin]:
    """The outside, which is on this machine's own address beside its loopback."""
    with origin() as server:
        yield server


def fetch(fleet: Fleet, address: str) -> str:
    return fleet.exec(ADA, "web", ["python3", "-c", FETCH, address], seconds=60).output.strip()


def test_only_what_is_listed_is_reached(fleet: Fleet, backend: str, outside: Origin) -> None:
    egress = Egress(mode="allow", domains=(f"localhost:{outside.port}", "127.0.0.1", "::1"))
    fleet.up(ADA, wanted(backend, "web", egress=egress, env={"NO_PROXY": "", "no_proxy": ""}))
    assert fetch(fleet, f"http://localhost:{outside.port}/") == "hello"
    assert "403" in fetch(fleet, "http://example.org/")
    assert "403" in fetch(fleet, f"http://127.0.0.1:{outside.port}/")
    attempts = {
        name: code.replace("{host}", "1.1.1.1").replace("{port}", str(outside.port)) for name, code in ATTEMPTS.items()
    }
    result = fleet.exec(ADA, "web", ["python3", "-c", TRY_ALL, json.dumps(attempts)], seconds=120)
    assert (result.exit_code, result.output) == (0, "tried 11\n")
    assert len(outside.seen) == 1


def test_the_way_out_is_there_again_after_a_stop_and_gone_after_removal(
    fleet: Fleet, backend: str, outside: Origin
) -> None:
    egress = Egress(mode="allow", domains=(f"localhost:{outside.port}", "127.0.0.1", "::1"))
    fleet.up(ADA, wanted(backend, "web", egress=egress, env={"NO_PROXY": "", "no_proxy": ""}))
    fleet.stop(ADA, "web")
    fleet.start(ADA, "web")
    assert fetch(fleet, f"http://localhost:{outside.port}/") == "hello"
    folder = egress_folder(fleet)
    assert len(list(folder.glob("*/out/proxy.sock"))) == 1
    fleet.remove(ADA, "web")
    assert not list(folder.glob("*/*"))


def egress_folder(fleet: Fleet) -> Path:
    from devctl.egress import ProxiedEgress

    assert isinstance(fleet.parts.egress, ProxiedEgress)
    return fleet.parts.egress.folder


def test_what_the_proxy_decided_is_in_the_audit(fleet: Fleet, backend: str, outside: Origin) -> None:
    egress = Egress(mode="allow", domains=(f"localhost:{outside.port}", "127.0.0.1", "::1"))
    fleet.up(ADA, wanted(backend, "web", egress=egress, env={"NO_PROXY": "", "no_proxy": ""}))
    fetch(fleet, f"http://localhost:{outside.port}/")
    fetch(fleet, "http://evil.test/")
    question = "SELECT who, allowed, details->>'host' AS host FROM audit WHERE operation = 'egress' AND subject = 'web' ORDER BY id"
    for _ in range(200):
        rows = fleet.parts.database.rows(question)
        if {row["host"] for row in rows} >= {"localhost", "evil.test"}:
            break
        fleet.exec(ADA, "web", ["sleep", "0.1"])
    assert {(row["who"], row["host"], row["allowed"]) for row in rows} >= {
        ("ada", "localhost", True), ("ada", "evil.test", False),
    }  # fmt: skip


def test_an_entry_that_is_none_makes_nothing(fleet: Fleet, backend: str) -> None:
    with pytest.raises(EgressInvalid, match="https"):
        fleet.up(ADA, wanted(backend, "web", egress=Egress(mode="allow", domains=("https://example.org",))))
    assert not list(egress_folder(fleet).glob("*/*"))


def test_an_image_in_which_no_relay_can_run_is_refused_with_the_reason(
    docker_fleet: Fleet, tmp_path: Path, devctl_database: str
) -> None:
    bare = "devctl-test-bare"
    (tmp_path / "Dockerfile").write_text(
        f"FROM {IMAGE}\nRUN rm -f /usr/bin/python3* /usr/local/bin/python* /usr/bin/perl*\n"
    )
    build = ["docker", "build", "-q", "--network", "host", "-t", bare, str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    try:
        spec = wanted("docker", "web", egress=Egress(mode="allow", domains=("example.org",)))
        with pytest.raises(EgressFailed, match="neither python3 nor perl"):
            docker_fleet.up(ADA, spec.model_copy(update={"image": bare}))
        assert not containers(docker_fleet)
        assert not list(egress_folder(docker_fleet).glob("*/*"))
    finally:
        subprocess.run(["docker", "rmi", "-f", bare], capture_output=True, check=False)
