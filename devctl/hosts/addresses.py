"""Addresses of hosts, as people write them."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from devctl.errors import SettingsInvalid
from devctl.fleet.records import Host


def checked_host(
    name: str, address: str, tls: Path | None, most: int | None, labels: dict[str, str], seconds: int
) -> Host:
    """A host to be added; raises SettingsInvalid for an address that cannot be one, or that would be open to all.

    A host name that begins with a dash would be taken for an option of ssh.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise SettingsInvalid(
            f"{address!r} is no address: {error}", "write ssh://user@machine, tcp://machine:2376 or unix:///path"
        ) from error
    if parts.scheme not in ("ssh", "tcp", "unix"):
        raise SettingsInvalid(
            f"{address!r} is no address of a host", "write ssh://user@machine, tcp://machine:2376 or unix:///path"
        )
    if parts.scheme == "unix" and not parts.path.startswith("/"):
        raise SettingsInvalid(f"{address!r} names no socket", "write unix:///path/of/the.sock")
    if parts.scheme != "unix" and (not parts.hostname or parts.hostname.startswith("-") or parts.password):
        raise SettingsInvalid(
            f"{address!r} names no machine, or holds a password", "write ssh://user@machine, with a key"
        )
    if parts.username and parts.username.startswith("-"):
        raise SettingsInvalid(f"{address!r} names no user", "write ssh://user@machine")
    if parts.scheme == "tcp" and (tls is None or port is None):
        raise SettingsInvalid(
            f"{address!r} needs a port and client certificates: without them the engine is open to all",
            "give --tls FOLDER with ca.pem, cert.pem and key.pem",
        )
    try:
        return Host(
            name=name, address=address, tls=None if tls is None else tls.absolute(), max_environments=most,
            labels=labels, seconds=seconds,
        )  # fmt: skip
    except ValidationError as error:
        raise SettingsInvalid(f"{name!r} cannot be a host's name", "take small letters, digits and dashes") from error
