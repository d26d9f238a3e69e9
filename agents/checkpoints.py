"""LangGraph's PostgreSQL checkpointer behind a lease: a replaced worker checkpoints nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres import PostgresSaver

from agents.database import Connection, fenced
from agents.threads import Lease


class FencedSaver(PostgresSaver):
    """Checkpoints of one thread, each written in a transaction that first renews the thread's lease.

    They are on disk with what the thread wants next, which is waited for. A server that loses power before that has
    lost both, and the nodes run again, as when the worker had died.
    """

    def __init__(self, connection: Connection, lease: Lease) -> None:
        super().__init__(connection)
        self._connection = connection
        self._lease = lease
        self._writing = threading.RLock()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Write a checkpoint; raises `Fenced` when the lease was lost."""
        with self._writing, self._held():
            return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Write a node's pending writes; raises `Fenced` when the lease was lost."""
        with self._writing, self._held():
            super().put_writes(config, writes, task_id, task_path)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """A transaction that renews the lease."""
        connection = self._connection
        with fenced(), connection.transaction():
            connection.execute("SELECT hold_thread_soon(%s, %s)", [self._lease.thread, self._lease.epoch])
            yield
