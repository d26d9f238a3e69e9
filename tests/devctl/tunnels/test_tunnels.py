"""HTTPS links to environments, used by a real client that trusts the authority."""

import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from devctl.errors import LaunchRefused, NoSuchEnvironment, NoSuchResource, NotRunning, PortTaken
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import User
from devctl.tunnels import TunnelRows, TunnelWish, open_tunnel
from devctl.tunnels.conversation import Patience
from tests.devctl.fleets import ADA, BOB, fleet_on, folder_of, wanted
from tests.devctl.tunnels.people import opened, served

WISH = TunnelWish(port=8000)


def until(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_page_inside_is_read_with_the_token_once_and_then_the_cookie(
    fleet: Fleet, backend: str, tmp_path: Path
) -> None:
    with served(fleet, backend, tmp_path), opened(fleet) as (server, person, _):
        first = person.enter()
        assert first.status == 200 and first.said()["path"] == "/"
        cookie = next(one for one in first.headers.get_all("Set-Cookie", []) if "SameSite" in one)
        assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        second = person.ask("/a?x=1&token=theirs", Cookie="app=1", Referer=f"{server.link}&y=2")
        asked = second.asked()
        assert second.said()["path"] == "/a?x=1&token=theirs"
        assert asked["cookie"] == "app=1" and asked["x-forwarded-proto"] == "https"
        assert asked["host"] == asked["x-forwarded-host"] == f"localhost:{person.port}"
        assert person.token not in str(second.said()) and person.cookie not in str(second.said())
        assert second.said()["peer"] == first.said()["peer"], "the connection inside is kept"
        assert person.ask("/up", "POST", b"x" * 3_000_000).said()["body"] == 3_000_000
        assert person.ask("/stream").body == b"onetwo"
        rows = TunnelRows(fleet.parts.database)
        until(lambda: [one for one in rows.listed(ADA) if one.id == server.id and one.bytes_in > 3_000_000])
        kept = fleet.parts.database.rows(
            "SELECT FROM activity JOIN environment ON id = environment WHERE name = 'web' AND kind = 'tunnel'"
        )
        assert kept


def test_headers_of_one_hop_and_claims_of_others_do_not_pass(fleet: Fleet, backend: str, tmp_path: Path) -> None:
    with served(fleet, backend, tmp_path), opened(fleet) as (_, person, _):
        person.enter()
        claims = {
            "X_Forwarded_For": "9.9.9.9",
            "Forwarded": "for=9.9.9.9",
            "Proxy_Authorization": "x",
            "TE": "trailers",
        }
        answer = person.ask("/moved", "GET", None, Connection="keep-alive, X-Mine", X_Mine="1", Upgrade="h2c", **claims)
        asked = answer.asked()
        assert asked["x-forwarded-for"] == "127.0.0.1"
        assert not {"x-mine", "forwarded", "proxy-authorization", "te", "upgrade", "connection"} & set(asked)
        assert answer.headers["Location"] == f"https://localhost:{person.port}/next"
        assert answer.headers.get_all("Set-Cookie") == ["app=1; Path=/"]
        assert "Keep-Alive" not in answer.headers and "Strict-Transport-Security" not in answer.headers


def test_nobody_passes_without_token_by_another_name_or_from_another_page(
    fleet: Fleet, backend: str, tmp_path: Path
) -> None:
    with served(fleet, backend, tmp_path), opened(fleet) as (server, person, _):
        for path in ("/", "/?token=wrong", f"/?token={person.token}x", "/?token=%00"):
            assert person.ask(path).status == 401
        assert person.ask("/", Cookie=f"__Host-devctl-{server.id}=wrong").status == 401
        assert person.ask("/", "HEAD").status == 401
        assert person.enter().status == 200
        assert person.ask("/", Host="evil.example").status == 421
        assert person.ask("/", Origin="https://localhost:1").status == 403
        assert person.ask("/", Sec_Fetch_Site="same-site", Sec_Fetch_Mode="no-cors").status == 403
        followed = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
        assert person.ask("/", "GET", None, **followed).status == 200
        assert person.ask("/", "POST", b"x", **followed).status == 403
        assert person.ask("/", Origin=f"https://localhost:{person.port}").status == 200
        landed = person.ask(f"//there?token={person.token}&a=1", Accept="text/html")
        assert landed.status == 200 and b'content="0;url=/there?a=1"' in landed.body
        assert person.token.encode() not in landed.body and landed.headers["Referrer-Policy"] == "no-referrer"


def test_websocket_passes_both_ways(fleet: Fleet, backend: str, tmp_path: Path) -> None:
    with served(fleet, backend, tmp_path), opened(fleet) as (_, person, _):
        person.enter()
        with person.raw() as connection:
            head = f"GET /ws HTTP/1.1\r\nHost: localhost:{person.port}\r\nCookie: {person.cookie}\r\n"
            connection.sendall(f"{head}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly".encode())
            with connection.makefile("rb") as reader:
                assert reader.readline().startswith(b"HTTP/1.1 101 ")
                while reader.readline() != b"\r\n":
                    pass
                assert reader.read(5) == b"hello"
                assert reader.read(5) == b"EARLY"
                connection.sendall(b"x" * 200_000)
                assert reader.read(200_000) == b"X" * 200_000


def test_one_that_is_slow_or_speaks_no_tls_is_let_go(fleet: Fleet, backend: str, tmp_path: Path) -> None:
    patience = Patience(handshake=1, head=1, idle=1)
    with served(fleet, backend, tmp_path), opened(fleet, patience=patience) as (_, person, _):
        with person.raw() as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost:")
            assert slow.recv(1) == b""
        with socket.create_connection((person.host, person.port), timeout=60) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with plain.makefile("rb") as reader:
                assert b"401" not in reader.read()
        with socket.create_connection((person.host, person.port), timeout=60) as silent:
            assert silent.recv(1) == b""
        with person.raw() as wrong:
            wrong.sendall(b"nonsense\r\n\r\n")
            assert wrong.recv(65_536).startswith(b"HTTP/1.1 400 ")


def test_a_tunnel_is_closed_by_its_row_and_by_its_time(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "web"))
    rows = TunnelRows(fleet.parts.database)
    with opened(fleet) as (server, person, whys):
        with pytest.raises(NoSuchResource):
            rows.close(BOB, server.id)
        rows.close(ADA, server.id)
        until(lambda: whys)
        assert whys == ["closed by ada"] and rows.listed(ADA) == []
        with pytest.raises(OSError):
            person.raw()
        with pytest.raises(NoSuchResource, match=server.id):
            rows.close(ADA, server.id)
    with opened(fleet, WISH.model_copy(update={"ttl": timedelta(seconds=1)})) as (_, person, whys):
        until(lambda: whys)
        assert whys == ["its time was up"] and rows.listed(ADA) == []


def test_a_stopped_environment_is_told_of_and_a_removed_one_ends_it(fleet: Fleet, backend: str, tmp_path: Path) -> None:
    with served(fleet, backend, tmp_path), opened(fleet) as (_, person, whys):
        person.enter()
        fleet.stop(ADA, "web", grace=0)
        answer = person.ask("/")
        assert answer.status == 503 and b"devctl start" in answer.body
        fleet.start(ADA, "web")
        assert person.ask("/").status == 502, "nothing listens there now"
        fleet.remove(ADA, "web")
        until(lambda: whys)
        assert whys == ["its environment is gone"]


def test_only_who_may_opens_one(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "web"))
    folder = folder_of(fleet)
    with pytest.raises(NoSuchEnvironment):
        open_tunnel(fleet, folder, BOB, "web", WISH)
    with pytest.raises(LaunchRefused, match="viewer"):
        open_tunnel(fleet, folder, User(name="ada", role="viewer"), "web", WISH)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortTaken):
        open_tunnel(fleet, folder, ADA, "web", TunnelWish(port=8000, local=taken.getsockname()[1]))
    fleet.stop(ADA, "web", grace=0)
    with pytest.raises(NotRunning):
        open_tunnel(fleet, folder, ADA, "web", WISH)


def test_the_tiers_limit_counts_tunnels_that_are_open(database_url: str) -> None:
    with fleet_on("bubblewrap", database_url, ruled=True) as fleet:
        fleet.up(ADA, wanted("bubblewrap", "web"))
        with opened(fleet), opened(fleet) as (second, _, _):
            with pytest.raises(LaunchRefused, match="2 open tunnels"):
                open_tunnel(fleet, folder_of(fleet), ADA, "web", WISH)
            second.close()
            with opened(fleet):
                assert len(TunnelRows(fleet.parts.database).listed(ADA)) == 2
