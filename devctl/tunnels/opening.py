"""A tunnel is opened: the policy is asked, the row written, the certificate issued, and its server started."""

import errno
import hashlib
import secrets
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

from devctl.errors import LaunchFailed, PortTaken
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import User
from devctl.tunnels.authority import Authority
from devctl.tunnels.conversation import Patience
from devctl.tunnels.gate import TOKEN_BYTES, Gate, bracketed
from devctl.tunnels.programs import own_program
from devctl.tunnels.records import TunnelWish
from devctl.tunnels.rows import NewTunnel, TunnelRows
from devctl.tunnels.server import Doors, TunnelServer

_ALWAYS = ("localhost", "127.0.0.1", "::1")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


def open_tunnel(
    fleet: Fleet, folder: Path, user: User, name: str, wish: TunnelWish, patience: Patience | None = None
) -> TunnelServer:
    """Open a tunnel to a port of an environment; `folder` is devctl's, with the authority.

    It lives as long as somebody waits for it, at most its time. Raises NoSuchEnvironment, NotRunning, LaunchRefused
    (also beyond the tier's limit of open ones), PortTaken, SettingsInvalid for a name for which the authority may not
    sign, and LaunchFailed.
    """
    record = fleet.get(user, name)
    identity, token = f"t-{secrets.token_hex(5)}", secrets.token_urlsafe(TOKEN_BYTES)
    names = called_by(wish.host, wish.names)
    expires = datetime.now(UTC) + wish.ttl
    listener = _listening(wish)
    try:
        context = _issued(folder, names, expires)
        local = int(listener.getsockname()[1])
        address = f"https://{bracketed(_called(wish))}:{local}/"
        new = NewTunnel(
            id=identity, opened_by=user.name, port=wish.port, digest=hashlib.sha256(token.encode()).digest(),
            address=address, expires=expires, program=own_program(),
        )  # fmt: skip
        rows, activity = TunnelRows(fleet.parts.database), fleet.parts.activity
        rows.add(record, new, lambda opened: fleet.may_tunnel(user, record.id, wish.port, opened))
    except BaseException:
        listener.close()
        raise
    doors = Doors(
        dial=lambda: fleet.connect(user, record.id, wish.port),
        beat=lambda came, went: rows.beat(identity, came, went),
        note=lambda: activity.note(record.id, "tunnel"),
        end=lambda why: rows.end(identity, why),
    )
    gate = Gate(identity, token, names, local)
    server = TunnelServer(listener, context, gate, doors, wish.ttl.total_seconds(), patience)
    server.id, server.link = identity, f"{address}?token={token}"
    return server


def called_by(host: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names and addresses by which a tunnel is called that listens at `host`."""
    own = (socket.gethostname(),) if host in _EVERYWHERE else (host,)
    return tuple(dict.fromkeys(name.lower() for name in (*_ALWAYS, *own, *names)))


def _called(wish: TunnelWish) -> str:
    """The host in the link."""
    if wish.names:
        return wish.names[0]
    if wish.host in _EVERYWHERE:
        return socket.gethostname()
    return "localhost" if wish.host == "127.0.0.1" else wish.host


def _issued(folder: Path, names: tuple[str, ...], expires: datetime) -> ssl.SSLContext:
    try:
        return Authority(folder).server_context(names, expires)
    except ValueError as error:
        raise LaunchFailed(f"no certificate can be issued for {names}: {error}", "give names in ASCII") from error


def _listening(wish: TunnelWish) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in wish.host else socket.AF_INET
        return socket.create_server((wish.host, wish.local), family=family, backlog=128)
    except OSError as error:
        taken = error.errno in (errno.EADDRINUSE, errno.EACCES)
        words = f"{bracketed(wish.host)}:{wish.local} of this machine cannot be had: {error.strerror or error}"
        if taken:
            raise PortTaken(words, "name another port with --listen, or none: any that is free is taken") from error
        raise LaunchFailed(words, "listen on an address of this machine: --listen 127.0.0.1:0") from error
