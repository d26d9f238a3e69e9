"""The proxy of an allow-list lets through what is named, and nothing else."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from devctl.egress.proxy import MOST_CONNECTIONS
from tests.devctl.egress.outside import origin, proxy


def hello(name: str | None) -> bytes:
    """The first message of a TLS client that asks for a name."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_a_listed_name_is_reached_with_plain_http_and_through_a_tunnel(tmp_path: Path) -> None:
    with origin() as server, proxy(tmp_path, f"outside.test:{server.port}", "127.0.0.1") as client:
        here = f"outside.test:{server.port}"
        status, text = client.get(f"http://{here}/a?b=c")
        assert (status, text[-5:]) == (200, "hello")
        request = f"GET /through HTTP/1.1\r\nHost: {here}\r\nConnection: close\r\n\r\n".encode()
        status, text = client.tunnel(here, request)
        assert (status, text[-5:]) == (200, "hello")
        assert server.seen == [(here, "/a?b=c", ""), (here, "/through", "")]
        assert [(one.host, one.port, one.allowed, one.address) for one in client.decisions] == [
            ("outside.test", server.port, True, "127.0.0.1")
        ] * 2


def test_names_are_compared_without_case_and_final_dot_and_below_a_star(tmp_path: Path) -> None:
    with (
        origin() as server,
        proxy(tmp_path, f"*.sub.test:{server.port}", f"outside.test:{server.port}", "127.0.0.1") as client,
    ):
        for name, status in (("OutSide.Test.", 200), ("deep.sub.test", 200), ("sub.test", 403), ("xsub.test", 403)):
            assert client.get(f"http://{name}:{server.port}/")[0] == status


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]",  # noqa: S104 - a text
        "169.254.169.254", "10.0.0.1", "192.168.1.1", "8.8.8.8", "[fe80::1%25eth0]", "[64:ff9b::7f00:1]", "127.0.0.1.",
    ],
)  # fmt: skip
def test_addresses_written_out_are_refused_unless_listed(target: str, tmp_path: Path) -> None:
    with origin() as server, proxy(tmp_path, "outside.test", f"localhost:{server.port}") as client:
        assert client.tunnel(f"{target}:{server.port}")[0] == 403
        assert client.get(f"http://{target}:{server.port}/")[0] == 403
        assert server.seen == []
        assert not any(one.allowed for one in client.decisions)


@pytest.mark.parametrize("name", ["localhost", "sly.test", "meta.test"])
def test_a_listed_name_that_leads_to_this_machine_or_its_metadata_is_refused(name: str, tmp_path: Path) -> None:
    with origin() as server, proxy(tmp_path, f"{name}:{server.port}") as client:
        status, text = client.tunnel(f"{name}:{server.port}")
        assert status == 403
        assert "no public address" in text
        assert server.seen == []
        assert [one.allowed for one in client.decisions] == [False]


def test_a_listed_address_is_reached(tmp_path: Path) -> None:
    with (
        origin() as server,
        proxy(tmp_path, f"127.0.0.1:{server.port}") as client,
    ):
        assert client.get(f"http://127.0.0.1:{server.port}/")[0] == 200
        assert client.get(f"http://127.0.0.1:{server.port + 1}/")[0] == 403


def test_other_ports_of_a_listed_name_are_refused(tmp_path: Path) -> None:
    with origin() as server, proxy(tmp_path, "outside.test", "127.0.0.1") as client:
        status, text = client.tunnel(f"outside.test:{server.port}")
        assert (status, "port" in text) == (403, True)
        assert client.tunnel("outside.test:22")[0] == 403


def test_the_host_header_decides_nothing(tmp_path: Path) -> None:
    with origin() as server, proxy(tmp_path, f"outside.test:{server.port}", "127.0.0.1") as client:
        here = f"outside.test:{server.port}"
        assert client.get(f"http://{here}/", "Host: evil.test")[0] == 200
        assert client.get(f"http://evil.test:{server.port}/", f"Host: {here}")[0] == 403
        assert client.get("/", f"Host: {here}")[0] == 400
        assert client.get(f"http://{here}/", "Host: a", "Host: b")[0] == 400
        assert client.get(f"http://outside.test@evil.test:{server.port}/")[0] == 400
        assert client.get(f"https://{here}/")[0] == 400
        assert client.get(f"ftp://{here}/")[0] == 400
        assert [host for host, _, _ in server.seen] == [here]


def test_a_second_request_on_the_same_connection_is_never_passed_on(tmp_path: Path) -> None:
    with origin() as server, proxy(tmp_path, f"outside.test:{server.port}", "127.0.0.1") as client:
        here = f"http://outside.test:{server.port}"
        evil = "GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"
        client.ask(f"GET {here}/one HTTP/1.1\r\nHost: x\r\n\r\n{evil}")
        body = (
            f"POST {here}/two HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        client.ask(body + evil)
        assert [path for _, path, _ in server.seen if path != "/two"] == ["/one"]
        assert all("evil" not in str(seen) for seen in server.seen)


def test_bodies_go_through_whole_and_headers_of_the_hop_do_not(tmp_path: Path) -> None:
    with origin() as server, proxy(tmp_path, f"outside.test:{server.port}", "127.0.0.1") as client:
        here = f"http://outside.test:{server.port}/"
        head = f"POST {here} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic eDp5\r\nConnection: keep-alive, X-Me\r\nX-Me: 1\r\n"
        assert client.ask(f"{head}Content-Length: 5\r\n\r\nabcde")[0] == 200
        assert client.ask(f"{head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")[0] == 200
        assert [body for _, _, body in server.seen] == ["abcde", "abcde"]


def test_a_redirect_to_a_forbidden_place_is_judged_when_it_is_followed(tmp_path: Path) -> None:
    with origin() as server, proxy(tmp_path, f"outside.test:{server.port}", "127.0.0.1") as client:
        status, text = client.get(f"http://outside.test:{server.port}/away")
        assert (status, "Location: http://127.0.0.2:1/secret" in text) == (302, True)
        assert client.get("http://127.0.0.2:1/secret")[0] == 403


@pytest.mark.parametrize(
    "request_text",
    ["\x16\x03\x01\r\n\r\n", "GET\r\n\r\n", "CONNECT outside.test HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-x\r\n\r\n",
     "CONNECT outside.test:x HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT :443 HTTP/1.1\r\nHost: x\r\n\r\n",
     "GET http:///x HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT outside.test:99999 HTTP/1.1\r\nHost: x\r\n\r\n",
     "GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n", "X" * 100_000],
)  # fmt: skip
def test_what_is_no_request_is_refused(request_text: str, tmp_path: Path) -> None:
    with proxy(tmp_path, "outside.test") as client:
        assert client.ask(request_text)[0] in (400, 403)


def test_a_tunnel_to_one_name_is_not_used_for_another(tmp_path: Path) -> None:
    """The origin answers TLS's first message with an error of HTTP, which is enough to see that it got there."""
    with (
        origin() as server,
        proxy(tmp_path, f"outside.test:{server.port}", f"deep.sub.test:{server.port}", "127.0.0.1") as client,
    ):
        here = f"outside.test:{server.port}"
        for name, reached in (("outside.test", True), ("deep.sub.test", True), (None, True), ("evil.test", False)):
            _, text = client.tunnel(here, hello(name))
            assert ("Bad request" in text or "Bad HTTP" in text) == reached, name
        assert [one.host for one in client.decisions if not one.allowed] == ["evil.test"]


def test_a_first_message_in_pieces_is_judged_whole(tmp_path: Path) -> None:
    with (
        origin() as server,
        proxy(tmp_path, f"outside.test:{server.port}", "127.0.0.1") as client,
        client.connect() as end,
    ):
        end.sendall(f"CONNECT outside.test:{server.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert end.recv(100).startswith(b"HTTP/1.1 200")
        for byte in hello("evil.test"):
            try:
                end.sendall(bytes([byte]))
            except OSError:
                break
        assert end.recv(100) == b""
        assert [one.host for one in client.decisions if not one.allowed] == ["evil.test"]


def test_a_server_that_speaks_first_is_heard(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 hello\r\n")
                connection.recv(100)

        threading.Thread(target=greet, daemon=True).start()
        with proxy(tmp_path, f"outside.test:{port}", "127.0.0.1") as client, client.connect() as end:
            end.sendall(f"CONNECT outside.test:{port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            text = b""
            while b"220 hello" not in text:
                text += end.recv(100)


def test_what_was_reached_is_let_go_of_when_the_caller_breaks_off(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        here = f"outside.test:{listener.getsockname()[1]}"
        with proxy(tmp_path, here, "127.0.0.1") as client:
            with client.connect() as caller:
                caller.sendall(f"CONNECT {here} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert caller.recv(100, socket.MSG_PEEK)  # who leaves without having read it breaks off
            outside, _ = listener.accept()
            with outside:
                outside.settimeout(60)
                assert outside.recv(1) == b""


def test_a_name_that_is_not_there_or_does_not_answer_is_said_so(tmp_path: Path) -> None:
    with proxy(tmp_path, "nowhere.invalid", "outside.test:1", "127.0.0.1") as client:
        assert client.tunnel("nowhere.invalid:443")[0] == 502
        status, text = client.tunnel("outside.test:1")
        assert (status, "does not answer" in text) == (502, True)


def test_too_many_connections_are_turned_away(tmp_path: Path) -> None:
    with proxy(tmp_path, "outside.test") as client:
        held = [client.connect() for _ in range(MOST_CONNECTIONS)]
        try:
            for connection in held:
                connection.sendall(b"GET")
            status = 0
            for _ in range(100):
                with client.connect() as more:
                    more.settimeout(0.2)
                    try:
                        status = int(more.recv(100).split(b" ")[1])
                        break
                    except TimeoutError:
                        continue  # the listener had not taken all the others yet
            assert status == 503
        finally:
            for connection in held:
                connection.close()
