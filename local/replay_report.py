"""What a replay has served, counted so that a test can see repeated calls."""

import logging
import threading
from collections import Counter

from pydantic import BaseModel, ConfigDict

from local.replay_compare import Comparison

logger = logging.getLogger(__name__)


class ReplayReport(BaseModel):
    """The state of a replay; GET /replay/report."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    version: int = 1
    entries: int
    """Recorded calls."""
    served: dict[str, int]
    """Answers given, by turn."""
    repeats: dict[str, int]
    """Answers beyond the first, for the turns that had any."""
    unused: tuple[str, ...]
    """Turns that nobody has asked for."""
    warnings: tuple[str, ...]
    """Changed wording, each change once."""
    mismatches: tuple[str, ...]
    """Requests that were stopped because something that counts differed."""
    unknown: tuple[str, ...]
    """Turns asked for that are not recorded, and requests without a turn as an empty text."""


class Tally:
    """Counts what happens; may be used by several threads."""

    def __init__(self, turns: tuple[str, ...]) -> None:
        self._turns = turns
        self._lock = threading.Lock()
        self._served: Counter[str] = Counter()
        self._warned: set[tuple[str, str]] = set()
        self._warnings: list[str] = []
        self._mismatches: list[str] = []
        self._unknown: list[str] = []

    def served(self, turn: str) -> None:
        """An answer was given."""
        with self._lock:
            self._served[turn] += 1
            count = self._served[turn]
        logger.info("served %s%s", turn, f" (time {count})" if count > 1 else "")

    def wordings(self, turn: str, comparison: Comparison) -> None:
        """Note changed wording, each change once although all later requests of the turn repeat it."""
        for wording in comparison.wordings:
            key = (wording.recorded, wording.now)
            with self._lock:
                known = key in self._warned
                self._warned.add(key)
                line = f"{turn}: wording of message {wording.place} ({wording.role}): {wording.diff}"
                if not known:
                    self._warnings.append(line)
            if not known:
                logger.warning("%s", line)

    def stopped(self, turn: str, words: str) -> None:
        """A request differed in something that counts."""
        line = f"{turn}: {words}"
        with self._lock:
            self._mismatches.append(line)
        logger.error("%s", line)

    def unknown(self, turn: str) -> None:
        """A turn that is not recorded."""
        with self._lock:
            self._unknown.append(turn)
        logger.error("no recorded turn %r", turn)

    def report(self) -> ReplayReport:
        """All that was counted so far."""
        with self._lock:
            served = dict(self._served)
            return ReplayReport(
                entries=len(self._turns),
                served=served,
                repeats={turn: count - 1 for turn, count in served.items() if count > 1},
                unused=tuple(turn for turn in self._turns if turn not in served),
                warnings=tuple(self._warnings),
                mismatches=tuple(self._mismatches),
                unknown=tuple(self._unknown),
            )
