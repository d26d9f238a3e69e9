"""The authority of tunnels: made once, private, and of no use for any other name."""

import ipaddress
import socket
import ssl
import stat
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from devctl.errors import LaunchFailed, SettingsInvalid
from devctl.fleet.fleet import Fleet
from devctl.tunnels import TunnelWish
from devctl.tunnels.authority import Authority
from devctl.tunnels.certificates import Issuer, private_pem, read_issuer
from tests.devctl.fleets import ADA, folder_of, wanted
from tests.devctl.tunnels.people import opened

SOON = datetime.now(UTC) + timedelta(hours=1)


def thief_of(folder: Path) -> Issuer:
    """One who has the secret file, and asks nobody what may be signed."""
    return read_issuer((folder / "tunnels" / "authority.pem").read_bytes())


def shaken(issuer: Issuer, name: str, trusted: Path, folder: Path) -> None:
    """Have a client that trusts the authority meet a server that poses as `name`; raises the client's error."""
    key, chain = issuer.issued([name], SOON)
    file = folder / "server.pem"
    file.write_bytes(private_pem(key) + b"".join(one.public_bytes(Encoding.PEM) for one in chain))
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(file)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server_context.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        ours.settimeout(60)
        with ssl.create_default_context(cafile=trusted).wrap_socket(ours, server_hostname=name):
            pass
    finally:
        ours.close()
        server.join()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_a_client_believes_it_for_the_loopback(name: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    shaken(read_made(authority, tmp_path), name, authority.certificate, tmp_path)


@pytest.mark.parametrize("name", ["bank.example", "xlocalhost", "10.0.0.1", "128.0.0.1", "2001:db8::1"])
def test_clients_refuse_it_for_any_other_name_though_its_key_signed(name: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    thief = read_made(authority, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shaken(thief, name, authority.certificate, tmp_path)
    _, (leaf, issuer) = thief.issued([name], SOON)
    verifier = PolicyBuilder().store(Store([thief.root])).build_server_verifier(subject(name))
    with pytest.raises(VerificationError, match="name constraints"):
        verifier.verify(leaf, [issuer])


def test_another_client_believes_it_for_localhost_alone(tmp_path: Path) -> None:
    issuer = read_made(Authority(tmp_path), tmp_path)
    _, (leaf, above) = issuer.issued(["localhost"], SOON)
    verifier = PolicyBuilder().store(Store([issuer.root])).build_server_verifier(subject("localhost"))
    assert verifier.verify(leaf, [above])


def test_the_key_that_is_kept_is_not_the_roots(tmp_path: Path) -> None:
    issuer = read_made(Authority(tmp_path), tmp_path)
    assert issuer.key.public_key() == issuer.certificate.public_key() != issuer.root.public_key()
    for one in (issuer.root, issuer.certificate):
        limits = one.extensions.get_extension_for_class(x509.NameConstraints)
        assert limits.critical and limits.value.permitted_subtrees


def test_a_name_is_permitted_by_a_new_authority_once(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(SettingsInvalid, match=r"box\.test") as refused:
        authority.server_context(("localhost", "box.test"), SOON)
    assert "devctl tunnel ca --name box.test" in refused.value.hint
    before = authority.certificate.read_bytes()
    assert authority.permit(["Box.test", "192.0.2.7"]) and authority.certificate.read_bytes() != before
    assert not authority.permit(["box.test"]), "it may already"
    thief = thief_of(tmp_path)
    for name in ("box.test", "a.box.test", "192.0.2.7", "localhost"):
        shaken(thief, name, authority.certificate, tmp_path)
    for name in ("abox.test", "192.0.2.8"):
        with pytest.raises(ssl.SSLCertVerificationError):
            shaken(thief, name, authority.certificate, tmp_path)


@pytest.mark.parametrize("name", ["", ".", "*.test", "a b", "-a", "a/b", "https://a", "bücher.test", "a\n"])
def test_what_is_no_name_is_not_permitted(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no name"):
        Authority(tmp_path).permit([name])


def test_it_is_made_once_however_many_ask_and_mends_what_a_crash_left(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: Authority(tmp_path).ensure().read_bytes(), range(8)))
    assert len(made) == 1
    authority = Authority(tmp_path)
    assert stat.S_IMODE((tmp_path / "tunnels" / "authority.pem").stat().st_mode) == 0o600
    authority.certificate.unlink()
    assert {authority.ensure().read_bytes()} == made
    (tmp_path / "tunnels" / "authority.pem").write_bytes(b"nonsense")
    with pytest.raises(LaunchFailed, match=r"authority\.pem") as broken:
        authority.ensure()
    assert "trusted anew" in broken.value.hint


def test_a_tunnel_is_called_by_the_permitted_names_and_trusted_by_nobody_else(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "web"))
    authority = Authority(folder_of(fleet))
    authority.permit(["box.test"])
    with opened(fleet, TunnelWish(port=8000, names=("box.test",))) as (server, _, _):
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(server.link.replace("box.test", "localhost"), timeout=60)  # noqa: S310 - an https link
        trusting = ssl.create_default_context(cafile=authority.certificate)
        port = int(server.link.rpartition(":")[2].partition("/")[0])
        for name in ("localhost", "127.0.0.1", "::1", "box.test"):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                trusting.wrap_socket(connection, server_hostname=name).close()


def read_made(authority: Authority, folder: Path) -> Issuer:
    """The authority, made, as a thief has it."""
    authority.ensure()
    return thief_of(folder)


def subject(name: str) -> x509.DNSName | x509.IPAddress:
    """Whom a verifier is to expect."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
