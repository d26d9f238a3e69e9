"""What BuildKit and the engine's old builder say while they work, put into steps."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devctl.builder.records import BuildStep
from devctl.capture import MiddleCut

Tell = Callable[[BuildStep], None]

LOG_BYTES = 60_000
"""Output of steps that is kept for the words of a failure."""


class _Part(BaseModel):
    """A part of BuildKit's messages; fields that are not needed are passed over."""

    model_config = ConfigDict(extra="ignore")


class _Vertex(_Part):
    digest: str
    name: str = ""
    started: datetime | None = None
    completed: datetime | None = None
    cached: bool = False
    error: str = ""


class _Log(_Part):
    vertex: str
    data: str = ""


class _Warning(_Part):
    short: str = ""


class _Message(_Part):
    vertexes: list[_Vertex] = Field(default_factory=list)
    logs: list[_Log] = Field(default_factory=list)
    warnings: list[_Warning] = Field(default_factory=list)


class BuildxProgress:
    """Reads the lines of `--progress=rawjson`."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._names: dict[str, str] = {}
        self._state: dict[str, str] = {}
        self._log = MiddleCut(LOG_BYTES)
        self.error = ""
        self.warnings: list[str] = []

    @property
    def steps(self) -> int:
        """Steps of the Dockerfile that were done or found in a cache."""
        return sum(1 for digest in self._state if self._is_step(digest))

    @property
    def cached_steps(self) -> int:
        """Those found in a cache."""
        return sum(1 for digest, state in self._state.items() if state == "cached" and self._is_step(digest))

    @property
    def log(self) -> str:
        """The end of what the steps printed, and of what buildx said itself."""
        return self._log.value().decode("utf-8", "replace")

    def line(self, line: bytes) -> None:
        """Take one line; one that is no message is buildx's own words."""
        try:
            message = _Message.model_validate_json(line)
        except ValidationError:
            self._log.add(line + b"\n")
            return
        for vertex in message.vertexes:
            self._vertex(vertex)
        for log in message.logs:
            data = base64.b64decode(log.data)
            self._log.add(data)
            text = data.decode("utf-8", "replace")
            self._tell(BuildStep(name=self._names.get(log.vertex, ""), state="output", text=text))
        self.warnings += [warning.short and _decoded(warning.short) for warning in message.warnings]

    def _vertex(self, vertex: _Vertex) -> None:
        if vertex.name:
            self._names[vertex.digest] = vertex.name
        name = self._names.get(vertex.digest, vertex.digest)
        if vertex.error:
            self.error = vertex.error
            self._change(vertex.digest, BuildStep(name=name, state="failed", text=vertex.error))
        elif vertex.cached:
            self._change(vertex.digest, BuildStep(name=name, state="cached"))
        elif vertex.completed is not None and vertex.started is not None:
            seconds = (vertex.completed - vertex.started).total_seconds()
            self._change(vertex.digest, BuildStep(name=name, state="done", seconds=seconds))
        elif vertex.started is not None:
            self._change(vertex.digest, BuildStep(name=name, state="started"))

    def _change(self, digest: str, step: BuildStep) -> None:
        if self._state.get(digest) in ("cached", "failed") or self._state.get(digest) == step.state:
            return
        self._state[digest] = step.state
        self._tell(step)

    def _is_step(self, digest: str) -> bool:
        name = self._names.get(digest, "")
        return name.startswith("[") and not name.startswith("[internal]")


class ClassicProgress:
    """Reads the messages of the engine's old builder."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._log = MiddleCut(LOG_BYTES)
        self._step = ""
        self.steps = 0
        self.cached_steps = 0

    @property
    def log(self) -> str:
        """The end of what the build printed."""
        return self._log.value().decode("utf-8", "replace")

    def message(self, message: dict[str, Any]) -> None:
        """Take one message."""
        text = str(message.get("stream") or message.get("status") or "")
        self._log.add(text.encode())
        words = text.strip()
        if words.startswith("Step ") and " : " in words:
            self._step = words.partition(" : ")[2]
            self.steps += 1
            self._tell(BuildStep(name=self._step, state="started"))
        elif words == "---> Using cache":
            self.cached_steps += 1
            self._tell(BuildStep(name=self._step, state="cached"))
        elif words and not words.startswith(("--->", "Removing intermediate")) and "stream" in message:
            self._tell(BuildStep(name=self._step, state="output", text=text))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return text
