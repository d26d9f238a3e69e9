"""The program that keeps the proxies of all environments with an allow-list, one per folder of devctl.

Each environment has a folder with its wish and, below `out`, the socket that it sees. The keeper compares the
folders with the proxies it has whenever it is asked to look, so nothing is lost when it is started anew.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from devctl.egress.proxy import Decision, Proxy, Resolve, system_resolve
from devctl.egress.rules import read_rules
from devctl.egress.wishes import CONTROL, DONE, LOOK, SOCKET, Wish, locked, read_wishes
from devctl.errors import EgressInvalid
from devctl.unix_sockets import listen_unix

log = logging.getLogger(__name__)

IDLE_SECONDS = 10.0
"""How long it stays when there is no environment any more."""


class Keeper:
    """Holds the proxies; a context manager that closes them."""

    def __init__(
        self, folder: Path, record: Callable[[Wish, Decision], None], resolve: Resolve = system_resolve
    ) -> None:
        self._folder = folder
        self._record = record
        self._resolve = resolve
        self._proxies: dict[str, tuple[Wish, Proxy]] = {}
        self._listener = listen_unix(folder / CONTROL)
        (folder / CONTROL).chmod(0o600)
        self._idle_since = time.monotonic()
        self._ended = threading.Event()

    def serve(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Look whenever asked to, until no environment was left for a while or `stop` is called."""
        self.look()
        self._listener.settimeout(1.0)
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                if self._is_over(idle_seconds):
                    return
                continue
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                if connection.recv(64) == LOOK:
                    self.look()
                    connection.sendall(DONE)

    def look(self) -> None:
        """Open what is wished and not there, close what is there and not wished any more."""
        wishes = {wish.environment: wish for wish in read_wishes(self._folder)}
        for name, (known, proxy) in list(self._proxies.items()):
            if wishes.get(name) != known:
                proxy.close()
                del self._proxies[name]
        for name, wish in wishes.items():
            if name not in self._proxies and (opened := self._opened(wish)) is not None:
                self._proxies[name] = (wish, opened)
        if self._proxies:
            self._idle_since = time.monotonic()

    def _opened(self, wish: Wish) -> Proxy | None:
        path = self._folder / wish.environment / "out" / SOCKET
        try:
            rules = read_rules(wish.domains)
            return Proxy(wish.name, path, rules, lambda made: self._record(wish, made), self._resolve)
        except (EgressInvalid, OSError) as error:
            log.warning("the proxy of %s cannot be opened: %s", wish.name, error)
            return None

    def _is_over(self, idle_seconds: float) -> bool:
        """Whether nobody needs it any more; decided under the lock under which wishes are written."""
        if not self._folder.is_dir():
            return True
        if self._proxies or time.monotonic() - self._idle_since < idle_seconds:
            return False
        with locked(self._folder):
            self.look()
            if self._proxies:
                return False
            (self._folder / CONTROL).unlink(missing_ok=True)
            return True

    def stop(self) -> None:
        """End `serve` at its next turn; may be called from anywhere."""
        self._ended.set()

    def close(self) -> None:
        """Close all proxies; the environments have no way out until it is started again."""
        self._listener.close()
        for _, proxy in self._proxies.values():
            proxy.close()
        self._proxies.clear()

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
