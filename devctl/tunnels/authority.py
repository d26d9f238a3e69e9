"""The certificate authority of one devctl folder, made once, and the certificates that it issues to tunnels."""

import contextlib
import fcntl
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from devctl.errors import LaunchFailed

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_YEARS = timedelta(days=3650)
_EARLIER = timedelta(hours=1)
"""How far back certificates are valid, for clocks that are behind."""


class Authority:
    """The authority in `folder`/tunnels: ca.pem may be shown to everybody, ca-key.pem is its user's alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tunnels"
        self.certificate = self._folder / "ca.pem"
        """What browsers and programs are to trust."""
        self._key = self._folder / "ca-key.pem"

    def ensure(self) -> Path:
        """Make the authority where there is none, once however many ask; returns the path of its certificate."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _locked(self._folder / "lock"):
                if not (self.certificate.is_file() and self._key.is_file()):
                    self._make()
        except OSError as error:
            raise LaunchFailed(
                f"the authority in {self._folder} cannot be made: {error}", "see that the folder may be written"
            ) from error
        return self.certificate

    def server_context(self, names: Sequence[str], until: datetime) -> ssl.SSLContext:
        """The context of a server that is called by any of `names`, with a certificate of its own until then."""
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        self.ensure()
        try:
            ca = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            signer = load_pem_private_key(self._key.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise LaunchFailed(
                f"the authority in {self._folder} cannot be read: {error}",
                "remove ca.pem and ca-key.pem there: a new one is made, which is to be trusted anew",
            ) from error
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise LaunchFailed(f"{self._key} is no key of devctl's", "remove it together with ca.pem")
        key = ec.generate_private_key(ec.SECP256R1())
        return _context(_issued(names, key, ca, signer, until), key, ca)

    def _make(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding

        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _self_signed(key)
        _write(self._key, _private(key), 0o600)
        _write(self.certificate, certificate.public_bytes(Encoding.PEM), 0o644)


def _self_signed(key: "EllipticCurvePrivateKey") -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    subject = _named("devctl tunnels of this machine")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def _issued(
    names: Sequence[str], key: "EllipticCurvePrivateKey", ca: "x509.Certificate", signer: "EllipticCurvePrivateKey",
    until: datetime,
) -> "x509.Certificate":  # fmt: skip
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder(ca.subject, _named("devctl tunnel"), key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - _EARLIER)
        .not_valid_after(min(until + _EARLIER, ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(identifier, critical=False)
        .sign(signer, hashes.SHA256())
    )


def _named(words: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def _alternative(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(signs: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _context(certificate: "x509.Certificate", key: "EllipticCurvePrivateKey", ca: "x509.Certificate") -> ssl.SSLContext:
    from cryptography.hazmat.primitives.serialization import Encoding

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.TemporaryDirectory(prefix="devctl-tunnel-") as folder:  # ssl takes keys from files alone
        file = Path(folder) / "server.pem"
        chain = b"".join(one.public_bytes(Encoding.PEM) for one in (certificate, ca))
        _write(file, _private(key) + chain, 0o600)
        context.load_cert_chain(file)
    return context


def _private(key: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes, mode: int) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
