"""Threads: leases, epochs and inboxes on a real PostgreSQL."""

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.conninfo import make_conninfo

from agents.checkpoints import FencedSaver
from agents.database import Database
from agents.errors import Fenced, StateUnavailable
from agents.threads import Failure, Lease, Letter, Threads, new_thread


def letter(thread: str, key: str, kind: str = "retry") -> Letter:
    return Letter(id=0, thread=thread, key=key, kind=kind, payload={"by": "ann"})


def test_a_thread_is_started_once(database: Database, threads: Threads, thread: str) -> None:
    state = threads.get(thread)
    assert state is not None
    with database.transaction() as connection:
        assert not threads.start(connection, state)


def test_taking_over_fences_the_holder_before(database: Database, threads: Threads, lease: Lease) -> None:
    newer = threads.take(lease.thread, "other")
    assert newer.epoch == lease.epoch + 1
    with pytest.raises(Fenced), database.transaction() as connection:
        threads.settle(connection, lease, "failed")
    with pytest.raises(Fenced), database.transaction() as connection:
        threads.consume(connection, lease, [])
    with database.transaction() as connection:
        threads.settle(connection, newer, "done", outcome={"verdict": "merged"})
    state = threads.get(lease.thread)
    assert state is not None
    assert (state.status, state.outcome) == ("done", {"verdict": "merged"})


def test_a_thread_that_is_not_there_cannot_be_taken(threads: Threads) -> None:
    with pytest.raises(Fenced, match="nobody/none/F-9"):
        threads.take("nobody/none/F-9", "me")


def test_a_replaced_worker_checkpoints_nothing(database: Database, threads: Threads, lease: Lease) -> None:
    config: RunnableConfig = {"configurable": {"thread_id": lease.thread, "checkpoint_ns": ""}}
    with database.connection() as connection:
        PostgresSaver(connection).setup()
        saver = FencedSaver(connection, lease)
        kept = saver.put(config, empty_checkpoint(), {}, {})
        threads.take(lease.thread, "other")
        with pytest.raises(Fenced):
            saver.put(config, empty_checkpoint(), {}, {})
        with pytest.raises(Fenced):
            saver.put_writes(kept, [("round", 1)], "node")
        checkpoints = list(saver.list(config))
    assert len(checkpoints) == 1
    assert checkpoints[0].pending_writes == []


def test_a_letter_is_kept_once_by_its_key_and_read_in_order(database: Database, threads: Threads, lease: Lease) -> None:
    with database.transaction() as connection:
        posted = [threads.post(connection, letter(lease.thread, key)) for key in ("b", "a", "b")]
    assert posted == [True, True, False]
    unread = threads.unread(lease.thread)
    assert [one.key for one in unread] == ["b", "a"]
    with database.transaction() as connection:
        threads.consume(connection, lease, [unread[0].id])
    assert [one.key for one in threads.unread(lease.thread)] == ["a"]


def test_a_letter_is_consumed_by_its_own_thread_alone(database: Database, threads: Threads, lease: Lease) -> None:
    other = new_thread(f"{lease.thread}-other", "feature", "nobody/x", 1, None)
    with database.transaction() as connection:
        threads.start(connection, other)
        threads.post(connection, letter(other.id, "a"))
        threads.consume(connection, lease, [one.id for one in threads.unread(other.id)])
        connection.execute("UPDATE thread SET status = 'done' WHERE id = %s", [other.id])
    assert [one.key for one in threads.unread(other.id)] == ["a"]


def test_waking_shows_a_standing_thread_as_active(database: Database, threads: Threads, lease: Lease) -> None:
    failure = Failure(message="no answer", hint="start it", where="coder", resumable=True)
    with database.transaction() as connection:
        threads.settle(connection, lease, "failed", ["a person"], failure=failure)
        stood = connection.execute("SELECT failure FROM thread WHERE id = %s", [lease.thread]).fetchone()
        threads.wake(connection, lease.thread)
    assert stood is not None
    assert Failure.model_validate(stood["failure"]) == failure
    state = threads.get(lease.thread)
    assert state is not None
    assert (state.status, state.failure) == ("active", None)
    with database.transaction() as connection:
        threads.settle(connection, lease, "done")
        threads.wake(connection, lease.thread)
    state = threads.get(lease.thread)
    assert state is not None
    assert state.status == "done"


def test_a_delivery_is_remembered_and_may_be_so_twice(threads: Threads, thread: str) -> None:
    assert not threads.was_delivered(thread)
    for _ in range(2):
        threads.delivered(thread)
        assert threads.was_delivered(thread)


def test_text_that_no_database_takes_is_replaced_in_letters(database: Database, threads: Threads, lease: Lease) -> None:
    hostile = Letter(
        id=0, thread=lease.thread, key="h", kind="retry", payload={"nul\x00": ["a\x00b", "\ud800", {"x": "é"}]}
    )
    with database.transaction() as connection:
        threads.post(connection, hostile)
    (read,) = threads.unread(lease.thread)
    assert read.payload == {"nul\ufffd": ["a\ufffdb", "\ufffd", {"x": "é"}]}


def test_a_database_that_is_away_is_said_with_its_address() -> None:
    away = Database("host=127.0.0.1 port=1 dbname=roadcrew user=me password=topsecret connect_timeout=1", connections=2)
    with pytest.raises(StateUnavailable, match=r"PostgreSQL at 127\.0\.0\.1:1/roadcrew") as caught:
        away.open()
    assert "topsecret" not in str(caught.value)
    assert "DATABASE_URL" in caught.value.hint


@pytest.mark.parametrize("url", ["http://example.org:x y", "postgresql://me:topsecret@[::1", "nonsense"])
def test_an_address_that_is_none_is_said_without_its_secrets(url: str) -> None:
    with pytest.raises(StateUnavailable, match="DATABASE_URL is no address") as caught:
        Database(url).open()
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_database_that_cannot_hold_every_text_is_refused(database: Database, encoding: str) -> None:
    name = f"narrow_{encoding.lower()}"
    with database.connection() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0".encode())
    narrow = Database(make_conninfo(database.url, dbname=name))
    with pytest.raises(StateUnavailable, match=f"{name} .*the encoding {encoding}, not UTF8") as fault:
        narrow.open()
    assert "ENCODING 'UTF8'" in fault.value.hint
    with database.connection() as connection:
        connection.execute(f"DROP DATABASE {name}".encode())
