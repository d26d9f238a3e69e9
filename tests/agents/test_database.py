"""Transactions whose statements travel together: all or nothing, and the connection is good for the next."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver

from agents.checkpoints import FencedSaver
from agents.database import Database, connections_for
from agents.errors import Fenced
from agents.threads import Lease, Letter, Threads


def post(database: Database, threads: Threads, lease: Lease, soon: bool, fault: Exception | None) -> None:
    with database.transaction(soon=soon) as connection:
        threads.send(connection, Letter(id=0, thread=lease.thread, key="k", kind="word", payload={}))
        threads.settle(connection, lease, "waiting", ["checks"])
        if fault is not None:
            raise fault


@pytest.mark.parametrize("soon", [False, True])
def test_a_transaction_is_written_whole(database: Database, threads: Threads, lease: Lease, soon: bool) -> None:
    post(database, threads, lease, soon, None)
    state = threads.get(lease.thread)
    assert state is not None
    assert (state.status, state.waits_for, len(threads.unread(lease.thread))) == ("waiting", "checks", 1)


@pytest.mark.parametrize("soon", [False, True])
def test_a_transaction_that_its_block_gives_up_writes_nothing(
    database: Database, threads: Threads, lease: Lease, soon: bool
) -> None:
    with pytest.raises(LookupError, match="given up"):
        post(database, threads, lease, soon, LookupError("given up"))
    assert threads.unread(lease.thread) == []
    post(database, threads, lease, soon, None)


def test_a_transaction_of_a_replaced_holder_writes_nothing(database: Database, threads: Threads, lease: Lease) -> None:
    threads.take(lease.thread, "other")
    for _ in range(10):  # the server's refusal arrives sooner or later
        with pytest.raises(Fenced, match="taken over"):
            post(database, threads, lease, False, None)
    assert threads.unread(lease.thread) == []


def test_only_what_is_soon_on_disk_is_not_waited_for(database: Database) -> None:
    said = []
    for soon in (True, False):
        with database.transaction(soon=soon) as connection:
            row = connection.execute("SHOW synchronous_commit").fetchone()
            assert row is not None
            said.append(row["synchronous_commit"])
    assert said == ["off", "on"]


def test_taking_a_thread_reads_its_inbox(database: Database, threads: Threads, lease: Lease) -> None:
    with database.transaction() as connection:
        threads.settle(connection, lease, "waiting")
    assert threads.take_unended(lease.thread, "me") is not None
    post(database, threads, lease.model_copy(update={"epoch": lease.epoch + 1}), False, None)
    taken = threads.take_unended(lease.thread, "other")
    assert taken is not None
    state, newer, letters = taken
    assert (newer.epoch, state.epoch, [letter.key for letter in letters]) == (lease.epoch + 2, lease.epoch + 2, ["k"])
    with database.transaction() as connection:
        threads.settle(connection, newer, "done")
    assert threads.take_unended(lease.thread, "me") is None


def test_a_checkpoint_is_read_again_after_a_write(database: Database, lease: Lease) -> None:
    config: RunnableConfig = {"configurable": {"thread_id": lease.thread, "checkpoint_ns": ""}}
    with database.connection() as connection:
        PostgresSaver(connection).setup()
        saver = FencedSaver(connection, lease)
        assert saver.get_tuple(config) is None
        kept = saver.put(config, empty_checkpoint(), {}, {})
        first = saver.get_tuple(config)
        assert first is not None
        first.checkpoint["channel_versions"]["round"] = "2"  # as the library does with what it was given
        again = saver.get_tuple(config)
        assert again is not None
        assert (again.checkpoint["channel_versions"], again.pending_writes) == ({}, [])
        saver.put_writes(kept, [("round", 1)], "node")
        written = saver.get_tuple(config)
    assert written is not None
    assert written.pending_writes == [("node", "round", 1)]


def test_each_of_many_jobs_gets_a_second_connection_while_all_hold_their_first(database: Database) -> None:
    jobs = 20
    many, together = Database(database.url, connections_for(jobs)), threading.Barrier(jobs)
    many.open()

    def job(number: int) -> int:
        with many.connection() as first:
            first.execute("SELECT 1")
            together.wait(60)
            return int(many.rows("SELECT %s::int AS number", number)[0]["number"])

    try:
        with ThreadPoolExecutor(jobs) as threads:
            assert sorted(threads.map(job, range(jobs))) == list(range(jobs))
    finally:
        many.close()
