"""What a warm container is like, and how many are kept."""

import hashlib
from typing import Literal

from pydantic import Field

from devctl.records import Record

State = Literal["making", "ready", "claimed", "spoilt"]
Event = Literal["made", "failed", "unclean"]


class Shape(Record):
    """All that cannot be changed of a container once it is made: only equal shapes stand for each other."""

    kind: Literal["sandbox", "kept"]
    image: str
    """As it is asked for; which image that is now, `image_id` says."""
    image_id: str
    cpus: float
    memory_mb: int
    pids: int
    disk_mb: int
    network: str = "none"
    user: str = ""
    workdir: str = "/work"
    shm_mb: int | None = None
    place: str = ""
    """The devctl folder whose subfolders are bound into it; only programs that use that folder can claim it."""

    @property
    def key(self) -> str:
        """A short name for just this shape."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:20]


class Slot(Record):
    """One warm container."""

    name: str
    host: str
    key: str
    shape: Shape
    container: str | None = None
    paused: bool = False
    baseline: tuple[str, ...] = ()
    """What lay in its folders when it was new."""
    state: State
    why: str = ""
    claimed_by: str | None = None


class PoolRules(Record):
    """How many warm containers are kept, and how they are made."""

    minimum: int = Field(default=1, ge=0)
    """Of a shape that was asked for within the period."""
    maximum: int = Field(default=4, ge=1)
    """Of one shape."""
    total: int = Field(default=8, ge=1)
    """Of all shapes on one host."""
    at_once: int = Field(default=2, ge=1)
    """Made at the same time on one host."""
    period_seconds: float = Field(default=3600, gt=0)
    """How far back the demand is looked at."""
    burst_seconds: float = Field(default=60, gt=0)
    """As many are kept as were asked for in the busiest stretch of this length."""
    paused: bool = False
    """Whether they are frozen until they are claimed: none of their memory moves, and claiming takes a little longer."""


class Wanted(Record):
    """How many of a shape there should be, and are."""

    host: str
    key: str
    shape: Shape
    target: int
    ready: int
    making: int
    claims: int
    """Within the period."""
    hits: int


class WarmStock(Record):
    """What is kept warm."""

    shapes: tuple[Wanted, ...]
    containers: tuple[Slot, ...]
