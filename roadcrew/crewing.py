"""A worker inside the present process: serves the queues on threads of its own while a command looks on."""

from __future__ import annotations

import logging
import os
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from agents.ids import key_of
from roadcrew.assembly import Office, open_office
from roadcrew.edges import workspace_in_use
from roadcrew.errors import Conflict
from roadcrew.features import find_feature, look_at
from roadcrew.intake import Intake
from roadcrew.jobs import Worker, WorkerSettings
from roadcrew.live import follow
from roadcrew.settings import Settings
from roadcrew.standing import Standing

logger = logging.getLogger(__name__)

STOP_SECONDS = 7.0
"""How long a worker may take to stop beyond the grace that its jobs have."""


@contextmanager
def working(
    office: Office,
    settings: WorkerSettings | None = None,
    poll: bool = True,
    regularly: Sequence[Callable[[], None]] = (),
) -> Iterator[Worker]:
    """Serve the queues until the block ends; all of `regularly` is called as often as the code host is polled."""
    intake = Intake(office.engine)

    def look_outside() -> None:
        for call in regularly:
            call()
        if poll:
            intake.poll()

    serving = settings or WorkerSettings()
    worker = Worker(office.url, office.engine, serving, look_outside)
    thread = threading.Thread(target=worker.run, name="worker", daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(serving.grace_seconds + STOP_SECONDS)
        if thread.is_alive():
            logger.warning("the worker could not put back what it does; that is taken up when it is taken for dead")


def leave() -> NoReturn:
    """End this process with what its threads still do: that was put back, and is done again by another.

    Python's own end would take the ground from under threads that are inside a library.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def settle(office: Office, thread: str) -> None:
    """Work until a delivery has ended or waits for a person, showing how it goes."""
    with working(office):
        follow(lambda: look_at(office, thread), lambda one: one.status in ("done", "stopped", "failed", "waiting"))


def go_on(settings: Settings, feature: str | None, act: Callable[[Office, str], None], wait: bool | None) -> Standing:
    """Act on the delivery that a person means (F-12, or the newest); return where it stands.

    `wait` has it worked on until it waits again; None does so on a terminal.
    """
    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        thread = find_feature(office, feature).id
        act(office, thread)
        if sys.stderr.isatty() if wait is None else wait:
            settle(office, thread)
        return look_at(office, thread)


def retry(office: Office, thread: str) -> None:
    """Wake everything of a delivery that stands still; raises `Conflict` when nothing does."""
    threads = office.crew.threads
    family = [state for state in (threads.get(thread), *threads.children(thread)) if state is not None]
    still = [state for state in family if state.status in ("failed", "waiting")]
    if not still:
        raise Conflict(f"{thread} does not stand still", f"`roadcrew watch {key_of(thread)}` shows what it does")
    for state in still:
        office.engine.tell(state.id, "retry", f"retry:{uuid.uuid4().hex}", {"by": "person"})
