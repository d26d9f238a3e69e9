"""The threads on which a worker does its jobs: a job can be left alone there, and none of them holds a process up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

Work = Callable[[], None]


class JobThreads:
    """Does work on daemon threads, which are kept for the next: what a job has started may die with its thread."""

    def __init__(self) -> None:
        self._given: SimpleQueue[Work | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._lock = threading.Lock()

    @property
    def is_busy(self) -> bool:
        """Whether something is still being done, waited for or left alone."""
        with self._lock:
            return self._busy > 0

    async def run(self, work: Work) -> None:
        """Do the work and wait for its end, which raises what it raised.

        Where this is cancelled the work goes on; its end is nobody's any more.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def tell(fault: BaseException | None) -> None:
            if ended.done():
                return
            if fault is None:
                ended.set_result(None)
            else:
                ended.set_exception(fault)

        def do() -> None:
            fault: BaseException | None = None
            try:
                work()
            except BaseException as caught:  # noqa: BLE001 - raised again where the end is waited for
                fault = caught
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(tell, fault)

        self._give(do)
        await ended

    def close(self) -> None:
        """Have each thread end when it has done what it does."""
        for _ in self._threads:
            self._given.put(None)

    def _give(self, work: Work) -> None:
        with self._lock:
            self._busy += 1
        self._given.put(work)
        if not self._idle.acquire(blocking=False):
            thread = threading.Thread(target=self._serve, name=f"job_{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        while (work := self._given.get()) is not None:
            work()
            with self._lock:
                self._busy -= 1
            self._idle.release()
