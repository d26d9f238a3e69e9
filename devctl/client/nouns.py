"""What one caller may do besides environments, wherever it is done: with tunnels, images, hosts and the warm stock.

Each is implemented by this process and over a service, with the same errors; a command asks one of these.
"""

import builtins
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from devctl.builder.records import BuiltImage, ImageInfo
from devctl.client.environments import Told
from devctl.fleet.records import Host, User
from devctl.hosts.images import Fetched
from devctl.hosts.registry import HostState
from devctl.pool.records import WarmStock
from devctl.scan.records import ScanReport
from devctl.serve.image_records import BuildChoices, WizardQuestions
from devctl.serve.oversight_records import HostWish
from devctl.tunnels.records import Trust, Tunnel, TunnelWish
from devctl.upkeep.records import Backends, ReapWish, SmokeWish, SweepWish, Tidied
from devctl.wizard.records import CustomImage, WizardRequest

if TYPE_CHECKING:
    from devctl.reaper.reaper import Looked
    from devctl.serve.tokens import NewToken, Token
    from devctl.upkeep.gpus import GpusExamined


class HeldTunnel(Protocol):
    """An open tunnel that lasts as long as its holder waits."""

    id: str
    link: str
    """With its token: a password."""

    def wait(self) -> str:
        """Wait until it is closed by somebody, its time or its end; returns why."""
        ...


class Tunnels(Protocol):
    """HTTPS links to ports of environments."""

    def hold(self, name: str, wish: TunnelWish) -> AbstractContextManager[HeldTunnel]:
        """Open a link to a port of an environment; it is closed when the context is left."""
        ...

    def list(self, *, all_users: bool = False) -> Sequence[Tunnel]:
        """Those that are open to the caller's environments, or all for an admin; oldest first."""
        ...

    def close(self, identity: str) -> None:
        """Close one, wherever it is served; raises NoSuchResource."""
        ...

    def trust(self, names: Sequence[str] = ()) -> Trust:
        """Whom to trust for the links; a new authority is made where it is not good for one of `names`."""
        ...


class Images(Protocol):
    """Images that devctl builds; nothing is held open between two calls."""

    def list(self) -> builtins.list[ImageInfo]:
        """Those that were built for the caller, all for an admin; newest first."""
        ...

    def remove(self, image: str, force: bool = False) -> tuple[str, ...]:
        """Remove one by a name or its id; returns all names that it had."""
        ...

    def build(self, folder: Path, choices: BuildChoices | None = None, progress: Told | None = None) -> BuiltImage:
        """Build a folder of this machine with its Dockerfile."""
        ...

    def questions(self) -> WizardQuestions:
        """What the wizard asks the caller."""
        ...

    def make(self, request: WizardRequest, progress: Told | None = None) -> CustomImage:
        """Make an image of a base and packages, as the wizard does."""
        ...

    def scan(self, image: str, fresh: bool = False, progress: Told | None = None) -> ScanReport:
        """Look for what is known against an image; `fresh` asks again though it was scanned within a day."""
        ...


class Machines(Protocol):
    """The machines on which environments run, for admins; the others hear LaunchRefused."""

    def list(self, measure: bool = False) -> builtins.list[HostState]:
        """Those that were added, by name; measured now, or as they last answered."""
        ...

    def add(self, wish: HostWish) -> HostState:
        """Connect to a host, measure it and use it."""
        ...

    def drain(self, name: str, draining: bool = True) -> Host:
        """Have a host take nothing new, or take environments again; raises NoHost."""
        ...

    def remove(self, name: str, force: bool = False) -> None:
        """Forget a host; with `force` also with environments on it, which are lost to devctl."""
        ...

    def prefetch(self, images: Sequence[str] | None = None) -> builtins.list[Fetched]:
        """Fetch images to every host: these, or those of late use."""
        ...


class Warm(Protocol):
    """What is kept warm; over a service for admins."""

    def stock(self) -> WarmStock:
        """The shapes that are kept, and the containers."""
        ...

    def size(self, key: str, count: int | None) -> None:
        """Keep so many of a shape, or as many as are asked for; raises NoSuchResource."""
        ...

    def fill(self) -> builtins.list[str]:
        """Level the stocks once; returns what was done, in words."""
        ...

    def drain(self) -> int:
        """Remove all that nobody has claimed, and keep none; returns how many were removed."""
        ...


class Upkeep(Protocol):
    """Keeping a machine in order; over a service for admins."""

    def reap(self, wish: ReapWish | None = None) -> "builtins.list[Looked]":
        """Look once at all environments, and stop the idle ones."""
        ...

    def prune(self) -> Tidied:
        """Remove what dead programs left, and cached dependencies that no environment uses."""
        ...

    def doctor(self) -> Backends:
        """Try each backend."""
        ...

    def examine_gpus(self, wish: SmokeWish | None = None) -> "GpusExamined":
        """Launch a container with a GPU, and say what it sees."""
        ...

    def sweep_builds(self, wish: SweepWish | None = None) -> tuple[str, ...]:
        """Remove layers and images of builds that are old, unused or too many."""
        ...


class AccessTokens(Protocol):
    """Who may use a service; over it for admins."""

    def add(self, user: User, expires: datetime | None = None, note: str = "") -> "NewToken":
        """Make one for a user with a tier and a role; its secret is shown this once."""
        ...

    def list(self) -> "builtins.list[Token]":
        """All of them, oldest first."""
        ...

    def remove(self, identity: str) -> None:
        """Take one back; raises NoSuchResource."""
        ...
