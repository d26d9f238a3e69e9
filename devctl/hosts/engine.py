"""The small interface of a host: what the fleet asks of a Docker engine, or of this machine's bubblewrap."""

import socket
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from devctl.fleet.records import EnvironmentRecord
from devctl.records import ExecResult, Record

if TYPE_CHECKING:
    from devctl.hosts.stored_images import StoredImages

HOST_IMAGE = "host"
"""The image of an environment under bubblewrap: this machine's own system, read-only."""
IMAGE_METADATA = "devcontainer.metadata"
"""Label in which an image says what of devcontainer.json goes with it."""
State = Literal["running", "paused", "stopped", "absent"]


def is_root(user: str | None) -> bool:
    """Whether a user of an image is root, as far as its name tells."""
    return user is not None and user.partition(":")[0] in ("root", "0")


class ExecRequest(Record):
    """One command to run in a kept environment."""

    argv: tuple[str, ...]
    env: dict[str, str] = {}
    """Added to the environment's own variables."""
    stdin: bytes | None = None
    """All that it reads; None gives it an empty input. Not for `open`, whose input is a stream."""
    cwd: str | None = None
    """A folder inside; None is the environment's work folder, and what is relative lies below that."""
    seconds: float | None = None
    """Time limit; None lets it run until it ends."""
    tty: bool = False
    """Whether it gets a terminal; then its output is one stream."""
    size: tuple[int, int] | None = None
    """Rows and columns of the terminal."""
    user: str | None = None
    """Another user inside than the environment's own, for devctl's own work there."""


class LogStream(Protocol):
    """What a main process prints, in pieces as they come."""

    def __iter__(self) -> Iterator[bytes]:
        """Read it, once; an empty piece may come where nothing was printed."""

    def close(self) -> None:
        """End it at once, from any thread; safe to repeat."""


class ExecStream(Protocol):
    """A command that runs, as a stream both ways; a context manager that ends it."""

    def read(self) -> tuple[int, bytes] | None:
        """Wait for output: the stream's number (1 or 2, with a terminal always 1) and bytes; None at its end."""

    def write(self, data: bytes) -> None:
        """Give it input."""

    def close_input(self) -> None:
        """Say that no more input comes."""

    def resize(self, rows: int, columns: int) -> None:
        """Tell its terminal a new size; without a terminal nothing happens."""

    def wait(self) -> int:
        """Return its status when its output has ended; 128 + signal where a signal ended it."""

    def close(self) -> None:
        """End it with its children, unless it has ended; safe to repeat."""

    def __enter__(self) -> "ExecStream": ...

    def __exit__(self, *_: object) -> None: ...


class NetworkPlan(Record):
    """The network that an environment is made with."""

    network: str = "none"
    """The engine's network."""
    env: dict[str, str] = {}
    """Variables that every command sees, such as the address of a proxy."""
    binds: dict[str, str] = {}
    """Folders of the host by their place inside, read-only: where the proxy's socket lies."""
    before: tuple[str, ...] = ()
    """Words that go before the main process of a container, or before each command where it has none."""
    notes: tuple[str, ...] = ()


class Made(Record):
    """What came of creating an environment on its host."""

    container: str | None = None
    gpu: bool = False
    notes: tuple[str, ...] = ()
    """What is weaker here than asked for."""


class Found(Record):
    """An environment that a host has, whether or not the state knows it."""

    id: str
    """The environment's id, as its label says."""
    container: str | None
    state: State
    created: datetime
    exit_code: int | None = None
    """How its main process ended."""
    out_of_memory: bool = False


class HostFacts(Record):
    """What a host has and how much of it is taken, as last measured."""

    cpus: int
    memory_mb: int
    disk_free_mb: int | None = None
    """None where the engine does not tell."""
    environments: int = 0
    """Containers that run on it, ours and others'."""
    images: tuple[str, ...] = ()
    gpu: bool = False
    """Whether containers get one."""
    gpus: int = 0
    """How many, where that is known."""
    gpu_memory_mb: int | None = None
    """Memory of the smallest."""
    version: str = ""
    disk_limits: bool = False
    """Whether its storage can limit the size of a container."""


class HostEngine(Protocol):
    """One host. Its methods raise HostUnreachable when it does not answer."""

    @property
    def name(self) -> str: ...

    @property
    def backend(self) -> Literal["docker", "bubblewrap"]: ...

    @property
    def local(self) -> bool:
        """Whether folders of this machine can be bound into its environments."""

    def create(self, record: EnvironmentRecord, plan: NetworkPlan) -> Made:
        """Make and start an environment; raises LaunchFailed, with nothing left."""

    @property
    def images(self) -> "StoredImages | None":
        """What it has of images; None where environments are of the host's own system."""

    def image_labels(self, image: str) -> dict[str, str]:
        """The labels of an image, which is fetched first where it is not there; raises LaunchFailed."""

    def adopt(self, record: EnvironmentRecord) -> None:
        """Lay out the folders of an environment that was taken from the warm pool."""

    def start(self, record: EnvironmentRecord) -> None:
        """Start one that was stopped, or resume one that was paused."""

    def stop(self, record: EnvironmentRecord, grace: float) -> None:
        """End all its processes, the deaf ones after `grace` seconds; its files stay."""

    def pause(self, record: EnvironmentRecord) -> None:
        """Freeze all its processes."""

    def remove(self, record: EnvironmentRecord) -> None:
        """Remove it with its files; one that is gone is left alone."""

    def inspect(self, record: EnvironmentRecord) -> Found | None:
        """Say how it is there; None when it is not."""

    def found(self) -> list[Found]:
        """All environments of this installation on the host."""

    def remove_found(self, found: Found) -> None:
        """Remove one that the state does not know."""

    def run(self, record: EnvironmentRecord, request: ExecRequest) -> ExecResult:
        """Run a command to its end, or to the end of its time."""

    def open(self, record: EnvironmentRecord, request: ExecRequest) -> ExecStream:
        """Start a command as a stream."""

    def connect(self, record: EnvironmentRecord, port: int) -> socket.socket:
        """Return a stream to a port of its loopback; raises ServeFailed when nothing listens there."""

    def put(self, record: EnvironmentRecord, source: Path, target: str) -> None:
        """Copy a file, or what a folder holds, into its work folder."""

    def get(self, record: EnvironmentRecord, source: str, target: Path) -> tuple[str, ...]:
        """Copy a file or folder out; returns what was left out."""

    def put_secrets(self, record: EnvironmentRecord, secrets: Mapping[str, bytes]) -> None:
        """Write secrets below /run/secrets, in memory; they are gone when it stops."""

    def logs(self, record: EnvironmentRecord, follow: bool, since: datetime | None) -> LogStream:
        """What its main process printed; with `follow` what it prints from now on, too."""

    def variables(self, record: EnvironmentRecord) -> dict[str, str]:
        """The variables that its image sets."""

    def snapshot(self, record: EnvironmentRecord, tag: str) -> str:
        """Keep its files as an image; returns the image's reference."""

    def forget(self, image: str) -> None:
        """Remove an image that a snapshot made; raises InUse where the engine has containers of it."""

    def written_mb(self) -> dict[str, int]:
        """How much each running environment has written, in MiB, by its id; empty where storage limits it itself."""

    def facts(self) -> HostFacts:
        """Measure the host."""

    def close(self) -> None:
        """Return connections."""
