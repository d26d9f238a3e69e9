"""Parsing in child processes: a file that ends a child costs that file alone, and nothing of another one's.

What is found about a file is kept for good (`store`), so it must follow from the file alone: not from what was parsed
before it in the same child, nor from how busy the machine was. The file at which a child ended is tried again in
a child of its own, limits are on processor time, and what was not decided is left out, to be tried another time.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.process import Finished, run_program
from tools.repomap.extract import NOTHING, Definition, Tags
from tools.repomap.store import Key
from tools.repomap.worker import UNUSABLE

log = logging.getLogger(__name__)

OUTPUT_BYTES = 256 * 1024 * 1024
"""Of one child."""
_NOT_THE_FILES_FAULT = frozenset({0, UNUSABLE, -signal.SIGKILL})

Source = tuple[Key, bytes]
"""A file's key and its content."""


def parse_all(sources: Sequence[Source], deadline: float) -> dict[Key, Tags]:
    """The tags of files; those that there was no time for, until `deadline` of the monotonic clock, are left out."""
    found: dict[Key, Tags] = {}
    waiting = list(sources)
    alone = False
    while waiting and time.monotonic() < deadline:
        batch = waiting[:1] if alone else waiting
        tags, ended = _parsed(batch, deadline)
        found.update(zip((key for key, _ in batch), tags, strict=False))
        waiting = waiting[len(tags) :]
        alone = len(tags) < len(batch)  # a file ended the child: for what it is, or for what came before it
        if not tags:
            if ended.timed_out or ended.status in _NOT_THE_FILES_FAULT:
                log.warning("%d files are not parsed: %s", len(waiting), _last_words(ended))
                break
            key, _ = waiting.pop(0)
            log.warning("the parser gave up on blob %s", key[0])
            found[key] = NOTHING
            alone = False
    return found


def _parsed(sources: Sequence[Source], deadline: float) -> tuple[list[Tags], Finished]:
    """The tags of files in their order, as far as one child comes, and how it ended."""
    given = b"".join(b"%s %d\n%s" % (language.encode(), len(content), content) for (_, language), content in sources)
    root = Path(__file__).resolve().parents[2]
    done = run_program(
        [sys.executable, "-P", "-m", "tools.repomap.worker"],
        cwd=root,
        env={"PATH": os.defpath, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(root)},
        given=given,
        seconds=max(deadline - time.monotonic(), 0.1),
        limit=OUTPUT_BYTES,
    )
    lines = done.stdout.split(b"\n")[:-1]  # what follows the last line end was cut off
    return [_tags(line) for line in lines], done


def _tags(line: bytes) -> Tags:
    definitions, references = json.loads(line)
    return Tags([Definition(*item) for item in definitions], references)


def _last_words(ended: Finished) -> str:
    return ended.stderr.decode("utf-8", "replace").strip()[-500:] or f"the parser ended with status {ended.status}"
