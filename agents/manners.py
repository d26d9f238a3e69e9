"""The manners of a repository: what its own roadcrew.toml asks of the team, read from the base commit.

The file of the default branch speaks for the people who may merge there. It can ask for more care than the
settings of whoever runs the team, never for less.
"""

from __future__ import annotations

import tomllib

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.mirror import Mirror

FILE_NAME = "roadcrew.toml"


class Manners(BaseModel):
    """What a repository asks of the team."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    approve_plan: bool = False
    """Whether a person approves the plan before work starts."""
    research: bool = True
    """Whether the Researcher may ask outside sources about this repository."""
    rounds: int | None = Field(default=None, ge=1, le=10)
    """Rounds of work, test and review before a person is asked, where fewer than the settings allow."""


def manners_at(mirror: Mirror, commit: str) -> tuple[Manners, str]:
    """Return the manners of a commit, and what is wrong with its file in words; empty when nothing is."""
    if not any(entry.path == FILE_NAME for entry in mirror.files(commit)):
        return Manners(), ""
    try:
        content = tomllib.loads(mirror.read(commit, FILE_NAME).decode())
        return Manners.model_validate(content.get("team", {})), ""
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        return Manners(), f"{FILE_NAME} is not TOML and is not heeded: {fault}"
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return Manners(), f"[team] {place} of {FILE_NAME} cannot be used and is not heeded: {first['msg'].lower()}"
