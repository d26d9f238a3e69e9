"""Tunnels that the service opens, lists and closes."""

from devctl.client.wire import Wire, place
from devctl.tunnels.records import OpenTunnel


class RemoteTunnels:
    """HTTPS links to ports of environments; they live and die with the service."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def open(self, name: str, port: int, seconds: float = 8 * 3600) -> OpenTunnel:
        """Open a link to a port inside, for so long; whoever has the link, gets in."""
        wish = {"port": port, "seconds": seconds}
        return OpenTunnel.model_validate(self._wire.json("POST", place("environments", name, "tunnels"), wish))

    def list(self, *, all_users: bool = False, ended: bool = False) -> list[OpenTunnel]:
        """Those to the caller's environments, or all for an admin; with `ended` also those of a day ago, with why."""
        found = self._wire.json("GET", place("tunnels", all_users=all_users, ended=ended))
        return [OpenTunnel.model_validate(one) for one in found["items"]]

    def get(self, identity: str) -> OpenTunnel:
        """One of them, also when it was closed."""
        return OpenTunnel.model_validate(self._wire.json("GET", place("tunnels", identity)))

    def close(self, identity: str) -> None:
        """Close one with all its connections."""
        self._wire.json("DELETE", place("tunnels", identity))

    def authority(self) -> str:
        """The certificate that programs are to trust for the links, in PEM: `ssl.create_default_context(cadata=…)`."""
        return str(self._wire.json("GET", place("tunnel-authority"))["certificate"])
