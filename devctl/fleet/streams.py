"""A command's stream that counts as a session until it is closed."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from devctl.hosts.engine import ExecStream


class CountedStream:
    """Passes everything on; `close` ends the session too."""

    def __init__(self, start: Callable[[], ExecStream], session: AbstractContextManager[None]) -> None:
        session.__enter__()  # before the command starts, so that it does not start in what is just being stopped
        self._session: AbstractContextManager[None] | None = session
        try:
            self._inner = start()
        except BaseException:
            self._session = None
            session.__exit__(None, None, None)
            raise

    def read(self) -> tuple[int, bytes] | None:
        return self._inner.read()

    def write(self, data: bytes) -> None:
        self._inner.write(data)

    def close_input(self) -> None:
        self._inner.close_input()

    def resize(self, rows: int, columns: int) -> None:
        self._inner.resize(rows, columns)

    def wait(self) -> int:
        return self._inner.wait()

    def close(self) -> None:
        session, self._session = self._session, None
        try:
            self._inner.close()
        finally:
            if session is not None:
                session.__exit__(None, None, None)

    def __enter__(self) -> "CountedStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
