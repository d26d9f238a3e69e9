"""What a role keeps somebody from, whatever the policy says."""

from devctl.errors import LaunchRefused
from devctl.fleet.records import User


def refuse_viewers(user: User) -> None:
    """Raise LaunchRefused for those who may look only."""
    if user.role == "viewer":
        raise LaunchRefused(
            f"{user.name} may look and not act: the role is viewer", ("viewers may not act",), "ask for the role user"
        )
