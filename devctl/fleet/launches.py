"""How launches went: each one is written down at its end, by whichever program asked for it."""

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from devctl.errors import LaunchRefused, NameTaken, StateUnavailable
from devctl.fleet.database import Database

log = logging.getLogger(__name__)

Way = Literal["cold", "warm"]
Result = Literal["ok", "refused", "failed"]
_NOTE = "INSERT INTO launch (host, way, result, seconds, kind) VALUES (%s, %s, %s, %s, %s) RETURNING id"


@dataclass
class TimedLaunch:
    """What becomes known of a launch on its way."""

    host: str = ""
    way: Way = "cold"


class Launches:
    """Writes launches into the table `launch`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextlib.contextmanager
    def timed(self) -> Iterator[TimedLaunch]:
        """Time the block and write down how it ended; its own error goes on."""
        launch, began = TimedLaunch(), time.monotonic()
        try:
            yield launch
        except BaseException as error:
            refused = isinstance(error, LaunchRefused | NameTaken)
            self._note(launch, "refused" if refused else "failed", time.monotonic() - began, type(error).__name__)
            raise
        self._note(launch, "ok", time.monotonic() - began, "")

    def _note(self, launch: TimedLaunch, result: Result, seconds: float, kind: str) -> None:
        try:
            self._database.rows(_NOTE, launch.host, launch.way, result, seconds, kind)
        except StateUnavailable as error:
            log.warning("a launch is missing in the counters: %s", error)
