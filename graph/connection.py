"""The Bolt connection: the only place that knows the driver. Queries are files; foreign errors are translated once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from graph.errors import GraphError, GraphRefused, GraphUnavailable, QueryInvalid
from graph.settings import GraphSettings

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction, Session

logger = logging.getLogger(__name__)

Row = dict[str, Any]
T = TypeVar("T")
CONSTRAINT_TRIES = 8
"""Tries of a write that lost a race on a unique key; the driver retries only transient errors by itself."""
RETRY_SECONDS = 20.0


@cache
def cypher(name: str) -> str:
    """Return the text of `graph/cypher/<name>.cypher`."""
    return files("graph").joinpath(f"cypher/{name}.cypher").read_text(encoding="utf-8")


class Transaction:
    """One open transaction, in which named queries run."""

    def __init__(self, inner: ManagedTransaction) -> None:
        self._inner = inner

    def run(self, query: str, /, **parameters: Any) -> list[Row]:
        """Return the rows of a query file."""
        return [record.data() for record in self._inner.run(cypher(query), parameters)]


class Connection:
    """A driver for one server and database; safe to share between threads."""

    def __init__(self, settings: GraphSettings) -> None:
        self.settings = settings
        self._driver: Driver | None = None

    def close(self) -> None:
        """Disconnect."""
        if self._driver is not None:
            self._driver.close()
            self._driver = None

    def read(self, query: str, /, **parameters: Any) -> list[Row]:
        """Return the rows of a query file, in a read transaction."""
        with self.session() as session:
            return session.execute_read(lambda tx: Transaction(tx).run(query, **parameters))

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run one unit of work in a write transaction; it may run more than once."""
        from neo4j.exceptions import ConstraintError

        for attempt in range(1, CONSTRAINT_TRIES + 1):
            try:
                with self.session() as session:
                    return session.execute_write(lambda tx: work(Transaction(tx)))
            except ConstraintError:
                if attempt == CONSTRAINT_TRIES:
                    raise
                logger.info("a unique key was taken meanwhile; try %d of the write", attempt + 1)
        raise AssertionError("the loop returns or raises")

    def define(self, statement: str) -> None:
        """Run one schema statement by itself."""
        with self.session() as session:
            session.run(statement).consume()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session whose errors are ours."""
        from neo4j import READ_ACCESS, WRITE_ACCESS

        access = READ_ACCESS if self.settings.read_only else WRITE_ACCESS
        with (
            _translated(self.settings.uri),
            self._open().session(database=self.settings.database, default_access_mode=access) as session,
        ):
            yield session

    def _open(self) -> Driver:
        if self._driver is None:
            import neo4j

            self._driver = neo4j.GraphDatabase.driver(
                self.settings.uri,
                auth=(self.settings.user, self.settings.password),
                max_transaction_retry_time=RETRY_SECONDS,
                connection_acquisition_timeout=20.0,
                connection_timeout=10.0,
                notifications_min_severity="OFF",
            )
        return self._driver


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    from neo4j.exceptions import AuthError, ClientError, ConstraintError, DriverError, Neo4jError

    try:
        yield
    except ConstraintError:
        raise
    except AuthError as fault:
        raise GraphRefused(
            f"the graph at {uri} refuses the credentials", "check NEO4J_USER and NEO4J_PASSWORD"
        ) from fault
    except ClientError as fault:
        raise _client_error(fault) from fault
    except (DriverError, Neo4jError, OSError) as fault:
        raise GraphUnavailable(
            f"the graph at {uri} does not answer: {first_line(fault)}",
            "start it with `roadcrew up`, or set NEO4J_URI to one that runs",
        ) from fault


def _client_error(fault: Any) -> GraphError:
    text, code = first_line(fault), str(fault.code or "")
    if "Forbidden" in code or "not allowed" in text or "AccessMode" in code or "Writing in read" in text:
        return GraphRefused(
            f"this way into the roadmap may not write: {text}", "the Planner and the Integrator write it"
        )
    return QueryInvalid(
        f"the query was not understood: {text}", "see the Cypher manual; labels and examples are in docs/using.md"
    )


def first_line(fault: BaseException) -> str:
    """Return the message of a foreign error, cut to one readable line."""
    message = getattr(fault, "message", None) or str(fault) or type(fault).__name__
    return " ".join(str(message).split())[:300]
