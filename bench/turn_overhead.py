"""What a role's turn costs on its way through queue and checkpoint, against bare procrastinate and LangGraph.

    .venv/bin/python -m bench.turn_overhead [--turns 40] [--waiting]

A turn here sleeps: as in life, the worker has looked for other jobs when it ends. Measured is the time from the end of
one turn's code to the begin of the next one's: the result recorded, the thread woken by a job, its flow resumed from the
checkpoint, run to its next interrupt and checkpointed, the next turn wanted and fetched by the worker. The bare side does
the same with the two libraries alone, on the same PostgreSQL server: a graph of two nodes that interrupt in turn, one job
that resumes it, one that answers. Each side has a database of its own, since a notification of one queue wakes the workers
of all queues in its database, and begins only when the other's queue is empty, so that neither works while the other is
measured. The bare side's checkpoints do not wait for the disk, as Roadcrew's do not; the libraries as they come do
(`--waiting`) and take longer.
Exits with 1 when Roadcrew takes more than 1.25 times as long.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypedDict

import procrastinate
import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from pydantic import JsonValue

from agents.crew import TurnContext
from agents.engine import Engine
from agents.errors import TurnFailed
from local import ensure_postgres, open_workspace, using
from roadcrew.assembly import Office, open_office
from roadcrew.jobs import CONNECTION, Worker, WorkerSettings
from roadcrew.settings import Settings

LIMIT = 1.25
TURN = 0.1
"""Seconds that a turn takes."""
DEADLINE = 60.0
"""Seconds that one thread may take before the measurement is given up."""


class Bare:
    """Two nodes, a checkpointer and a queue, with nothing of ours."""

    def __init__(self, url: str, waiting: bool) -> None:
        self.gaps: list[float] = []
        self._ended = 0.0
        self._done = threading.Event()
        self.ready = threading.Event()
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=8))
        self._app.task(name="advance")(self._advance)
        self._app.task(name="turn")(self._turn)
        self._pool = ConnectionPool(
            url,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "options": f"-c synchronous_commit={'on' if waiting else 'off'}",
            },
            min_size=1,
            max_size=8,
            open=True,
        )
        self._flow = bare_flow().compile(checkpointer=PostgresSaver(self._pool))  # type: ignore[arg-type]  # dict rows

    async def serve(self) -> None:
        """Work until cancelled."""
        with self._pool.connection() as connection:
            PostgresSaver(connection).setup()  # type: ignore[arg-type]  # the pool's rows are dicts
        async with self._app.open_async():
            await self._app.schema_manager.apply_schema_async()
            self.ready.set()
            await self._app.run_worker_async(
                concurrency=4, install_signal_handlers=False, delete_jobs="successful", fetch_job_polling_interval=1.0
            )

    def one(self, number: int) -> None:
        """Take one thread from its first turn to its second."""
        self._done.clear()
        self._ended = 0.0
        self._app.configure_task("advance").defer(thread=f"t{number}", answer=None)
        wait_for(self._done)

    def _advance(self, thread: str, answer: Any) -> None:
        config: RunnableConfig = {"configurable": {"thread_id": thread}}
        self._flow.invoke(Command(resume=answer) if answer else {"done": 0}, config, durability="sync")
        if self._flow.get_state(config).interrupts:
            self._app.configure_task("turn").defer(thread=thread)

    def _turn(self, thread: str) -> None:
        began = time.perf_counter()
        if self._ended:
            self.gaps.append((began - self._ended) * 1000)
            self._done.set()
            return
        time.sleep(TURN)
        self._ended = time.perf_counter()
        self._app.configure_task("advance").defer(thread=thread, answer={"verdict": "done"})


class BareState(TypedDict, total=False):
    """What the bare graph keeps."""

    done: int


def bare_flow() -> StateGraph[Any, Any, Any, Any]:
    """Return a graph of two nodes that each wait for a turn."""

    def node(state: BareState) -> BareState:
        interrupt({"turn": state["done"]})
        return {"done": state["done"] + 1}

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(BareState)
    graph.add_node("first", node)
    graph.add_node("second", node)
    graph.add_edge(START, "first")
    graph.add_edge("first", "second")
    graph.add_edge("second", END)
    return graph


class Own:
    """The engine with turns that do nothing: a delivery's baseline, and the planning after it."""

    def __init__(self, office: Office) -> None:
        self.gaps: list[float] = []
        self._ended = 0.0
        self._done = threading.Event()

        engine = Engine(office.crew, office.queue, {"tester": self._first, "planner": self._second})
        self._engine = engine
        self.worker = Worker(office.url, engine, WorkerSettings(poll_seconds=3600.0, tries=1), lambda: None)

    def one(self, number: int) -> None:
        """Take one thread from its first turn to its second."""
        self._done.clear()
        self._ended = 0.0
        self._engine.start_feature("bench/turns", number)
        wait_for(self._done)

    def _first(self, context: TurnContext) -> dict[str, JsonValue]:
        time.sleep(TURN)
        self._ended = time.perf_counter()
        return {"verdict": "done", "base": "0" * 40, "notes": []}

    def _second(self, context: TurnContext) -> dict[str, JsonValue]:
        self.gaps.append((time.perf_counter() - self._ended) * 1000)
        self._done.set()
        raise TurnFailed("measured enough", "")


def own_database(url: str) -> str:
    """Make a database beside the one at this address and return its address."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bare")
    return make_conninfo(url, dbname="bare")


def wait_for(event: threading.Event) -> None:
    """Wait for an event; raises `TimeoutError` where its side has stopped working."""
    if not event.wait(DEADLINE):
        raise TimeoutError(f"a side did not do its part within {DEADLINE:.0f} s")


def wait_until_quiet(queue: psycopg.Connection[Any]) -> None:
    """Return when a queue is empty: then what follows from the last turn is over too."""
    deadline = time.monotonic() + DEADLINE
    while queue.execute("SELECT 1 FROM procrastinate_jobs LIMIT 1").fetchone():
        if time.monotonic() > deadline:
            raise TimeoutError(f"a queue is not empty after {DEADLINE:.0f} s")
        time.sleep(0.02)


def main() -> None:
    """Measure both and print the ratio of their medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--waiting", action="store_true", help="have the bare side's checkpoints wait for the disk")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rc-")))
        settings = Settings(workspace=folder / "w")
        workspace = open_workspace(settings.workspace)
        stack.enter_context(using(workspace))
        office = stack.enter_context(open_office(settings, workspace))
        url = own_database(ensure_postgres(workspace))
        bare, own = Bare(url, chosen.waiting), Own(office)
        threading.Thread(target=lambda: asyncio.run(bare.serve()), daemon=True).start()
        threading.Thread(target=own.worker.run, daemon=True).start()
        wait_for(bare.ready)
        sides: tuple[Bare | Own, ...] = (bare, own)
        queues = [
            stack.enter_context(psycopg.connect(place, autocommit=True))
            for place in (url, make_conninfo(office.url, **CONNECTION))
        ]
        for number in range(1, chosen.turns + 1):
            for side, queue in zip(sides, queues, strict=True):
                side.one(number)
                wait_until_quiet(queue)
        own.worker.stop()
        ratio = statistics.median(own.gaps) / statistics.median(bare.gaps)
    print(f"procrastinate and LangGraph {statistics.median(bare.gaps):7.1f} ms a turn ({len(bare.gaps)} turns)")
    print(f"roadcrew                    {statistics.median(own.gaps):7.1f} ms a turn ({len(own.gaps)} turns)")
    print(f"ratio: {ratio:.2f}, at most {LIMIT} is promised")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
