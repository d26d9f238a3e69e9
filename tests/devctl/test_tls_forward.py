"""The way to an engine under TLS: trust on both sides, and streams that end in one direction first."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devctl.errors import HostUnreachable
from devctl.fleet.records import Host
from devctl.hosts.tls_forward import TlsForward
from tests.devctl.certificates import write_certificates

MUCH = 3_000_000


def answer(plain: socket.socket, context: ssl.SSLContext) -> None:
    """Read all that comes, then send it back reversed."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    with plain, contextlib.suppress(OSError):
        received = b""
        while (data := read(tls, incoming, outgoing, plain)) is not None:
            received += data
        tls.write(received[::-1])
        plain.sendall(outgoing.read())


def read(tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, plain: socket.socket) -> bytes | None:
    """What has come next; None when the other side has said that no more comes."""
    while True:
        try:
            return tls.read(65_536) or None
        except ssl.SSLWantReadError:
            plain.sendall(outgoing.read())
            if not (data := plain.recv(65_536)):
                return None
            incoming.write(data)
        except ssl.SSLZeroReturnError:
            return None


@contextmanager
def server(keys: Path) -> Iterator[int]:
    """A server that asks for a client's certificate, reads all its input, and only then answers with it reversed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "server.pem", keys / "server-key.pem")
    context.load_verify_locations(keys / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(plain, context), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def host(port: int, keys: Path) -> Host:
    return Host(name="far", address=f"tcp://127.0.0.1:{port}", tls=keys)


def exchanged(address: str, data: bytes) -> bytes:
    """Send all, say that no more comes, and read the answer to its end."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect("/" + address.removeprefix("unix:").lstrip("/"))
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
        return answer


@pytest.mark.parametrize("size", [1, 70_000, MUCH])
def test_an_answer_comes_after_the_input_has_ended(tmp_path: Path, size: int) -> None:
    write_certificates(tmp_path / "keys")
    data = bytes(number % 251 for number in range(size))
    with server(tmp_path / "keys") as port:
        forward = TlsForward(host(port, tmp_path / "keys"))
        try:
            assert exchanged(forward.address, data) == data[::-1]
            assert exchanged(forward.address, b"abc") == b"cba"
        finally:
            forward.close()


def test_neither_side_is_believed_under_another_authority(tmp_path: Path) -> None:
    write_certificates(tmp_path / "keys")
    write_certificates(tmp_path / "other")
    with server(tmp_path / "keys") as port:
        with pytest.raises(HostUnreachable, match="(?i)certificate verify failed"):
            TlsForward(host(port, tmp_path / "other"))
        mixed = tmp_path / "mixed"
        mixed.mkdir()
        for name, place in (("ca", "keys"), ("cert", "other"), ("key", "other")):
            (mixed / f"{name}.pem").write_bytes((tmp_path / place / f"{name}.pem").read_bytes())
        forward = TlsForward(host(port, mixed))  # under TLS 1.3 the server's refusal comes after its greeting
        try:
            assert exchanged(forward.address, b"abc") == b""
        finally:
            forward.close()


def test_keys_that_are_not_there_and_an_engine_that_is_away_are_named(tmp_path: Path) -> None:
    with pytest.raises(HostUnreachable, match=r"holds no ca\.pem"):
        TlsForward(host(9, tmp_path))
    write_certificates(tmp_path / "keys")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(HostUnreachable, match="(?i)refused"):
        TlsForward(host(port, tmp_path / "keys"))


def test_nothing_leads_on_after_it_was_closed(tmp_path: Path) -> None:
    write_certificates(tmp_path / "keys")
    with server(tmp_path / "keys") as port:
        forward = TlsForward(host(port, tmp_path / "keys"))
        forward.close()
        forward.close()
        with pytest.raises(OSError):
            exchanged(forward.address, b"abc")
