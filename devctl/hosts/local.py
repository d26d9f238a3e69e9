"""The hosts of a machine that was told of no other: its own Docker engine, or its bubblewrap."""

import threading

from devctl.docker_engine import DEFAULT_ADDRESS
from devctl.errors import HostUnreachable, NoHost
from devctl.fleet.records import EnvironmentSpec, Host
from devctl.hosts.engine import HostEngine
from devctl.settings import DevctlSettings

LOCAL = "local"


class LocalHosts:
    """This machine alone."""

    def __init__(self, settings: DevctlSettings, home: str) -> None:
        self._settings = settings
        self._home = home
        self._engines: dict[str, HostEngine] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The one host."""
        return [LOCAL]

    def place(self, spec: EnvironmentSpec) -> str:
        """Choose it; raises NoHost where another one is asked for."""
        if spec.host not in (None, LOCAL):
            raise NoHost(f"no host is called {spec.host!r}", "`devctl hosts ls` lists them")
        self.engine(LOCAL)
        return LOCAL

    def engine(self, name: str) -> HostEngine:
        """Connect to it when it is first asked for; raises HostUnreachable."""
        if name != LOCAL:
            raise NoHost(f"no host is called {name!r}", "`devctl hosts ls` lists them")
        with self._lock:
            if name not in self._engines:
                self._engines[name] = self._open()
            return self._engines[name]

    def _open(self) -> HostEngine:
        from devctl.hosts.docker_host import DockerHost

        if self._settings.backend not in (None, "docker"):
            raise HostUnreachable("kept environments need Docker", "take --backend docker")
        return DockerHost(Host(name=LOCAL, address=self._settings.docker_host or DEFAULT_ADDRESS), self._home)

    def close(self) -> None:
        """Return connections."""
        for engine in self._engines.values():
            engine.close()
