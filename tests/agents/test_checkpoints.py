"""The checkpointer's tables: whole, whoever makes them and however often that was begun."""

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.conninfo import make_conninfo

from agents.checkpoints import make_checkpoint_tables
from agents.database import Database

COUNT = itertools.count(1)
STARTING = 3


@pytest.fixture
def fresh(database: Database) -> Iterator[list[Database]]:
    """A database in which nobody has made checkpoints yet, as several starting processes see it."""
    name = f"checkpoints_{os.getpid()}_{next(COUNT)}"
    with psycopg.connect(database.url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0".encode())
    opened = [Database(make_conninfo(database.url, dbname=name), connections=2) for _ in range(STARTING)]
    for one in opened:
        one.open()
    yield opened
    for one in opened:
        one.close()
    with psycopg.connect(database.url, autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def are_whole(database: Database) -> bool:
    database.rows("SELECT task_path FROM checkpoint_writes")
    database.rows("SELECT blob FROM checkpoint_blobs")
    steps = database.rows("SELECT count(*) AS done FROM checkpoint_migrations")
    return bool(steps[0]["done"] == len(PostgresSaver.MIGRATIONS))


def test_processes_that_start_at_once_find_whole_tables(fresh: list[Database]) -> None:
    gate = Barrier(STARTING)

    def start(database: Database) -> bool:
        gate.wait(30)
        make_checkpoint_tables(database)
        return are_whole(database)

    with ThreadPoolExecutor(STARTING) as pool:
        assert list(pool.map(start, fresh)) == [True] * STARTING


def test_tables_that_a_process_began_before_it_died_are_made_whole(fresh: list[Database]) -> None:
    with fresh[0].connection() as connection:
        connection.execute(PostgresSaver.MIGRATIONS[0].encode())
    make_checkpoint_tables(fresh[1])
    assert are_whole(fresh[2])
