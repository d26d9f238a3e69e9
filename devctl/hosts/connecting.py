"""Connections to the hosts that were added: one engine for each, and the way to it where it is another machine's."""

import threading
from typing import TYPE_CHECKING, NamedTuple

from devctl.fleet.records import Host
from devctl.hosts.engine import HostEngine
from devctl.hosts.guarding import guarded
from devctl.hosts.registry import HostRegistry
from devctl.settings import DevctlSettings

if TYPE_CHECKING:
    from devctl.hosts.ssh_forward import SshForward
    from devctl.hosts.tls_forward import TlsForward


class _Connected(NamedTuple):
    host: Host
    """As it was when it was connected to."""
    engine: HostEngine
    forward: "SshForward | TlsForward | None"

    def fits(self, host: Host) -> bool:
        """Whether a host is still where it was."""
        fixed = {"address": host.address, "tls": host.tls, "seconds": host.seconds}
        return self.host.model_copy(update=fixed) == self.host


class HostConnections:
    """Connects to a host when it is first asked for; safe to share between threads."""

    def __init__(self, settings: DevctlSettings, home: str, registry: HostRegistry) -> None:
        self._settings, self._home, self._registry = settings, home, registry
        self._lock = threading.Lock()
        self._known: dict[str, _Connected] = {}

    def to(self, host: Host) -> HostEngine:
        """The engine of a host; raises HostUnreachable."""
        with self._lock:
            known = self._known.get(host.name)
        if known is not None and known.fits(host):
            if known.forward is not None:
                known.forward.ensure()
            return known.engine
        opened = self._opened(host)
        with self._lock:
            known = self._known.get(host.name)
            if known is None or not known.fits(host):
                self._known[host.name] = opened
                return opened.engine
        opened.engine.close()  # another thread was quicker, and with this one's forward its engine would be lost
        return known.engine

    def forget(self, name: str) -> None:
        """End the connection to a host that was removed; one of its name is connected to anew."""
        with self._lock:
            known = self._known.pop(name, None)
        if known is not None:
            known.engine.close()
            if known.forward is not None:
                known.forward.close()

    def close(self) -> None:
        """Return connections; those over SSH stay for other programs, until they have been idle for a while."""
        with self._lock:
            known, self._known = self._known, {}
        for one in known.values():
            one.engine.close()

    def _opened(self, host: Host) -> _Connected:
        from devctl.hosts.docker_host import DockerHost

        forward = self._way_to(host)
        where = host if forward is None else host.model_copy(update={"address": forward.address, "tls": None})
        local = host.address.startswith("unix:")
        engine = guarded(DockerHost(where, self._home, local, self._settings.folder / "laid-out"), self._registry)
        return _Connected(host, engine, forward)

    def _way_to(self, host: Host) -> "SshForward | TlsForward | None":
        """What leads to another machine's engine; None for one that is reached from here."""
        if host.address.startswith("ssh:"):
            from devctl.hosts.ssh_forward import SshForward

            ssh = SshForward(host, self._settings.ssh_config, self._settings.git_env)
            ssh.ensure()
            return ssh
        if host.address.startswith("tcp:"):
            from devctl.hosts.tls_forward import TlsForward

            return TlsForward(host)
        return None
