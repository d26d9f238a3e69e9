"""The hosts of a machine that was told of no other: its own Docker engine, or its bubblewrap."""

import threading
from pathlib import Path

from devctl.errors import HostUnreachable, NoSuchHost
from devctl.fleet.records import Host
from devctl.hosts.engine import HostEngine, HostFacts
from devctl.settings import DEFAULT_ADDRESS, DevctlSettings

LOCAL, BUBBLEWRAP = "local", "bubblewrap"


class LocalHosts:
    """This machine alone."""

    def __init__(self, settings: DevctlSettings, home: str) -> None:
        self._settings = settings
        self._home = home
        self._engines: dict[str, HostEngine] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Both, or the one that the settings allow."""
        allowed = {None: [LOCAL, BUBBLEWRAP], "docker": [LOCAL], "bubblewrap": [BUBBLEWRAP]}
        return allowed.get(self._settings.backend, [])

    def has_docker(self) -> bool:
        """Whether the Docker engine answers."""
        if LOCAL not in self.names():
            return False
        try:
            self.engine(LOCAL)
        except HostUnreachable:
            return False
        return True

    def describe(self, name: str) -> Host:
        """Say where one of them is; raises NoHost."""
        if name not in self.names():
            raise NoSuchHost(f"no host is called {name!r} here", "`devctl hosts ls` lists them; see --backend")
        if name == BUBBLEWRAP:
            return Host(name=BUBBLEWRAP, address="bubblewrap:")
        folder = self._settings.docker_tls.get("DOCKER_CERT_PATH")
        address = self._settings.docker_host or DEFAULT_ADDRESS
        return Host(name=LOCAL, address=address, tls=Path(folder) if folder else None)

    def facts(self, name: str) -> HostFacts | str:
        """What one of them has, or why nobody knows."""
        try:
            return self.engine(name).facts()
        except HostUnreachable as error:
            return error.message

    def engine(self, name: str) -> HostEngine:
        """Connect to it when it is first asked for; raises HostUnreachable."""
        host = self.describe(name)
        with self._lock:
            if name not in self._engines:
                self._engines[name] = self._open(host)
            return self._engines[name]

    def _open(self, host: Host) -> HostEngine:
        if host.name == BUBBLEWRAP:
            from devctl.hosts.bubblewrap_host import BubblewrapHost

            return BubblewrapHost(self._settings, self._home)
        from devctl.hosts.docker_host import DockerHost

        return DockerHost(host, self._home, notes=self._settings.folder / "laid-out")

    def close(self) -> None:
        """Return connections."""
        for engine in self._engines.values():
            engine.close()
