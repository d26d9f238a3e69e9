"""The keys of one environment: one for the person, one for its server; made for it and removed with it."""

import os
import shutil
from pathlib import Path

from devctl.editors.addresses import alias
from devctl.records import Record
from devctl.settings import DevctlSettings


class Keys(Record):
    """Files below devctl's folder."""

    folder: Path

    @property
    def client(self) -> Path:
        """The person's private key."""
        return self.folder / "client"

    @property
    def host(self) -> Path:
        """The server's private key."""
        return self.folder / "host"

    @property
    def known_hosts(self) -> Path:
        """What ssh compares the server's key with."""
        return self.folder / "known_hosts"

    def public(self) -> str:
        """The person's public key, as one line."""
        return self.client.with_suffix(".pub").read_text(encoding="ascii").strip()


def keys_of(settings: DevctlSettings, identity: str, name: str) -> Keys:
    """The keys of an environment, made when they are first wanted."""
    keys = Keys(folder=settings.folder / "ssh" / identity)
    if keys.known_hosts.is_file():
        return keys
    keys.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_pair(keys.client, f"devctl {name}")
    public = _write_pair(keys.host, f"devctl {name} host")
    _write(keys.known_hosts, f"{alias(name)} {' '.join(public.split()[:2])}\n", 0o600)
    return keys


def forget_keys(settings: DevctlSettings, identity: str) -> None:
    """Remove the keys of an environment that is no more; safe to repeat."""
    shutil.rmtree(settings.folder / "ssh" / identity, ignore_errors=True)


def _write_pair(path: Path, comment: str) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    _write(path, private, 0o600)
    _write(path.with_suffix(".pub"), f"{public} {comment}\n", 0o644)
    return public


def _write(path: Path, text: str, mode: int) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:
        file.write(text)
