"""The certificates of tunnels: an authority that may sign for its own names alone, and what it issues.

The key of the root is thrown away once it has signed the issuer: the limits stand in the issuer's certificate too, which
programs that do not look for limits in what they trust find there. The key that is kept can sign for nothing else.
"""

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devctl.errors import SettingsInvalid

YEARS = timedelta(days=3650)
EARLIER = timedelta(hours=1)
"""How far back certificates are valid, for clocks that are behind."""
LOOPBACK = ("localhost", "127.0.0.0/8", "::1/128")
"""What every authority may sign for."""
_DNS_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")

Key = ec.EllipticCurvePrivateKey


class Issuer(NamedTuple):
    """What signs the certificates of tunnels."""

    root: x509.Certificate
    """What people trust; nobody has its key."""
    certificate: x509.Certificate
    key: Key

    def pem(self) -> bytes:
        """All of it in one file, which is secret."""
        return private_pem(self.key) + b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, self.root))

    def permitted(self) -> tuple[str, ...]:
        """The names and networks that it may sign for."""
        found = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        return tuple(str(one.value) for one in found.permitted_subtrees or ())

    def permits(self, name: str) -> bool:
        """Whether it may sign for a name or an address."""
        return any(_is_within(name, limit) for limit in self.permitted())

    def issued(self, names: Sequence[str], until: datetime) -> tuple[Key, tuple[x509.Certificate, ...]]:
        """A new key, and its chain up to the root's, for a server that is called by these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        end = min(until + EARLIER, self.certificate.not_valid_after_utc)
        leaf = (
            _begun(_named("devctl tunnel"), key, self.certificate.subject, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
            .add_extension(_identifier_of(self.key), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return key, (leaf, self.certificate)


def new_issuer(names: Sequence[str]) -> Issuer:
    """A new authority for the loopback and these names, with all that ends in them; raises SettingsInvalid."""
    limits = x509.NameConstraints([_limit(name) for name in dict.fromkeys((*LOOPBACK, *names))], None)
    end = datetime.now(UTC) + YEARS
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _named("devctl tunnels of this machine"), _named("devctl tunnels of this machine, issuer")
    root = _authority(_begun(root_name, root_key, root_name, end), root_key, limits, 1).sign(root_key, hashes.SHA256())
    issuer = (
        _authority(_begun(name, key, root_name, end), key, limits, 0)
        .add_extension(_identifier_of(root_key), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return Issuer(root, issuer, key)


def read_issuer(pem: bytes) -> Issuer:
    """Read what `Issuer.pem` wrote; raises ValueError where it is none of devctl's, or is limited to nothing."""
    key = load_pem_private_key(pem, None)
    certificates = x509.load_pem_x509_certificates(pem)
    if not isinstance(key, Key) or len(certificates) != 2:
        raise ValueError("it is no authority of devctl's")
    issuer = Issuer(certificates[1], certificates[0], key)
    try:
        issuer.permitted()
    except x509.ExtensionNotFound as error:
        raise ValueError("it is not limited to names") from error
    return issuer


def private_pem(key: Key) -> bytes:
    """A key as files have it, without a password."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _begun(subject: x509.Name, key: Key, issuer: x509.Name, end: datetime) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), datetime.now(UTC) - EARLIER, end
    )


def _authority(
    begun: x509.CertificateBuilder, key: Key, limits: x509.NameConstraints, path_length: int
) -> x509.CertificateBuilder:
    return (
        begun.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(limits, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _identifier_of(signer: Key) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())


def _named(words: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _limit(name: str) -> x509.GeneralName:
    """A name, an address or a network as an authority is limited to it."""
    try:
        return x509.IPAddress(ipaddress.ip_network(name))
    except ValueError:
        if not _DNS_NAME.fullmatch(name.lower()):
            raise SettingsInvalid(
                f"{name!r} is no name and no address of a machine", "write it as box.example or 192.168.1.5"
            ) from None
        return x509.DNSName(name.lower())


def _is_within(name: str, limit: str) -> bool:
    try:
        network = ipaddress.ip_network(limit)
    except ValueError:
        return name.lower() == limit or name.lower().endswith(f".{limit}")
    try:
        return ipaddress.ip_address(name) in network
    except ValueError:
        return False


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
