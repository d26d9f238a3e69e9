"""The hosts of a machine that was told of no other: its own Docker engine, or its bubblewrap."""

import threading

from devctl.docker_engine import DEFAULT_ADDRESS
from devctl.errors import HostUnreachable, LaunchFailed, NoHost
from devctl.fleet.records import EnvironmentSpec, Host
from devctl.hosts.engine import HOST_IMAGE, HostEngine
from devctl.settings import DevctlSettings

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

    def place(self, spec: EnvironmentSpec) -> str:
        """Choose Docker, but bubblewrap for this machine's own system; raises NoHost and HostUnreachable."""
        inside = spec.image == HOST_IMAGE or spec.image.startswith(f"{HOST_IMAGE}:")
        chosen = spec.host or (BUBBLEWRAP if inside else LOCAL)
        if chosen not in self.names():
            raise NoHost(
                f"no host is called {chosen!r}" if spec.host else f"the image {spec.image!r} needs another backend",
                f"there is {' and '.join(self.names()) or 'none'}; see --backend",
            )
        if inside != (chosen == BUBBLEWRAP):
            raise LaunchFailed(
                f"the image {spec.image!r} cannot be run on {chosen}",
                f"bubblewrap runs the image {HOST_IMAGE!r} alone, and nothing else does",
            )
        self.engine(chosen)
        return chosen

    def engine(self, name: str) -> HostEngine:
        """Connect to it when it is first asked for; raises HostUnreachable."""
        if name not in self.names():
            raise NoHost(f"no host is called {name!r} here", "`devctl hosts ls` lists them; see --backend")
        with self._lock:
            if name not in self._engines:
                self._engines[name] = self._open(name)
            return self._engines[name]

    def _open(self, name: str) -> HostEngine:
        if name == BUBBLEWRAP:
            from devctl.hosts.bubblewrap_host import BubblewrapHost

            return BubblewrapHost(self._settings, self._home)
        from devctl.hosts.docker_host import DockerHost

        return DockerHost(Host(name=LOCAL, address=self._settings.docker_host or DEFAULT_ADDRESS), self._home)

    def close(self) -> None:
        """Return connections."""
        for engine in self._engines.values():
            engine.close()
