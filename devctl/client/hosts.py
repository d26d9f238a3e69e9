"""The hosts of the service, for its admins."""

from devctl.client.wire import LONG_SECONDS, Wire, place
from devctl.fleet.records import Host
from devctl.hosts.registry import HostState
from devctl.serve.oversight_records import HostWish


class RemoteHosts:
    """The machines on which environments run; each method raises LaunchRefused for those who are no admins."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list(self) -> list[HostState]:
        """Those that were added, as they last answered."""
        return [HostState.model_validate(one) for one in self._wire.json("GET", place("hosts"))["items"]]

    def add(self, wish: HostWish) -> HostState:
        """Have the service connect to a host, measure it and use it; paths are those of the service's machine."""
        given = wish.model_dump(mode="json")
        return HostState.model_validate(self._wire.json("POST", place("hosts"), given, seconds=LONG_SECONDS))

    def drain(self, name: str, draining: bool = True) -> Host:
        """Have a host take nothing new, or take environments again."""
        return Host.model_validate(self._wire.json("POST", place("hosts", name, "drain" if draining else "undrain")))

    def remove(self, name: str, force: bool = False) -> None:
        """Forget a host; with `force` also with environments on it, which are lost to devctl."""
        self._wire.json("DELETE", place("hosts", name, force=force))
