"""What goes in and out of devctl: requests, limits and results."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from devctl.amounts import Cpus, FileMb, MemoryMb, OutputBytes, Pids, Seconds

WORKDIR = "/work"
"""The working folder inside every environment."""

BackendName = Literal["bubblewrap", "docker", "none"]

Network = Literal["none", "packages"]
"""`none`: only the environment's own loopback. `packages`: the way out that preparing needs."""


class Record(BaseModel):
    """A frozen record without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Limits(Record):
    """How much an environment may use."""

    memory_mb: MemoryMb = 2048
    """Memory of all its processes together, in MiB; per process where no cgroup can be made."""
    cpus: Cpus = 2.0
    """Processor share, in cores."""
    pids: Pids = 512
    """Processes and threads alive at once."""
    seconds: Seconds = 600
    """Wall-clock time of one command, and of preparing."""
    output_bytes: OutputBytes = 200_000
    """Output kept of one command; what is over it is cut out of the middle."""
    disk_mb: FileMb = 4096
    """The largest file a process may write, and all that one `get` or `put` may carry, in MiB."""


class Toolchain(Record):
    """The programs of an ecosystem, and where they come from."""

    programs: dict[str, str] = {}
    """Programs by name, links resolved: on this host and, at the same place, in the environment."""
    binds: tuple[str, ...] = ()
    """Folders and files of this host, outside the system's own, that the programs need."""
    env: dict[str, str] = {}
    """Variables by which the programs find their parts."""
    version: str = ""
    """What decides the result besides the dependency files."""


class Place(Record):
    """Something installed that an environment has in its work folder."""

    source: str
    """Relative to the result."""
    target: str
    """Relative to the work folder."""


class Seed(Record):
    """Something that each environment gets a copy of, because tools write to it."""

    source: str
    """Relative to the result."""
    target: str
    """Relative to the home folder."""


class Part(Record):
    """What was installed for one ecosystem of a tree."""

    ecosystem: str
    digest: str
    """Digest of what decides it; the cache knows it by that."""
    location: str
    """The result: a folder on this host, or in the image."""
    env: dict[str, str] = {}
    """Variables for every command; `{result}` and `{home}` are filled in at launch."""
    path: tuple[str, ...] = ()
    """Folders of programs, likewise."""
    places: tuple[Place, ...] = ()
    seeds: tuple[Seed, ...] = ()
    locks: tuple[str, ...] = ()
    """Lock files that were out of step with the tree, as the installer made them: paths in the tree. In an
    environment they lie below `.locks` of the result."""
    written: bool = False
    """Whether tools write into the result itself; each command gets a layer of its own above it."""
    toolchain: Toolchain = Toolchain()
    log: str = ""
    seconds: float = 0.0


class PrepareRequest(Record):
    """A tree whose dependencies are to be installed."""

    tree: Path
    """A folder on this host; only its dependency files are read."""
    packages: tuple[str, ...] = ()
    """Requirements on top of the tree's own: `pytest`, or `npm:vitest@3`."""
    interpreter: Path | None = None
    """The Python to build on; None takes the one this program runs on, or the image's."""
    image: str | None = None
    """The Docker image to build on; None reads devcontainer.json, a Dockerfile, or takes the default."""
    limits: Limits = Limits()
    """Limits of the installer."""
    role: str = "person"
    """Who asks, as the policy knows it."""
    repository: str = ""
    """`owner/name` of the repository the tree belongs to, as the policy knows it."""


class Prepared(Record):
    """Installed dependencies, ready to be launched any number of times."""

    digest: str
    """Digest of the dependency files, the extra packages, the toolchains and the backend."""
    backend: str
    """The backend that made it, and that alone can launch it."""
    location: str
    """Where it lies: Python's folder on this host, or an image of the Docker engine."""
    python: str | None
    """The Python inside the environment that has the dependencies."""
    interpreter: str | None = None
    """The Python on this host that it builds on; None where the image brings its own."""
    log: str
    """The end of the installer's output."""
    seconds: float
    """How long it took to install; kept when the cache answers."""
    parts: tuple[Part, ...] = ()
    """What was installed, ecosystem by ecosystem; Python's is always there."""
    notes: tuple[str, ...] = ()
    """What of the tree was not prepared, and why."""


class LaunchRequest(Record):
    """What kind of environment is wanted."""

    prepared: Prepared | None = None
    """Dependencies to have in it."""
    image: str | None = None
    """The Docker image; None takes the prepared one, or the default."""
    interpreter: Path | None = None
    """A Python of this host to have in it when nothing was prepared (bubblewrap)."""
    labels: dict[str, str] = {}
    """Words to find it by."""
    env: dict[str, str] = {}
    """Variables that every command in it sees."""
    limits: Limits = Limits()
    network: Network = "none"
    programs: tuple[Path, ...] = ()
    """Programs of this host to have in it, below `/opt/devctl/programs` (bubblewrap)."""
    role: str = "person"
    """Who asks, as the policy knows it."""
    repository: str = ""
    """`owner/name` of the repository it works on, as the policy knows it."""


class Command(Record):
    """One command to run in a sandbox."""

    argv: tuple[str, ...]
    env: dict[str, str] = {}
    stdin: bytes | None = None
    cwd: str = "."
    """Relative to the work folder."""
    seconds: Seconds | None = None
    """None: until it ends or is cancelled."""


class ExecResult(Record):
    """How a command ended."""

    exit_code: int
    """The command's own status, 128 + signal where a signal ended it, 124 on time-out."""
    output: str
    """Standard output and error as they came, with replacement characters for what is not UTF-8."""
    timed_out: bool
    truncated: bool
    """Whether the middle of the output was cut out."""
    seconds: float


class EnvironmentInfo(Record):
    """A running environment, as `devctl ls` shows it."""

    id: str
    backend: BackendName
    created: datetime
    owner_pid: int
    """The process that launched it; the environment is removed when that process is gone."""
    labels: dict[str, str] = {}
    prepared: str | None = None
    """Digest of the dependencies it has."""
    parts: tuple[str, ...] = ()
    """Digests of its dependencies, ecosystem by ecosystem."""
    places: tuple[str, ...] = ()
    """What of the work folder belongs to the environment and not to the work, such as `node_modules`."""
    network: Network
    limits: Limits
    notes: tuple[str, ...] = ()
    """What is weaker here than asked for, in plain words."""
