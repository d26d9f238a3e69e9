"""Checks of a running program: requests that it must answer, and a load that it must bear."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

USERS = 100
"""The most users of a load test."""


class Part(BaseModel):
    """A frozen part that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SmokeRequest(Part):
    """One request and what must come back."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: str = Field(default="/", max_length=2000, description="begins with a slash")
    body: str = Field(default="", max_length=10_000, description="sent as JSON when it is not empty")
    status: int = Field(default=200, ge=100, le=599, description="the HTTP status that must come back")
    contains: str = Field(default="", max_length=1000, description="text that the answer must hold")

    @field_validator("path")
    @classmethod
    def _is_path(cls, path: str) -> str:
        if not re.fullmatch(r"/[!-~]*", path):
            raise ValueError("a path begins with a slash and has no spaces; write others percent-encoded")
        return path


class LoadTest(Part):
    """A Locust file and how hard it is run."""

    file: str = Field(min_length=1, description="path of the Locust file")
    users: int = Field(default=10, ge=1, le=USERS)
    spawn_rate: int = Field(default=5, ge=1, le=50, description="users started in a second")
    seconds: int = Field(default=20, ge=1, le=120)
    p95_ms: int | None = Field(default=None, ge=1, description="95 of 100 requests must be answered within it")

    @field_validator("file")
    @classmethod
    def _is_inside(cls, file: str) -> str:
        if file.startswith(("/", "-", "~")) or ".." in file.split("/") or not file.isprintable():
            raise ValueError("a relative path inside the repository")
        return file


class ServiceCheck(Part):
    """A server that is started in the environment, and what it is put to."""

    run: str = Field(min_length=1, max_length=500, description="command that starts the server in the foreground")
    port: int = Field(ge=1, le=65_535, description="port on which it then listens, on all addresses or 127.0.0.1")
    seconds: float = Field(default=30.0, gt=0, le=120, description="time in which it must listen")
    requests: tuple[SmokeRequest, ...] = Field(default=(SmokeRequest(),), max_length=50)
    load: LoadTest | None = Field(default=None, description="a load test with Locust, or null")

    @field_validator("run")
    @classmethod
    def _one_line(cls, run: str) -> str:
        if not run.strip() or not run.isprintable():
            raise ValueError("one line of printable text")
        return run
