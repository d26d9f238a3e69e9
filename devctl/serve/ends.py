"""How operations ended, written down when the database takes it."""

import logging
import threading

from psycopg.types.json import Jsonb
from pydantic import JsonValue

from devctl.errors import StateUnavailable
from devctl.fleet.database import Database
from devctl.serve.problems import Problem

log = logging.getLogger(__name__)

_END = """UPDATE operation SET state = %s, result = %s, error = %s, ended = now()
    WHERE id = %s AND state = 'running' RETURNING id"""
_FORGET = "DELETE FROM operation WHERE id = %s RETURNING id"


class Ends:
    """Keeps what the database could not be told, until `settle` tells it; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._untold: dict[str, tuple[str, tuple[object, ...]]] = {}

    def done(self, identity: str, result: JsonValue) -> None:
        """An operation has done what it should."""
        self._tell(identity, _END, "done", Jsonb(_storable(result)), None, identity)

    def failed(self, identity: str, error: Problem) -> None:
        """An operation failed."""
        self._tell(identity, _END, "failed", None, Jsonb(_storable(error.model_dump(mode="json"))), identity)

    def refused(self, identity: str) -> None:
        """An operation never was one: its caller has been told so."""
        self._tell(identity, _FORGET, identity)

    def untold(self, identity: str) -> bool:
        """Whether the database does not know how an operation ended."""
        with self._lock:
            return identity in self._untold

    def settle(self) -> int:
        """Tell the database what it could not be told before; returns how many ends it does not know yet."""
        with self._lock:
            waiting = list(self._untold)
        for identity in waiting:
            if not self._try(identity):
                break
        with self._lock:
            return len(self._untold)

    def _tell(self, identity: str, query: str, *parameters: object) -> None:
        with self._lock:
            self._untold[identity] = query, parameters
        self._try(identity)

    def _try(self, identity: str) -> bool:
        """Tell one; False while the database is away."""
        with self._lock:
            query, parameters = self._untold.get(identity, ("", ()))
        if not query:
            return True  # another thread did
        try:
            self._database.rows(query, *parameters)
        except StateUnavailable as away:
            log.warning("the end of operation %s is written down when the database is back: %s", identity, away)
            return False
        except BaseException:
            self._told(identity)  # no second try mends a defect
            raise
        self._told(identity)
        return True

    def _told(self, identity: str) -> None:
        with self._lock:
            self._untold.pop(identity, None)


def _storable(value: JsonValue) -> JsonValue:
    """The same without the character NUL, which no text of the database holds."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {key.replace("\0", ""): _storable(one) for key, one in value.items()}
    return value
