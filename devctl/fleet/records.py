"""What a kept environment is wanted to be, and what is recorded of it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from devctl.amounts import Cpus, DiskMb, MemoryMb, OutputBytes, Pids, Seconds
from devctl.records import Record

NAME = r"^[a-z0-9][a-z0-9-]{0,47}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
"""Small letters, digits and dashes: it becomes a host name, a container's name and an SSH alias."""

Phase = Literal["creating", "running", "paused", "stopped", "failed", "lost", "removing", "removed"]
"""`creating` is the reservation that quotas count from its first moment on; `lost`: its host does not answer."""

ALIVE: tuple[Phase, ...] = ("creating", "running", "paused")
"""The phases that count as running where quotas are concerned."""

Role = Literal["viewer", "user", "admin"]
ActivityKind = Literal["exec", "attach", "tunnel"]
EgressMode = Literal["none", "allow", "open"]


class User(Record):
    """Who asks, as the service's token or the local account says."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")
    tier: str = "owner"
    """What the policy's data knows limits for: `free`, `pro`, …; `owner` is the person whose machine it is."""
    role: Role = "user"


class KeptLimits(Record):
    """How much a kept environment may use, all its commands together."""

    cpus: Cpus = 2.0
    """Processor share, in cores."""
    memory_mb: MemoryMb = 4096
    pids: Pids = 1024
    disk_mb: DiskMb = 10_240
    """Size of what it writes, in MiB; enforced as the host's file system can, else watched."""
    seconds: Seconds | None = None
    """Life time after which it is stopped; None is for ever."""
    output_bytes: OutputBytes = 1_000_000
    """Output kept of one command."""


class Egress(Record):
    """Which way out of the environment there is."""

    mode: EgressMode = "none"
    domains: tuple[str, ...] = ()
    """With `allow`: host names, or `*.example.org` for all below one."""


class SecretFile(Record):
    """A secret that the environment sees as a file below `/run/secrets`, in memory, never in image or command line."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    source: Path | None = None
    """The file on the machine of the caller that holds it."""
    variable: str | None = None
    """In place of a file: the caller's variable that holds it, read when it is needed and never kept."""


class Mount(Record):
    """Something of the host to have inside."""

    kind: Literal["bind", "volume", "tmpfs"]
    source: str = ""
    target: str = Field(pattern=r"^/")
    read_only: bool = False


class GpuWish(Record):
    """Whether a GPU is wanted; `optional` never makes a launch fail."""

    want: Literal["none", "optional", "required"] = "none"
    count: int = Field(default=1, ge=1)
    memory_mb: int | None = None
    cores: int | None = None


class LifecycleCommand(Record):
    """One command of a moment in an environment's life."""

    argv: tuple[str, ...] = Field(min_length=1)
    """What is run; a line of devcontainer.json is an argument list of `/bin/sh -c`."""
    name: str = ""
    """Its key where several run in parallel, or the feature that brought it."""


LifecycleGroup = tuple[LifecycleCommand, ...]
"""Commands that run in parallel; the next group starts when all of them have ended well."""

Moment = Literal["initialize", "on_create", "update_content", "post_create", "post_start", "post_attach"]


class Lifecycle(Record):
    """Commands of devcontainer.json by the moment at which they run: groups one after the other."""

    initialize: tuple[LifecycleGroup, ...] = ()
    """On the caller's machine; run only where the caller asks for it."""
    on_create: tuple[LifecycleGroup, ...] = ()
    update_content: tuple[LifecycleGroup, ...] = ()
    post_create: tuple[LifecycleGroup, ...] = ()
    post_start: tuple[LifecycleGroup, ...] = ()
    post_attach: tuple[LifecycleGroup, ...] = ()
    wait_for: Moment = "update_content"
    """The moment after which the person is let in; later ones go on behind."""


class EnvironmentSpec(Record):
    """A kept environment as it is wanted: the image is there by name, all else is decided."""

    name: Name
    image: str
    """Reference of the image to run; built or pulled before where need be."""
    labels: dict[str, str] = {}
    env: dict[str, str] = {}
    """Variables that every command sees. Never secrets."""
    remote_env: dict[str, str | None] = {}
    """More of them, in which `${containerEnv:NAME}` is to be filled in from the container; None takes one away."""
    limits: KeptLimits = KeptLimits()
    egress: Egress = Egress()
    secrets: tuple[SecretFile, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[int, ...] = ()
    """Ports inside that the person wants to reach (`forwardPorts`)."""
    user: str | None = None
    """Whom commands run as; None is the environment's ordinary user."""
    workdir: str = "/work"
    """The folder in which commands run and into which the source is put."""
    gpu: GpuWish = GpuWish()
    host: str | None = None
    """The host it must be on; None lets the placement choose."""
    lifecycle: Lifecycle = Lifecycle()
    shm_mb: int | None = Field(default=None, ge=1)
    """Size of /dev/shm in MiB; None is the engine's own."""
    entrypoints: tuple[str, ...] = ()
    """Programs that features want run at every start, as root in the container, before anything else."""
    customizations: dict[str, JsonValue] = {}
    """What devcontainer.json says to editors, by tool: `vscode` with its extensions and settings."""
    keep_until: datetime | None = None
    """Until when the reaper leaves it alone."""
    command: tuple[str, ...] = ()
    """Its main process, such as a server; empty: it only waits for commands. It ends with its main process."""
    source: str = ""
    """What it was made from, as the person wrote it: an image, a folder, a git address."""
    notes: tuple[str, ...] = ()
    """What of the source was not done, in plain words: unsupported keys of devcontainer.json."""


class EnvironmentRecord(Record):
    """A kept environment as the state has it."""

    id: str
    name: Name
    owner: str
    tier: str
    host: str
    container: str | None = None
    """The engine's id of its container; None before it is made, and under bubblewrap."""
    phase: Phase
    why: str = ""
    """Why it is in this phase: the error of a failed launch, who stopped it and for what reason."""
    spec: EnvironmentSpec
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    keep_until: datetime | None = None
    gpu: bool = False
    """Whether it really has one."""

    @property
    def container_reference(self) -> str:
        """What an engine finds its container by: its id where that is known, else the name that it is made with."""
        return self.container or f"devctl-{self.id}"


class Snapshot(Record):
    """The files of an environment as they were at a moment."""

    tag: Name
    owner: str
    environment: str
    """Id of the environment it was made of."""
    host: str
    """Where it lies."""
    image: str
    spec: EnvironmentSpec
    """What the environment was."""
    created: datetime


class Host(Record):
    """A Docker engine, or this machine's bubblewrap, on which environments are placed."""

    name: Name
    address: str
    """`unix:///…`, `ssh://user@host[:port]`, `tcp://host:port` (TLS only), or `bubblewrap:`."""
    tls: Path | None = None
    """Folder with ca.pem, cert.pem and key.pem; required for tcp."""
    draining: bool = False
    """Takes nothing new; what is there stays."""
    max_environments: int | None = Field(default=None, ge=1)
    labels: dict[str, str] = {}
    seconds: int = Field(default=60, ge=1)
    """Time limit of one call to its engine."""
