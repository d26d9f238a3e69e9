"""Logs that are followed beside the screen, each by a thread of its own."""

import re
import threading
from collections import deque

from devctl.client.environments import Environments
from devctl.errors import DevctlError

LINES_KEPT = 1000
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What would move the cursor or change colours: a log must not write over the screen."""


class Follower:
    """Reads one environment's log from its start; what is kept of it may be read from any thread.

    The thread waits for the log's next line and ends with the log, or with the program: nothing waits for it.
    """

    def __init__(self, client: Environments, environment: str) -> None:
        self._client = client
        self._environment = environment
        self._lock = threading.Lock()
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._open = ""
        self.ended = False
        self.version = 0
        """Grows with each piece, so that a reader knows whether there is something new."""
        threading.Thread(target=self._read, name="devctl-top-logs", daemon=True).start()

    def text(self) -> str:
        """The last lines."""
        with self._lock:
            lines = [*self._lines, *([self._open] if self._open else [])]
            return _CONTROLS.sub("", "\n".join(lines)) or (
                "nothing was printed" if self.ended else "nothing was printed yet"
            )

    def _read(self) -> None:
        try:
            for piece in self._client.logs(self._environment, follow=True):
                self._add(piece.decode(errors="replace"))
            self._end("")
        except DevctlError as error:
            self._end(f"the log cannot be read on: {error}")
        except OSError as error:
            self._end(f"the log broke off: {error}")

    def _add(self, text: str) -> None:
        with self._lock:
            *whole, self._open = (self._open + text).replace("\r\n", "\n").split("\n")
            self._lines.extend(whole)
            self.version += 1

    def _end(self, words: str) -> None:
        with self._lock:
            if words:
                self._lines.extend([*([self._open] if self._open else []), words])
                self._open = ""
            self.ended = True
            self.version += 1
