"""What is asked for and found when a machine is looked after."""

from pydantic import Field

from devctl.backend import Usability
from devctl.records import Record

OLDEST_DAYS, MOST_MB = 36_500.0, 1e9


class ReapWish(Record):
    """How idle environments are looked for."""

    dry_run: bool = False
    """Stop nothing, and say what would be stopped."""


class SweepWish(Record):
    """What of builds is kept."""

    days: float = Field(default=14.0, ge=0, le=OLDEST_DAYS)
    """What is older goes."""
    max_mb: float = Field(default=10_240.0, ge=0, le=MOST_MB)
    """No more is kept."""


class SmokeWish(Record):
    """How GPUs are tried."""

    image: str | None = Field(default=None, min_length=1, max_length=512)
    """Of the container that is launched; None takes the ordinary one."""


class Backends(Record):
    """Which backends work."""

    items: tuple[Usability, ...]

    @property
    def usable(self) -> bool:
        """Whether one that is a sandbox does."""
        return any(one.usable for one in self.items if one.backend != "none")


class Tidied(Record):
    """What was tidied up."""

    removed: tuple[str, ...]
    """Sandboxes of dead programs, and cached dependencies that no environment uses."""
    reconciled: tuple[str, ...]
    """What crashes left of kept environments, in words."""


class Removed(Record):
    """What was removed, in words."""

    removed: tuple[str, ...]
