"""Processes that want the same tasks, on a real server."""

import os

from bench.claims import race
from tests.graph.stores import OWNER, Ways

TASKS = int(os.environ.get("ROADCREW_TEST_CLAIMS", "200"))


def test_eight_processes_claim_each_task_once(ways: Ways) -> None:
    came = race(ways[0], f"{OWNER}-race", TASKS, processes=8)
    assert (came.claimed, came.wrong) == (TASKS, ())
