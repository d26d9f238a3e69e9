"""What the reaper knows of an environment, what it goes by, and what it says."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from devctl.fleet.records import ActivityKind, Phase
from devctl.records import Record

KEEP_LABEL = "keep-alive"


class ReaperRules(Record):
    """When an environment counts as idle."""

    idle_seconds: float = Field(default=4 * 3600, gt=0)
    """How long nobody must have used it and it must have done next to nothing."""
    pass_seconds: float = Field(default=1800, gt=0)
    """From one look at all environments to the next."""
    cpu_percent: float = Field(default=2.0, gt=0)
    """Mean processor time from which on it is at work; 100 is one core."""
    audit_days: float = Field(default=90, gt=0)
    """How long lines of the audit are kept."""

    @property
    def idle(self) -> timedelta:
        """`idle_seconds` as a length of time."""
        return timedelta(seconds=self.idle_seconds)

    @property
    def gap(self) -> timedelta:
        """Longest time between two samples that still belong together: beyond it, nobody was there to look."""
        return timedelta(seconds=2 * self.pass_seconds + 60)


class Use(Record):
    """The last use of one kind."""

    kind: ActivityKind
    at: datetime
    open: int = 0
    """Sessions that were written down as open and not yet as closed."""


class Sample(Record):
    """The cumulative processor time of a container, in one moment."""

    at: datetime
    started: datetime
    """When the container started; another one than before says that the counter began anew."""
    cpu_seconds: float


class Situation(Record):
    """All that decides whether an environment is idle."""

    phase: Phase
    since: datetime | None = None
    """When it was started, or launched."""
    label: str | None = None
    """The value of its label `keep-alive`."""
    keep_until: datetime | None = None
    away: str = ""
    """Why its host cannot be asked; empty when it answered."""
    uses: tuple[Use, ...] = ()
    sessions: tuple[str, ...] | None = None
    """Commands that run in it at this moment, such as an editor's server; None where the host cannot tell."""
    samples: tuple[Sample, ...] = ()
    """Oldest first; the last one is of this moment."""


Reason = Literal[
    "not running", "host away", "kept", "attached", "used", "unobserved", "busy", "idle",
]  # fmt: skip


class Verdict(Record):
    """Whether an environment is idle, and exactly why or why not."""

    reap: bool
    reason: Reason
    words: str
    """The reason as a person reads it, with its numbers."""
    due: datetime | None = None
    """The earliest moment at which it would be idle if nothing happens from now on; None: not as things are."""
    last_use: datetime | None = None
    cpu_percent: float | None = None
    """At most so much, on the mean over the idle time."""
    observed_since: datetime | None = None
    """From when on the samples are without a gap."""


class Explanation(Record):
    """Why an environment was or was not stopped as idle."""

    name: str
    phase: Phase
    why: str
    """What was last written down about its phase."""
    verdict: Verdict
    next_pass: datetime | None
    """None where nobody has looked yet."""
    rules: ReaperRules
