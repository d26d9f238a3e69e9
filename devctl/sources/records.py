"""What a source comes to: the environment that is wanted, what is built for it, what is copied into it."""

import shutil
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

from pydantic import Field

from devctl.amounts import Cpus, DiskMb, MemoryMb, OutputBytes, Pids, Seconds
from devctl.fleet.records import EgressMode, EnvironmentSpec, GpuWish, Mount, SecretFile
from devctl.records import Record

SourceKind = Literal["image", "dockerfile", "folder", "devcontainer", "git"]

BASE_ARGUMENT = "DEVCTL_BASE"
"""The build argument that gives a plan the tag of the image built before it."""


class BuildPlan(Record):
    """An image to build; its tag is for the builder to choose, from the digest of what decides it."""

    context: Path
    """The folder that `COPY` sees."""
    dockerfile: Path
    """Absolute; in the context."""
    args: dict[str, str] = {}
    target: str | None = None
    """The stage to build; None builds the last."""
    cache_from: tuple[str, ...] = ()
    """References of images whose layers may be taken."""
    base: "BuildPlan | None" = None
    """Built first; its tag is this plan's build argument DEVCTL_BASE."""


class Clone(Record):
    """A repository that was cloned for a launch."""

    address: str
    """As it was given, without its `#ref`; never with credentials."""
    ref: str | None
    commit: str
    folder: Path


class EngineFacts(Record):
    """What is known of the engines before one is chosen."""

    default_image: str
    """Taken where the source names no image."""
    cpus: float | None = None
    """Cores of the largest host."""
    memory_mb: int | None = None
    disk_mb: int | None = None
    gpu: bool | None = None
    """Whether a host has a GPU; None where nobody looked."""


class Overrides(Record):
    """What the person asks for beside the source; it wins over what the source says."""

    image: str | None = None
    """Taken in place of the source's own image or build."""
    config: str | None = None
    """Which `.devcontainer/NAME/devcontainer.json`."""
    labels: dict[str, str] = {}
    env: dict[str, str] = {}
    cpus: Cpus | None = None
    memory_mb: MemoryMb | None = None
    pids: Pids | None = None
    disk_mb: DiskMb | None = None
    seconds: Seconds | None = None
    output_bytes: OutputBytes | None = None
    egress: EgressMode | None = None
    domains: tuple[str, ...] = ()
    """Names that the environment may reach; any makes the egress an allow-list."""
    secrets: tuple[SecretFile, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[int, ...] = ()
    user: str | None = None
    workdir: str | None = Field(default=None, pattern=r"^/")
    gpu: GpuWish | None = None
    host: str | None = None
    keep_until: datetime | None = None
    trust_mounts: bool = False
    """Whether bind mounts that the source asks for may show folders of the host outside the source."""


class Resolved(Record):
    """A source as an environment to launch; a context manager that removes what was made on the way."""

    kind: SourceKind
    spec: EnvironmentSpec
    """Its `image` is empty while there is something to build."""
    build: BuildPlan | None = None
    tree: Path | None = None
    """The folder to be put into the environment's work folder; None where the source has none."""
    clone: Clone | None = None
    config: Path | None = None
    """The devcontainer.json that was followed."""
    temporary: tuple[Path, ...] = ()
    """Folders that `close` removes: the clone, the contexts of features."""

    def close(self) -> None:
        """Remove the temporary folders; safe to repeat."""
        for folder in self.temporary:
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> "Resolved":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()
