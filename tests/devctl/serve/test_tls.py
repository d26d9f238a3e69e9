"""The service's own end of TLS, as real clients meet it."""

import http.client
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from devctl.client import Client
from devctl.errors import ServiceUnreachable, SettingsInvalid
from devctl.fleet import open_fleet
from devctl.serve.server import Server, listen
from devctl.serve.settings import ServeSettings
from devctl.serve.tls_front import Patience, ServerKeys, TlsFront
from devctl.settings import DevctlSettings
from tests.devctl.certificates import write_certificates
from tests.devctl.fleets import ADA
from tests.devctl.serve.services import serving, token_of


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with an authority and a server's certificate of it."""
    write_certificates(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def secure(devctl_database: str, keys: Path) -> Iterator[Server]:
    """A service under TLS, whose engine is away: these tests need none."""
    with tempfile.TemporaryDirectory(prefix="ds", dir="/tmp") as folder:
        settings = DevctlSettings.from_environment(
            {}, folder=Path(folder), backend="docker", docker_host=f"unix://{folder}/none", database_url=devctl_database
        )
        certificate, key = keys / "server.pem", keys / "server-key.pem"
        with (
            open_fleet(settings, None) as fleet,
            serving(fleet, settings, tls_certificate=certificate, tls_key=key) as server,
        ):
            yield server


@contextmanager
def fronted(keys: Path, patience: Patience) -> Iterator[tuple[tuple[str, int], socket.socket]]:
    """A TLS end over a socket that the test itself answers; its address, and that socket."""
    outside, inside = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    inside.settimeout(30)
    front = TlsFront(
        outside, inside.getsockname(), ServerKeys(keys / "server.pem", keys / "server-key.pem"), {}, patience
    )
    front.start()
    try:
        yield outside.getsockname(), inside
    finally:
        front.close()
        inside.close()


def trusting(keys: Path) -> ssl.SSLContext:
    """What a client believes."""
    return ssl.create_default_context(cafile=str(keys / "ca.pem"))


def address(server: Server) -> tuple[str, int]:
    """Where a service listens."""
    return "127.0.0.1", int(server.url.rpartition(":")[2])


def status(server: Server, keys: Path, token: str, source: str = "127.0.0.1") -> int:
    """What a caller at some address of loopback is answered."""
    connection = http.client.HTTPSConnection(
        *address(server), timeout=30, context=trusting(keys), source_address=(source, 0)
    )
    try:
        connection.request("GET", "/v1/me", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_client_that_trusts_the_authority_is_served_and_another_one_stops(
    secure: Server, keys: Path, tmp_path: Path
) -> None:
    token = token_of(secure, ADA)
    assert secure.url.startswith("https://")
    assert Client(secure.url, token, keys / "ca.pem").me() == ADA
    write_certificates(tmp_path / "other")
    with pytest.raises(ServiceUnreachable, match="not trusted"):
        Client(secure.url, token, tmp_path / "other" / "ca.pem").me()
    with pytest.raises(ServiceUnreachable, match="not trusted"):
        Client(secure.url, token).me()
    assert Client(secure.url, token, keys / "ca.pem").me() == ADA


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")  # what is old is to be refused
def test_old_versions_of_tls_and_plain_http_are_refused(secure: Server, keys: Path) -> None:
    for version, word in ((ssl.TLSVersion.TLSv1_1, "PROTOCOL_VERSION"), (ssl.TLSVersion.TLSv1_2, "")):
        context = trusting(keys)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
        with socket.create_connection(address(secure), 30) as plain:
            if word:
                with pytest.raises(ssl.SSLError, match=word), context.wrap_socket(plain, server_hostname="localhost"):
                    pass
            else:
                with context.wrap_socket(plain, server_hostname="localhost") as connection:
                    assert connection.version() == "TLSv1.2"
    with socket.create_connection(address(secure), 30) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while data := _received(plain):
            answer += data
    assert b"HTTP/1.1" not in answer


def test_wrong_tokens_count_for_the_caller_behind_our_own_end(secure: Server, keys: Path) -> None:
    token = token_of(secure, ADA)
    while (answer := status(secure, keys, "dvt_00000000_wrong", "127.0.0.2")) == 401:
        pass
    assert answer == 429
    assert status(secure, keys, token, "127.0.0.2") == 429
    assert status(secure, keys, token, "127.0.0.3") == 200
    assert status(secure, keys, token, "127.0.0.2") == 200, "it is known to be good by now"


def test_a_renewed_certificate_is_taken_and_a_broken_one_is_not(secure: Server, keys: Path, tmp_path: Path) -> None:
    token = token_of(secure, ADA)
    write_certificates(tmp_path / "new")
    for name in ("server.pem", "server-key.pem"):
        shutil.copy(tmp_path / "new" / name, keys / f"{name}.new")
        (keys / f"{name}.new").replace(keys / name)
    assert Client(secure.url, token, tmp_path / "new" / "ca.pem").me() == ADA
    with pytest.raises(ServiceUnreachable, match="not trusted"):
        Client(secure.url, token, keys / "ca.pem").me()
    (keys / "server.pem").write_text("half of a certif")
    assert Client(secure.url, token, tmp_path / "new" / "ca.pem").me() == ADA
    (keys / "server.pem").unlink()
    assert Client(secure.url, token, tmp_path / "new" / "ca.pem").me() == ADA


def test_who_does_not_shake_hands_is_let_go_and_others_are_served(keys: Path) -> None:
    with fronted(keys, Patience(handshake=0.3)) as (there, inside), socket.create_connection(there, 30) as silent:
        assert _answered(there, inside, keys) == b"hello"
        assert silent.recv(1) == b""


def test_who_takes_nothing_is_let_go(keys: Path) -> None:
    with fronted(keys, Patience(stalled=0.3)) as (there, inside):
        with (
            socket.create_connection(there, 30) as plain,
            trusting(keys).wrap_socket(plain, server_hostname="localhost"),
        ):
            answering, _ = inside.accept()
            answering.settimeout(30)
            with answering, pytest.raises(ConnectionError):
                while True:
                    answering.sendall(b"x" * 65_536)
        assert _answered(there, inside, keys) == b"hello"


def test_more_connections_than_are_taken_are_ended(keys: Path) -> None:
    with (
        fronted(keys, Patience(connections=1)) as (there, inside),
        socket.create_connection(there, 30) as plain,
        trusting(keys).wrap_socket(plain, server_hostname="localhost") as first,
    ):
        answering, _ = inside.accept()
        with socket.create_connection(there, 30) as second:
            assert _received(second) == b""
        with answering:
            answering.sendall(b"still here")
            assert first.recv(10) == b"still here"


def test_much_goes_both_ways_at_once(keys: Path) -> None:
    sent = bytes(range(256)) * 20_000
    with (
        fronted(keys, Patience()) as (there, inside),
        socket.create_connection(there, 30) as plain,
        trusting(keys).wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        answering, _ = inside.accept()
        echo = threading.Thread(target=_echo, args=(answering, len(sent)))
        echo.start()
        connection.settimeout(30)
        for begin in range(0, len(sent), 1_000_000):
            connection.sendall(sent[begin : begin + 1_000_000])
        came = b""
        while data := _received(connection):
            came += data
        echo.join()
    assert came == sent


def test_files_that_are_no_certificate_and_its_key_are_named(keys: Path, tmp_path: Path) -> None:
    write_certificates(tmp_path / "other")
    loaded = serialization.load_pem_private_key((keys / "server-key.pem").read_bytes(), None)
    locked = loaded.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"word")
    )
    (tmp_path / "locked.pem").write_bytes(locked)
    for key in (tmp_path / "other" / "server-key.pem", tmp_path / "locked.pem", keys / "ca.pem", tmp_path / "none.pem"):
        with pytest.raises(SettingsInvalid, match=key.name):
            ServerKeys(keys / "server.pem", key)


def test_tls_opens_the_network_and_is_not_said_by_halves(keys: Path) -> None:
    both = {"tls_certificate": keys / "server.pem", "tls_key": keys / "server-key.pem"}
    ServeSettings.model_validate({"host": "0.0.0.0", **both}).check()  # noqa: S104 - allowed under TLS
    for given in (
        {"tls_key": keys / "key.pem"},
        {"tls_certificate": keys / "c.pem"},
        {**both, "behind_proxy": "10.0.0.1"},
    ):
        with pytest.raises(SettingsInvalid, match="certificate"):
            ServeSettings.model_validate(given).check()


def _answered(there: tuple[str, int], inside: socket.socket, keys: Path) -> bytes:
    """What the server behind sends to a client."""
    with (
        socket.create_connection(there, 30) as plain,
        trusting(keys).wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        answering, _ = inside.accept()
        with answering:
            answering.sendall(b"hello")
        return connection.recv(5)


def _echo(answering: socket.socket, size: int) -> None:
    with answering:
        while size > 0 and (data := answering.recv(65_536)):
            answering.sendall(data)
            size -= len(data)


def _received(connection: socket.socket) -> bytes:
    """What has come; nothing at the end, in whatever way it ended."""
    try:
        return connection.recv(65_536)
    except ConnectionError:
        return b""
