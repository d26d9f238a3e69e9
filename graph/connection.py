"""The Bolt connection: the only place that knows the driver. Queries are files; foreign errors are translated once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from graph.errors import GraphError, GraphRefused, GraphUnavailable, KeyTaken, QueryInvalid
from graph.settings import GraphSettings

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction, Session

logger = logging.getLogger(__name__)

Row = dict[str, Any]
T = TypeVar("T")
CONSTRAINT_TRIES = 8
"""Tries of a write that lost a race on a unique key; the driver retries only transient errors by itself."""
RETRY_SECONDS = 20.0
"""How long a server that was reached may be away in the middle of the work."""
FIRST_SECONDS = 3.0
"""How long the first contact is tried: enough for a server that is started again, short for an address that is wrong."""
SILENT = ("The request failed.", "Error executing Cypher command")
"""How messages of the embedded server begin that give no reason."""


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
        self._was_accepted = False
        """Whether the server took our credentials before; it refuses them for a moment while it starts again."""
        self._opening = threading.Lock()

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
        return self._written(lambda tx: work(Transaction(tx)))

    def define(self, statement: str) -> None:
        """Run one schema statement by itself, again where another process changes the schema at the same time."""
        self._written(lambda tx: tx.run(statement).consume())

    def _written(self, work: Callable[[ManagedTransaction], T]) -> T:
        for attempt in range(1, CONSTRAINT_TRIES + 1):
            try:
                with self.session() as session:
                    return session.execute_write(work)
            except KeyTaken:
                if attempt == CONSTRAINT_TRIES:
                    raise
                logger.info("a unique key was taken meanwhile; try %d of the write", attempt + 1)
        raise AssertionError("the loop returns or raises")

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session whose errors are ours."""
        from neo4j import READ_ACCESS, WRITE_ACCESS

        access = READ_ACCESS if self.settings.read_only else WRITE_ACCESS
        with (
            _translated(self.settings, self._was_accepted),
            self._open().session(database=self.settings.database, default_access_mode=access) as session,
        ):
            yield session
            self._was_accepted = True

    def _open(self) -> Driver:
        with self._opening:
            if self._driver is None:
                self._driver = _connect(self.settings)
            return self._driver


def _connect(settings: GraphSettings) -> Driver:
    """Return a driver that has reached its server."""
    import neo4j
    from neo4j.exceptions import ServiceUnavailable

    driver = neo4j.GraphDatabase.driver(
        settings.uri,
        auth=(settings.user, settings.password),
        max_transaction_retry_time=RETRY_SECONDS,
        connection_acquisition_timeout=20.0,
        connection_timeout=10.0,
        notifications_min_severity="OFF",
    )
    deadline = time.monotonic() + FIRST_SECONDS
    try:
        while True:
            try:
                driver.verify_connectivity()
                return driver
            except ServiceUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
    except BaseException:
        driver.close()
        raise


@contextmanager
def _translated(settings: GraphSettings, was_accepted: bool) -> Iterator[None]:
    from neo4j.exceptions import AuthError, ClientError, ConfigurationError, DatabaseError, DriverError, Neo4jError

    try:
        yield
    except AuthError as fault:
        if was_accepted:
            raise GraphUnavailable(
                f"the graph at {settings.uri} refuses credentials that it took before: it is starting again",
                "try again in a moment; if it stays so, check NEO4J_USER and NEO4J_PASSWORD",
            ) from fault
        raise GraphRefused(
            f"the graph at {settings.uri} refuses the credentials", "check NEO4J_USER and NEO4J_PASSWORD"
        ) from fault
    except (ClientError, DatabaseError) as fault:
        raise _refusal(fault, settings) from fault
    except ConfigurationError as fault:
        raise GraphUnavailable(
            f"{settings.uri} is no address of a graph: {first_line(fault)}", "for example bolt://localhost:7687"
        ) from fault
    except (DriverError, Neo4jError, OSError) as fault:
        raise GraphUnavailable(
            f"the graph at {settings.uri} does not answer: {first_line(fault)}",
            "start it with `roadcrew up`, or set NEO4J_URI to one that runs",
        ) from fault


def _refusal(fault: Any, settings: GraphSettings) -> GraphError:
    """Return our error for a request that reached the server and was not carried out."""
    code = str(fault.code or "")
    text = first_line(fault)
    reason = code.rpartition(".")[2] if text.startswith(SILENT) else text
    if "ConstraintValidationFailed" in code or "EquivalentSchemaRuleAlreadyExists" in code:
        return KeyTaken(f"a key that must be unique is taken: {reason}", "look for the node that has it")
    if "DatabaseNotFound" in code:
        return GraphUnavailable(
            f"the graph at {settings.uri} has no database {settings.database!r}", "check NEO4J_DATABASE"
        )
    if settings.read_only and ("Forbidden" in code or "AccessMode" in code):
        return GraphRefused(
            f"this way into the roadmap may not write: {reason}", "the Planner and the Integrator write it"
        )
    if "Forbidden" in code:
        return GraphRefused(f"the graph refuses this query: {reason}", "ask without it")
    return QueryInvalid(
        f"the query cannot be answered: {reason}", "see the Cypher manual; labels and examples are in docs/using.md"
    )


def first_line(fault: BaseException) -> str:
    """Return the message of a foreign error, cut to one readable line."""
    message = getattr(fault, "message", None) or str(fault) or type(fault).__name__
    return " ".join(str(message).split())[:300]
