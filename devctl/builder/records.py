"""What is asked of the builder besides a plan, how far it is, and what came of it."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from devctl.records import Record

REPOSITORY = "devctl-build"
"""Repository of the tags that the builder chooses itself."""
DIGEST_LABEL, OWNER_LABEL = "devctl.build", "devctl.owner"

Method = Literal["buildkit", "engine-buildkit", "classic"]
"""A BuildKit of our own; the BuildKit inside the engine, which exports no cache; the engine's old builder."""

IMAGE = r"^[a-z0-9]+([._-]+[a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$"
"""A reference of an image without digest."""


class BuildOptions(Record):
    """How to build."""

    tag: str | None = Field(default=None, pattern=IMAGE)
    """A name besides the one that the digest gives."""
    owner: str = ""
    """Who is to be named on the image."""
    secrets: dict[str, Path] = {}
    """Files that steps mount by these ids; they are in no layer and on no command line."""
    cache: str | None = Field(default=None, pattern=IMAGE)
    """Repository in a registry that keeps the cache; None takes the settings' one, or the local folder."""
    no_cache: bool = False
    seconds: float = Field(default=3600, gt=0)
    context_mb: int = Field(default=1024, ge=1)
    """The largest context."""
    context_files: int = Field(default=100_000, ge=1)


class BuildStep(Record):
    """One step of a build, as it is shown while it goes on."""

    name: str
    state: Literal["started", "done", "cached", "failed", "output"]
    text: str = ""
    seconds: float = 0.0


class BuiltImage(Record):
    """An image that was built, or was there already."""

    tag: str
    """`devctl-build:` and the digest of all that decides the image."""
    tags: tuple[str, ...]
    id: str
    """The engine's id of it."""
    method: Method | Literal["found"]
    """`found`: it had been built before and nothing has changed."""
    seconds: float
    steps: int = 0
    cached_steps: int = 0
    cache: str = ""
    """Where the cache was written: a reference, or a folder."""
    notes: tuple[str, ...] = ()
    """What was not as asked for: a registry that is away, a builder that is not there."""


class ImageInfo(Record):
    """An image that devctl built, on one engine."""

    id: str
    tags: tuple[str, ...]
    created: datetime | None
    size_mb: float
    owner: str = ""
    digest: str = ""
