"""The job queues: the engine's two jobs on procrastinate, and the worker that serves them.

`advance` jobs of one thread run one at a time. A worker that dies leaves its jobs `doing`; every worker looks for
such jobs whose worker's heartbeat has stopped and puts them back. A worker that is stopped puts back what it has not
ended after a moment, itself and at once: what it still does can write nothing any more.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import procrastinate
import psycopg
from procrastinate import JobContext
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, ConfigDict

from agents.database import SEARCH_PATH, Connection
from agents.engine import Engine
from agents.errors import Fenced
from agents.failures import AWAY
from roadcrew.job_threads import JobThreads
from roadcrew.put_back import LEAVE, PUT_BACK

logger = logging.getLogger(__name__)

CONNECTION = {"options": SEARCH_PATH}
FLOW_QUEUE = "flow"
ROLES = ("planner", "researcher", "coder", "docgen", "tester", "reviewer", "integrator")
ALL_QUEUES = (FLOW_QUEUE, *ROLES)
QUEUE_AWAY = (procrastinate.exceptions.ConnectorException, psycopg.OperationalError, PoolTimeout)
"""What the queue's library raises when PostgreSQL does not answer."""
PAUSE_SECONDS = 1.0
SCHEMA_LOCK = 7_236_002
"""Key of the advisory lock that lets one process make the queue's tables."""


class WorkerSettings(BaseModel):
    """How a worker serves its queues."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queues: tuple[str, ...] | None = None
    """Queues to serve, None for all."""
    concurrency: int = 4
    """Jobs at a time."""
    heartbeat_seconds: float = 3.0
    stalled_seconds: float = 12.0
    """A worker silent for this long is taken for dead and its jobs are put back."""
    tries: int = 6
    """Tries of a job whose edge is away, with waits of 2, 4, 8, 16 and 32 seconds between them."""
    poll_seconds: float = 5.0
    """How often the code host is asked for news of what threads wait for."""
    grace_seconds: float = 8.0
    """How long jobs may take to end when the worker is stopped, before they are put back."""


class Queue:
    """Puts jobs into the queue; the engine's `Enqueue`."""

    def __init__(self, url: str) -> None:
        self._app = procrastinate.App(
            connector=procrastinate.SyncPsycopgConnector(conninfo=url, kwargs=CONNECTION, min_size=0, max_size=2)
        )

    def open(self) -> None:
        """Connect, making the queue's tables where they are not there yet."""
        self._app.open()
        connector = self._app.connector
        assert isinstance(connector, procrastinate.SyncPsycopgConnector)  # noqa: S101 - narrows the type
        with connector.pool.connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
            there = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
            if there is None or there[0] is None:
                schema = self._app.schema_manager.get_schema()
                connection.execute(schema.encode())

    def close(self) -> None:
        """Disconnect."""
        self._app.close()

    def advance(self, connection: Connection, thread: str) -> None:
        """Have a thread advanced."""
        with _in_the_callers_words():
            self._app.configure_task("roadcrew.advance", queue=FLOW_QUEUE, lock=thread, connection=connection).defer(
                thread=thread
            )

    def turn(self, connection: Connection, turn: int, role: str, lock: str | None) -> None:
        """Have a turn run by a worker of its role."""
        with _in_the_callers_words():
            self._app.configure_task(
                "roadcrew.turn", queue=role, lock=lock or f"turn:{turn}", connection=connection
            ).defer(turn=turn)


@contextmanager
def _in_the_callers_words() -> Iterator[None]:
    """Raise what the caller's connection says as it is, such as that a lease was lost in a statement before this one."""
    try:
        yield
    except procrastinate.exceptions.ConnectorException as fault:
        if isinstance(fault.__cause__, psycopg.Error):
            raise fault.__cause__ from None
        raise


class Worker:
    """Serves queues until it is told to stop."""

    def __init__(self, url: str, engine: Engine, settings: WorkerSettings, poll: Callable[[], None]) -> None:
        self._settings = settings
        self._engine = engine
        self._poll = poll
        self._stop = threading.Event()
        self._threads = JobThreads()
        self._left: set[int] = set()
        """Jobs that were put back while their threads still did them."""
        self._app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(conninfo=url, kwargs=CONNECTION, min_size=1, max_size=8)
        )
        retry = procrastinate.RetryStrategy(max_attempts=settings.tries, exponential_wait=2, retry_exceptions=AWAY)
        self._app.task(name="roadcrew.advance", pass_context=True, retry=retry)(self._advance)
        self._app.task(name="roadcrew.turn", pass_context=True, retry=retry)(self._turn)

    def run(self) -> None:
        """Serve until `stop` is called from another thread."""
        asyncio.run(self._serve())

    def stop(self) -> None:
        """End `run` soon; jobs that do not end in the time of grace are put back, to be taken up again at once."""
        self._stop.set()

    @property
    def is_busy(self) -> bool:
        """Whether a thread of this worker still does something, which may have been left alone."""
        return self._threads.is_busy

    async def _serve(self) -> None:
        asyncio.get_running_loop().set_exception_handler(_in_words)
        async with self._app.open_async():
            work, reap = asyncio.create_task(self._work()), asyncio.create_task(self._reap())
            look = asyncio.create_task(self._look_outside())
            while not self._stop.is_set() and not work.done():
                await asyncio.sleep(0.1)
            work.cancel()
            reap.cancel()
            await asyncio.wait([look], timeout=self._settings.grace_seconds)
            look.cancel()
            await asyncio.gather(work, reap, look, return_exceptions=True)
        self._threads.close()

    async def _work(self) -> None:
        """Work for ever; a database that is away for a while only interrupts it."""
        while True:
            try:
                await self._take_jobs()
            except QUEUE_AWAY as fault:
                logger.warning("the queue does not answer, asked again: %s", fault)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _take_jobs(self) -> None:
        await self._app.run_worker_async(
            queues=list(self._settings.queues or ALL_QUEUES),
            concurrency=self._settings.concurrency,
            install_signal_handlers=False,
            fetch_job_polling_interval=1.0,
            update_heartbeat_interval=self._settings.heartbeat_seconds,
            stalled_worker_timeout=self._settings.stalled_seconds,
            shutdown_graceful_timeout=self._settings.grace_seconds,
            delete_jobs="successful",
        )

    async def _reap(self) -> None:
        """Put back the jobs of workers that died."""
        while True:
            try:
                await self._put_back()
            except QUEUE_AWAY as fault:
                logger.warning("jobs of workers that died could not be looked for: %s", fault)
            await asyncio.sleep(self._settings.heartbeat_seconds)

    async def _put_back(self) -> None:
        silent = self._settings.stalled_seconds
        for job in await self._app.connector.execute_query_all_async(PUT_BACK, seconds=silent):
            logger.warning("a job of a worker that died is put back as job %s: %s", job["id"], job["args"])

    async def _look_outside(self) -> None:
        while not await self._stopped_within(self._settings.poll_seconds):
            try:
                await self._threads.run(self._poll)
            except self._engine.crew.known_errors as fault:
                logger.warning("the code host could not be asked for news: %s", fault)
            except Exception:  # noqa: BLE001 - else nobody would ask any more, and nobody would know
                logger.exception("asking the code host for news died of a fault of ours; it is asked again")

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait for so long, or for the stop; return whether it came."""
        until = asyncio.get_running_loop().time() + seconds
        while not self._stop.is_set() and (left := until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(0.1, left))
        return self._stop.is_set()

    async def _advance(self, context: JobContext, thread: str) -> None:
        await self._do(
            context,
            lambda: self._engine.advance(thread, last_try=self._is_last(context)),
            thread,
            lambda fault: self._engine.fail_thread(thread, fault),
        )

    async def _turn(self, context: JobContext, turn: int) -> None:
        await self._do(
            context,
            lambda: self._engine.run_turn(turn, last_try=self._is_last(context)),
            f"turn {turn}",
            lambda fault: self._engine.fail_turn(turn, fault),
        )

    async def _do(
        self, context: JobContext, job: Callable[[], None], subject: str, record: Callable[[Exception], None]
    ) -> None:
        """Do a job on a thread; where it is cancelled, by a stop, put it back and leave the thread alone."""
        number = context.job.id
        assert number is not None  # noqa: S101 - narrows the type: it came from the queue
        try:
            await self._threads.run(lambda: self._guard(number, job, subject, record))
        except asyncio.CancelledError:
            self._left.add(number)
            await self._leave(number, subject)
            raise

    async def _leave(self, number: int, subject: str) -> None:
        """Put a job back; while the database is away, again and again: whoever ends a job that is not back loses it."""
        while True:
            try:
                await self._app.connector.execute_query_all_async(LEAVE, id=number)
            except QUEUE_AWAY as fault:
                logger.warning("%s is not put back yet: %s", subject, fault)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                logger.info("%s is put back: this worker is stopped", subject)
                return

    def _is_last(self, context: JobContext) -> bool:
        return context.job.attempts >= self._settings.tries - 1

    def _guard(self, number: int, job: Callable[[], None], subject: str, record: Callable[[Exception], None]) -> None:
        """Run a job; the outermost loop, which records what nobody foresaw and raises it again.

        What a job that was put back dies of is not recorded: its edges may have been closed under it.
        """
        try:
            job()
        except Fenced as fault:
            logger.info("%s is left to its new holder: %s", subject, fault)
        except (*AWAY, psycopg.OperationalError) as fault:
            logger.warning("%s is tried again later: %s", subject, fault)
            raise
        except Exception as fault:
            if number in self._left:
                logger.info("%s was put back and ends here: %s", subject, fault)
                raise
            logger.exception("%s died of a fault of ours", subject)
            record(fault)
            raise


def _in_words(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log in a line that the end of a job could not be written: it is another's by now, or is taken up again."""
    fault = context.get("exception")
    if isinstance(fault, procrastinate.exceptions.ConnectorException):
        logger.warning("the end of a job is not in the queue: %s", str(fault.__cause__ or fault).partition("\n")[0])
    else:
        loop.default_exception_handler(context)


def queues_of(roles: Sequence[str]) -> tuple[str, ...]:
    """Return the queues that a worker for these roles serves; the flow's own is always among them."""
    unknown = sorted(set(roles) - set(ROLES) - {FLOW_QUEUE})
    if unknown:
        raise ValueError(f"unknown role {unknown[0]!r}: choose from {', '.join(ROLES)}")
    return (FLOW_QUEUE, *(role for role in roles if role != FLOW_QUEUE))
