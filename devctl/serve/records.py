"""What goes in and out of the service, beside the records of the fleet."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from devctl.amounts import Seconds
from devctl.fleet.records import NAME, EnvironmentRecord, EnvironmentSpec, Name, Phase, User
from devctl.metrics.usage import Usage
from devctl.records import Record
from devctl.sources.records import Overrides
from devctl.tunnels.records import OpenTunnel

Badge = Literal["gpu", "kept", "warning", "egress", "tunnel"]
LARGEST_PAGE = 500


class EnvironmentView(EnvironmentRecord):
    """An environment as pages and programs show it."""

    usage: Usage | None = None
    """What it used over the last interval; None where it does not run or was not measured yet."""
    badges: tuple[Badge, ...] = ()
    """`gpu`: it has one. `kept`: the reaper leaves it alone. `warning`: `why` says what went wrong. `egress`: there is a way out.
    `tunnel`: a link leads in."""
    tunnels: tuple[OpenTunnel, ...] = ()
    """Links that lead in, oldest first."""


class EnvironmentPage(Record):
    """Some environments, oldest first."""

    items: tuple[EnvironmentView, ...]
    next: str | None = None
    """`after` of the next page; None on the last one."""
    total: int


class EnvironmentWish(Record):
    """A new environment: either a whole `spec`, or a `source` with what is asked for beside it."""

    spec: EnvironmentSpec | None = None
    source: str | None = None
    """An image, or the address of a git repository; with `tree` what the caller calls those files."""
    name: Name | None = None
    """With a source: its name; made from the source where it is not given."""
    overrides: Overrides | None = None
    secrets: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")], Base64Bytes] = {}
    """Contents of files below /run/secrets."""
    tree: str | None = None
    """Id of an upload: with a spec it is put into the work folder, without one it is the source."""
    path: str = Field(default=".", max_length=1_000, pattern=r"^[^\x00]+$")
    """With a source that is an upload: the folder in it, or a Dockerfile or devcontainer.json in it."""
    command: tuple[str, ...] = ()
    """With a source: its main process."""


class ExecWish(Record):
    """A command to run."""

    argv: tuple[str, ...] = Field(min_length=1)
    env: dict[str, str] = {}
    cwd: str | None = None
    tty: bool = False
    rows: int | None = Field(default=None, ge=1, le=10_000)
    columns: int | None = Field(default=None, ge=1, le=10_000)
    wait: bool = False
    """Answer when it has ended, with its output; otherwise at once, and the output is a stream of its own."""
    stdin: Base64Bytes | None = None
    """With `wait`: all that it reads."""
    seconds: Seconds | None = None
    """With `wait`: its time limit."""


class StopWish(Record):
    """How it is stopped."""

    why: str = Field(default="", max_length=500)
    grace: float = Field(default=10.0, ge=0, le=600)
    """Seconds before it is killed."""


class KeepWish(Record):
    """Until when the reaper leaves it alone."""

    until: datetime | None
    """None takes it back."""


class SnapshotWish(Record):
    """A snapshot to make."""

    tag: Name


class RestoreWish(Record):
    """A new environment of a snapshot."""

    name: Name


class TokenWish(Record):
    """A token to make."""

    user: User
    expires: datetime | None = None
    note: str = Field(default="", max_length=200)


class TunnelOpening(Record):
    """A tunnel to open."""

    port: int = Field(ge=1, le=65_535)
    """The port inside."""
    seconds: float = Field(default=8 * 3600, ge=1, le=90 * 86_400)
    """It is closed after so long."""


class TunnelQuery(Record):
    """Which tunnels."""

    all_users: bool = False
    """Those to everybody's environments; admins only, others get their own."""
    ended: bool = False
    """Also those that were closed within a day, with why."""


class Upload(Record):
    """Files that were sent for a launch; they are kept for an hour, or until it."""

    id: str


class LeftOut(Record):
    """What a copy left out: links that lead out, sockets, pipes, devices."""

    left_out: tuple[str, ...] = ()


class Attached(Record):
    """What came of the commands that run when somebody attaches."""

    why: str = ""
    """Why one of them failed."""


class Size(Record):
    """The size of a terminal."""

    rows: int = Field(ge=1, le=10_000)
    columns: int = Field(ge=1, le=10_000)


class Part(Record):
    """Whether a part of the service answers."""

    name: str
    ready: bool
    detail: str = ""


class Readiness(Record):
    """Whether the service can do its work, and what is away."""

    ready: bool
    parts: tuple[Part, ...]


class NamePath(Record):
    """The name or id of an environment."""

    name: str = Field(max_length=64)


class PortPath(NamePath):
    """A port of an environment."""

    port: int = Field(ge=1, le=65_535)


class IdPath(Record):
    """The id of something."""

    id: str = Field(max_length=64)


class NoBody(Record):
    """Nothing."""


class ListQuery(Record):
    """Which environments."""

    all_users: bool = False
    """Those of everybody; admins only, others get their own."""
    label: list[Annotated[str, Field(pattern="^[^=]+(=.*)?$")]] = []
    """`NAME=VALUE`; repeatable."""
    phase: list[Phase] = []
    """Repeatable."""
    gpu: bool | None = None
    after: str | None = Field(default=None, pattern=NAME)
    """The `next` of the page before."""
    limit: int = Field(default=100, ge=1, le=LARGEST_PAGE)


class LogsQuery(Record):
    """Which of the log."""

    follow: bool = False
    since: datetime | None = None


class FilesQuery(Record):
    """Which files."""

    path: str = "."
    """Relative to the work folder."""


class OutputQuery(Record):
    """Which of the output, and in which form."""

    after: int = Field(default=0, ge=0)
    """Number of the last event that the caller has."""
    format: Literal["events", "raw"] = "events"


class InputQuery(Record):
    """Whether more input comes."""

    end: bool = False


class RemoveQuery(Record):
    """How to remove it."""

    force: bool = False
    """Also where its host does not answer."""
    why: str = Field(default="", max_length=500)


class WaitQuery(Record):
    """How long to wait for the end."""

    wait: float = Field(default=0, ge=0, le=60)


class AfterQuery(Record):
    """Which events."""

    after: int = Field(default=0, ge=0)


class KeyHeader(BaseModel):
    """What a request that makes something may bring."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    idempotency_key: str | None = Field(default=None, alias="Idempotency-Key", min_length=1, max_length=200)
    """The same key with the same request is the same operation, however often it is sent."""
    prefer: str | None = Field(default=None, alias="Prefer", max_length=100)
    """`wait=SECONDS` answers when it is done, or after so long."""
