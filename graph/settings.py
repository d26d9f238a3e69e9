"""Where the roadmap is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class GraphSettings(BaseModel):
    """One way into a Bolt server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    user: str
    password: str
    database: str | None = None
    read_only: bool = False
    """Ask in READ mode; the embedded server ignores that mode, so its reader has a user of its own besides."""
