"""The team's settings: caps, rounds and manners; read once by the command and passed down."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Caps(BaseModel):
    """What one turn, one task and one feature may use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = 60
    """Model calls of one turn."""
    seconds: float = 1800.0
    """Wall-clock time of one turn."""
    task_tokens: int = 2_000_000
    """Tokens of one task, all rounds and roles together."""
    feature_tokens: int = 10_000_000
    """Tokens of one feature, its tasks included."""
    feature_cost_usd: float | None = None
    """Money for one feature in US dollars, None for no cap; unknown prices count as nothing."""


class CrewSettings(BaseModel):
    """How the team works."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    """Where this process keeps mirrors and clones; need not be shared."""
    holder: str
    """This worker's name in leases, for people to read."""
    caps: Caps = Caps()
    rounds: int = 3
    """Rounds of work, test and review before a person is asked."""
    coder_seat: Literal["own", "opencode"] = "own"
    """Who codes: our own loop, or the opencode program."""
    opencode: Path | None = None
    """The opencode program; None looks for it on PATH."""
    command_seconds: float = 120.0
    """Time for one command of a role."""
    build_seconds: float = 600.0
    """Time for a command that builds or installs something for the first time in its environment."""
    suite_seconds: float = 900.0
    """Time for one run of a test suite."""
    approve_plan: bool = False
    """Whether a person approves the plan before work starts."""
    merge: Literal["auto", "never"] = "auto"
    """Whether the Integrator merges when approval and checks are there."""
    merge_method: Literal["merge", "squash", "rebase"] = "merge"
    label: str = "roadcrew"
    """The label that hands an issue to the team."""
