"""The plain ways out: none at all, or the engine's own bridge."""

from devctl.errors import LaunchFailed
from devctl.fleet.records import EnvironmentRecord
from devctl.hosts.engine import HostEngine, NetworkPlan


class PlainEgress:
    """Knows `none` and `open`; an allow-list takes a proxy."""

    def plan(self, record: EnvironmentRecord, host: HostEngine) -> NetworkPlan:
        """Name the network; raises LaunchFailed for an allow-list."""
        if record.spec.egress.mode == "allow":
            raise LaunchFailed("an egress by domains is not served here", "take --egress none or open")
        return NetworkPlan(network="none" if record.spec.egress.mode == "none" else "bridge")

    def release(self, record: EnvironmentRecord, host: HostEngine) -> None:
        """Nothing was made."""
