"""A way to the Docker engine that can be cut, as the way to a host is."""

from functools import partial
from pathlib import Path

from devctl.relays import Relay
from devctl.unix_sockets import connect_unix, listen_unix

ENGINE = Path("/var/run/docker.sock")


class EngineRelay:
    """Passes connections on to the engine's socket, until it is cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._relay: Relay | None = None
        self.join()

    @property
    def address(self) -> str:
        """The address of this way."""
        return f"unix://{self.path}"

    def join(self) -> None:
        """Let connections through again."""
        self._relay = Relay(listen_unix(self.path), partial(connect_unix, ENGINE), "engine")

    def cut(self) -> None:
        """End all connections and let none through."""
        if self._relay is not None:
            self._relay.close()
            self.path.unlink()
            self._relay = None
