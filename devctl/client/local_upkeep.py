"""Looking after this machine itself: its sandboxes, caches, builds and tokens."""

import builtins
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from devctl.fleet.database import open_database
from devctl.fleet.records import User
from devctl.settings import DevctlSettings
from devctl.upkeep.records import Backends, ReapWish, SmokeWish, SweepWish, Tidied

if TYPE_CHECKING:
    from devctl.fleet.fleet import Fleet
    from devctl.reaper.reaper import Looked
    from devctl.serve.tokens import NewToken, Token, Tokens
    from devctl.upkeep.gpus import GpusExamined


class LocalUpkeep:
    """What the person at the machine may do with it."""

    def __init__(self, settings: DevctlSettings, fleet: "Callable[[], Fleet]", has_state: bool) -> None:
        """`fleet` opens the machine's; without state it is not opened to be tidied."""
        self._settings, self._fleet, self._has_state = settings, fleet, has_state

    def reap(self, wish: ReapWish | None = None) -> "list[Looked]":
        """Look once at all environments, and stop the idle ones."""
        from devctl.reaper.reaper import Reaper

        with self._fleet() as fleet:
            return Reaper(fleet, self._settings.reaper()).run_pass((wish or ReapWish()).dry_run)

    def prune(self) -> Tidied:
        """Remove what dead programs left, and cached dependencies that no environment uses."""
        from devctl.upkeep.tidying import tidy

        if not self._has_state:
            return tidy(self._settings, None)
        with self._fleet() as fleet:
            return tidy(self._settings, fleet)

    def doctor(self) -> Backends:
        """Try each backend."""
        from devctl.doctor import examine

        return Backends(items=tuple(examine(self._settings)))

    def examine_gpus(self, wish: SmokeWish | None = None) -> "GpusExamined":
        """Launch a container with a GPU, and say what it sees."""
        from devctl.upkeep.gpus import examine_gpus

        database = open_database(self._settings)
        try:
            return examine_gpus(self._settings, database, (wish or SmokeWish()).image)
        finally:
            database.close()

    def sweep_builds(self, wish: SweepWish | None = None) -> tuple[str, ...]:
        """Remove layers and images of builds that are old, unused or too many."""
        from devctl.builder import open_builder

        kept = wish or SweepWish()
        with open_builder(self._settings) as builder:
            return tuple(builder.sweep(kept.days, kept.max_mb))


class LocalTokens:
    """The tokens of the service of this machine, in its database."""

    def __init__(self, settings: DevctlSettings) -> None:
        self._settings = settings

    def add(self, user: User, expires: datetime | None = None, note: str = "") -> "NewToken":
        """Make one."""
        with self._opened() as tokens:
            return tokens.add(user, expires, note)

    def list(self) -> "builtins.list[Token]":
        """All of them."""
        with self._opened() as tokens:
            return tokens.listed()

    def remove(self, identity: str) -> None:
        """Take one back."""
        with self._opened() as tokens:
            tokens.remove(identity)

    @contextmanager
    def _opened(self) -> "Iterator[Tokens]":
        from devctl.serve.tokens import Tokens

        database = open_database(self._settings)
        try:
            yield Tokens(database)
        finally:
            database.close()
