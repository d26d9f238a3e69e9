"""Tunnels and hosts of one user, with the fleet in this process."""

import builtins
from collections.abc import Sequence

from devctl.errors import LaunchRefused, NoHost
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import Host, User
from devctl.hosts.addresses import checked_host
from devctl.hosts.images import Fetched
from devctl.hosts.pool import Hosts
from devctl.hosts.registry import HostState
from devctl.serve.oversight_records import HostWish
from devctl.settings import DevctlSettings
from devctl.tunnels import Trust, Tunnel, TunnelRows, TunnelServer, TunnelWish, close_tunnel, open_tunnel


class LocalTunnels:
    """Links that this process serves, and those of all programs of this installation."""

    def __init__(self, fleet: Fleet, user: User, settings: DevctlSettings) -> None:
        self._fleet, self._user, self._settings = fleet, user, settings

    def hold(self, name: str, wish: TunnelWish) -> TunnelServer:
        """Serve a link from this process."""
        return open_tunnel(self._fleet, self._settings.folder, self._user, name, wish)

    def list(self, *, all_users: bool = False) -> builtins.list[Tunnel]:
        """Those that are open; their links are known to the programs that serve them alone."""
        return TunnelRows(self._fleet.parts.database).listed(self._user, all_users)

    def close(self, identity: str) -> None:
        """Close one, wherever on this installation it runs."""
        close_tunnel(self._fleet, self._user, identity)

    def trust(self, names: Sequence[str] = ()) -> Trust:
        """The authority of this machine's folder."""
        from devctl.tunnels.authority import Authority

        found = Authority(self._settings.folder)
        new = bool(names) and found.permit(names)
        return Trust(certificate=found.ensure(), permitted=found.permitted(), new=new)


class LocalMachines:
    """The hosts of this installation."""

    def __init__(self, fleet: Fleet, user: User) -> None:
        """Raises LaunchRefused for those who are no admins."""
        if user.role != "admin":
            raise LaunchRefused(
                f"{user.name} may not change or list hosts", ("hosts are for admins",), "ask the machine's owner"
            )
        hosts = fleet.parts.hosts
        if not isinstance(hosts, Hosts):
            raise NoHost("this fleet has no list of hosts", "open it with open_fleet")
        self._hosts = hosts

    def list(self, measure: bool = False) -> builtins.list[HostState]:
        """Those that were added."""
        return self._hosts.states(measure)

    def add(self, wish: HostWish) -> HostState:
        """Connect to a host, measure it and use it."""
        host = checked_host(wish.name, wish.address, wish.tls, wish.max_environments, wish.labels, wish.seconds)
        return HostState(host=host, facts=self._hosts.add(host), age=0.0)

    def drain(self, name: str, draining: bool = True) -> Host:
        """Have a host take nothing new, or take environments again."""
        self._hosts.registry.drain(name, draining)
        return self._hosts.describe(name)

    def remove(self, name: str, force: bool = False) -> None:
        """Forget a host."""
        self._hosts.remove(name, force)

    def prefetch(self, images: Sequence[str] | None = None) -> builtins.list[Fetched]:
        """Fetch images to every host."""
        return self._hosts.prefetch(images)
