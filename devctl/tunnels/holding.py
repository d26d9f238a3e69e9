"""The tunnels that a program serves beside its other work: they live and die with it."""

import contextlib
import logging
import threading
from pathlib import Path

from devctl.errors import ServiceBusy
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import User
from devctl.fleet.roles import refuse_viewers
from devctl.tunnels.opening import open_tunnel
from devctl.tunnels.records import OpenTunnel, Tunnel, TunnelWish
from devctl.tunnels.rows import TunnelRows
from devctl.tunnels.server import TunnelServer

log = logging.getLogger(__name__)

_JOIN_SECONDS = 5.0


class HeldTunnels:
    """Opens, shows and closes tunnels; safe to share between threads; `stop` closes all that are held."""

    def __init__(self, fleet: Fleet, folder: Path, most: int = 64) -> None:
        """`folder` is devctl's, with the authority; no more than `most` are held at once."""
        self._fleet, self._folder = fleet, folder
        self._rows = TunnelRows(fleet.parts.database)
        self._places = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._stopping = False

    def open(self, user: User, name: str, wish: TunnelWish) -> OpenTunnel:
        """Open a tunnel; its link is shown to this user again. Raises what `open_tunnel` does, and ServiceBusy."""
        if not self._places.acquire(blocking=False):
            raise ServiceBusy("as many tunnels are open as this program serves", "close some, or try again later")
        try:
            held = _Held(open_tunnel(self._fleet, self._folder, user, name, wish), user)
        except BaseException:
            self._places.release()
            raise
        thread = threading.Thread(target=self._wait, args=(held,), name=held.server.id, daemon=True)
        with self._lock:  # `stop` waits for each thread that it finds, so each has begun by then
            thread.start()
            held.thread = thread
            self._held[held.server.id] = held
            stopping = self._stopping
        if stopping:
            held.server.close("the service ended")
            raise ServiceBusy("the service is about to end", "try again when it is back")
        log.info("opened the tunnel %s to port %s in %s for %s", held.server.id, wish.port, name, user.name)
        return self.shown(self._rows.find(user, held.server.id), user)

    def shown(self, tunnel: Tunnel, user: User | None) -> OpenTunnel:
        """A tunnel with its link, if it is held here and this user opened it and may act."""
        with self._lock:
            held = self._held.get(tunnel.id)
        theirs = held is not None and user is not None and held.user.name == user.name and user.role != "viewer"
        link = held.server.link if held is not None and theirs and tunnel.closed is None else ""
        return OpenTunnel.model_validate({**tunnel.model_dump(), "link": link})

    def listed(self, user: User, everybody: bool = False, ended: bool = False) -> tuple[OpenTunnel, ...]:
        """The open tunnels to a user's environments, whoever serves them; see TunnelRows."""
        return tuple(self.shown(one, user) for one in self._rows.listed(user, everybody, ended))

    def find(self, user: User, identity: str) -> OpenTunnel:
        """A tunnel to one of the user's environments; raises NoSuchResource."""
        return self.shown(self._rows.find(user, identity), user)

    def close(self, user: User, identity: str) -> None:
        """Close a tunnel, at once if it is held here; raises NoSuchResource, and LaunchRefused for a viewer."""
        close_tunnel(self._fleet, user, identity)
        with self._lock:
            held = self._held.get(identity)
        if held is not None:
            held.server.close(f"closed by {user.name}")

    @property
    def count(self) -> int:
        """How many are held."""
        with self._lock:
            return len(self._held)

    def stop(self, why: str = "the service ended") -> None:
        """Open nothing more, and close all that are held; safe to repeat."""
        with self._lock:
            self._stopping = True
            held = list(self._held.values())
        for one in held:
            one.server.close(why)
        for one in held:
            if one.thread is not None:
                one.thread.join(_JOIN_SECONDS)

    def _wait(self, held: "_Held") -> None:
        try:
            with contextlib.closing(held.server):
                why = held.server.wait()
            log.info("the tunnel %s was closed: %s", held.server.id, why)
        finally:
            with self._lock:
                self._held.pop(held.server.id, None)
            self._places.release()


class _Held:
    """A tunnel, who opened it, and the thread that waits for its end."""

    def __init__(self, server: TunnelServer, user: User) -> None:
        self.server, self.user = server, user
        self.thread: threading.Thread | None = None


def close_tunnel(fleet: Fleet, user: User, identity: str) -> None:
    """Close a tunnel, wherever on this installation it runs, and write down who did.

    Raises NoSuchResource, and LaunchRefused for a viewer.
    """
    refuse_viewers(user)
    rows = TunnelRows(fleet.parts.database)
    tunnel = rows.find(user, identity)
    rows.close(user, identity)
    fleet.parts.admission.audit(user, "tunnel", tunnel.environment, True, (), {"closed": identity})
