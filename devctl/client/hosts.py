"""The hosts of the service, for its admins."""

import builtins
from collections.abc import Sequence

from devctl.client.operations import RemoteOperations
from devctl.client.wire import LONG_SECONDS, Wire, place
from devctl.fleet.records import Host
from devctl.hosts.images import Fetched
from devctl.hosts.registry import HostState
from devctl.serve.oversight_records import HostWish


class RemoteHosts:
    """The machines on which environments run; each method raises LaunchRefused for those who are no admins."""

    def __init__(self, wire: Wire, operations: RemoteOperations) -> None:
        self._wire, self._operations = wire, operations

    def list(self, measure: bool = False) -> builtins.list[HostState]:
        """Those that were added, by name; measured now, or as they last answered."""
        path = place("hosts", measure=measure or None)
        return [HostState.model_validate(one) for one in self._wire.json("GET", path, seconds=LONG_SECONDS)["items"]]

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

    def prefetch(self, images: Sequence[str] | None = None) -> builtins.list[Fetched]:
        """Fetch images to every host: these, or those of late use."""
        wish = {"images": None if images is None else builtins.list(images)}
        found = self._operations.run(place("hosts", "prefetch"), wish, None)
        return [Fetched.model_validate(one) for one in found]
