"""LangGraph's PostgreSQL checkpointer behind a lease: a replaced worker checkpoints nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres import PostgresSaver

from agents.database import Connection, in_one_go
from agents.threads import Lease, renew_thread


class FencedSaver(PostgresSaver):
    """Checkpoints of one thread, each written in a transaction that first renews the thread's lease."""

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
        with self._writing, in_one_go(self._connection):
            renew_thread(self._connection, self._lease)
            return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Write a node's pending writes; raises `Fenced` when the lease was lost."""
        with self._writing, in_one_go(self._connection):
            renew_thread(self._connection, self._lease)
            super().put_writes(config, writes, task_id, task_path)
