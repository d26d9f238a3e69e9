"""The backend of a process that makes no environments, such as one that only hears webhooks and runs the flow."""

from typing import Never

from devctl.errors import SandboxUnavailable
from devctl.launcher import Launcher
from devctl.records import EnvironmentInfo, LaunchRequest, PrepareRequest


class AbsentBackend:
    """Refuses to make environments and knows of none."""

    name = "absent"

    def prepare(self, request: PrepareRequest) -> Never:
        """Raise SandboxUnavailable."""
        raise _absent()

    def launch(self, request: LaunchRequest) -> Never:
        """Raise SandboxUnavailable."""
        raise _absent()

    def running(self) -> list[EnvironmentInfo]:
        """Return nothing."""
        return []

    def remove(self, name: str) -> None:
        """Raise SandboxUnavailable."""
        raise _absent()

    def reap(self) -> list[str]:
        """Return nothing."""
        return []

    def prune(self) -> list[str]:
        """Return nothing."""
        return []


def without_environments() -> Launcher:
    """Return a launcher for a process that must work where no sandbox does."""
    return Launcher(AbsentBackend(), None)


def _absent() -> SandboxUnavailable:
    return SandboxUnavailable(
        "this process makes no environments", "start a worker that serves the roles: roadcrew worker"
    )
