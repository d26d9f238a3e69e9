"""LangGraph's PostgreSQL checkpointer behind a lease: a replaced worker checkpoints nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple, copy_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import Cursor
from psycopg.rows import DictRow

from agents.database import Connection, fenced
from agents.threads import Lease


class FencedSaver(PostgresSaver):
    """Checkpoints of one thread, each written in a transaction that first renews the thread's lease.

    They are on disk before a job begins that follows from them, or the advance's own job is over: the queue waits for
    the disk then. A server that loses power before that has lost them together with what the thread wanted next, and
    the nodes run again, as when the worker had died.
    """

    def __init__(self, connection: Connection, lease: Lease) -> None:
        super().__init__(connection)
        self._lease = lease
        self._latest: CheckpointTuple | None = None
        """What was read last, until this holder writes: nobody else can."""

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint; the thread's latest is read again only after a write."""
        asked = config["configurable"]
        if asked.get("checkpoint_id") or asked.get("checkpoint_ns"):
            return super().get_tuple(config)
        latest = self._latest or super().get_tuple(config)
        self._latest = latest
        return latest and latest._replace(checkpoint=copy_checkpoint(latest.checkpoint))

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Iterator[Cursor[DictRow]]:
        """Lend a cursor; all that the library writes through one in pipeline mode is one transaction of the server.

        Raises `Fenced` when the lease was lost.
        """
        with fenced(), super()._cursor(pipeline=pipeline) as cursor:
            if pipeline:
                self._latest = None
                cursor.execute("SELECT hold_thread_soon(%s, %s)", [self._lease.thread, self._lease.epoch])
            yield cursor
