"""Work of an operation that goes on in this process: whether its caller was told that it is accepted or refused."""

import threading

from devctl.errors import DevctlError


class RunningWork:
    """An operation that goes on in this process."""

    def __init__(self, identity: str) -> None:
        self.id = identity
        self.decided = threading.Event()
        self.refused: DevctlError | None = None
        self.count = 0
        self._accepted = False
        self._lock = threading.Lock()

    def accept(self) -> None:
        """Have its end kept, unless it was refused before."""
        with self._lock:
            self._accepted = self.refused is None

    def refuse(self, error: DevctlError) -> bool:
        """Say why it is not done; False where it was accepted before."""
        with self._lock:
            if not self._accepted:
                self.refused = error
            return not self._accepted
