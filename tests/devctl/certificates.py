"""Certificates issued on the spot: an authority, a server and a client."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey


def write_certificates(folder: Path) -> None:
    """Write ca.pem, the client's cert.pem and key.pem, and the server's server.pem and server-key.pem."""
    folder.mkdir(mode=0o700)
    authority = ec.generate_private_key(ec.SECP256R1())
    ca = _issue("authority", authority, None, authority, None)
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    for name, file, use in (
        ("server", "server", ExtendedKeyUsageOID.SERVER_AUTH),
        ("client", "cert", ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        issued = _issue(name, key, ca, authority, use)
        (folder / f"{file}.pem").write_bytes(issued.public_bytes(serialization.Encoding.PEM))
        key_file = folder / ("key.pem" if name == "client" else "server-key.pem")
        key_file.touch(mode=0o600)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def _issue(
    name: str, key: Key, ca: x509.Certificate | None, signer: Key, use: x509.ObjectIdentifier | None
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"devctl tests {name}")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if ca is None else ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=6))
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=None), critical=True)
    )
    if use is not None:
        addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(addresses), critical=False)
    return builder.sign(signer, hashes.SHA256())
