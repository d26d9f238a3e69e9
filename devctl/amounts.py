"""How much of something can be asked for: the same bounds for options, devcontainer.json and the service."""

from typing import Annotated

from pydantic import Field

Cpus = Annotated[float, Field(gt=0, le=1024, allow_inf_nan=False)]
"""Processor share, in cores."""
MemoryMb = Annotated[int, Field(ge=16, le=1 << 30)]
"""Memory, in MiB."""
Pids = Annotated[int, Field(ge=8, le=1 << 22)]
"""Processes and threads alive at once; Linux has no more."""
DiskMb = Annotated[int, Field(ge=16, le=1 << 30)]
"""All that an environment writes, in MiB."""
FileMb = Annotated[int, Field(ge=1, le=1 << 30)]
"""One file, in MiB."""
Seconds = Annotated[float, Field(gt=0, le=36_500 * 86_400, allow_inf_nan=False)]
"""A length of time, up to a century."""
OutputBytes = Annotated[int, Field(ge=1_000, le=1 << 40)]
"""Output kept of one command."""
