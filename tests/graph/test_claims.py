"""Processes that want the same tasks, on a real server."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

from bench.claims import race
from graph.connection import Connection
from tests.graph.stores import OWNER, Ways

TASKS = int(os.environ.get("ROADCREW_TEST_CLAIMS", "200"))


def test_eight_processes_claim_each_task_once(ways: Ways) -> None:
    came = race(ways[0], f"{OWNER}-race", TASKS, processes=8)
    assert (came.claimed, came.wrong) == (TASKS, ())


def test_workers_that_start_together_make_each_index_once(ways: Ways) -> None:
    """Each brings the schema up to date before it serves; `IF NOT EXISTS` alone does not settle who is first."""
    names = [f"together_{uuid.uuid4().hex[:8]}" for _ in range(24)]
    gate = Barrier(6)

    def worker(_number: int) -> None:
        with closing(Connection(ways[0])) as connection:
            for name in names:
                gate.wait(60)
                connection.define(f"CREATE INDEX {name} IF NOT EXISTS FOR (n:Together) ON (n.{name})")

    with ThreadPoolExecutor(gate.parties) as pool:
        assert list(pool.map(worker, range(gate.parties))) == [None] * gate.parties
    with closing(Connection(ways[0])) as connection:
        for name in names:
            connection.define(f"DROP INDEX {name} IF EXISTS")
