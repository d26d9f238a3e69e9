"""The tags of many files: from the store, else from workers that parse them; which files count is decided here."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tools.gitobjects import LINK, SUBMODULE, Entry, read_objects
from tools.gitrun import Git
from tools.process import run_program
from tools.repomap.extract import NOTHING, Definition, Tags
from tools.repomap.languages import language_of
from tools.repomap.store import Key, TagStore

log = logging.getLogger(__name__)

FILE_BYTES = 512 * 1024
"""Longer files are left out: programs wrote them, or nobody reads them."""
BATCH_FILES = 2_000
BATCH_BYTES = 24 * 1024 * 1024
BATCH_SECONDS = 300.0
OUTPUT_BYTES = 256 * 1024 * 1024
_FOREIGN = re.compile(
    r"(^|/)(node_modules|bower_components|vendor|third_party|site-packages|\.venv|venv|dist|__pycache__|\.git"
    r"|Pods|\.yarn)/",
)
_MACHINE_MADE = re.compile(
    r"(\.min\.[cm]?js|\.bundle\.js|_pb2(_grpc)?\.pyi?|\.pb\.(go|cc|h)|\.g\.cs|\.designer\.cs|\.generated\.\w+"
    r"|_generated\.\w+|\.d\.ts\.map)$",
    re.IGNORECASE,
)


class SourceFile(NamedTuple):
    """One file that the map may show."""

    path: str
    key: Key


def source_files(entries: Iterable[Entry]) -> list[SourceFile]:
    """Those files of a tree that people wrote in a language that we read."""
    found = []
    for entry in entries:
        language = language_of(entry.path)
        if language is None or entry.size > FILE_BYTES or entry.mode in {LINK, SUBMODULE}:
            continue
        if not _FOREIGN.search(entry.path) and not _MACHINE_MADE.search(entry.path):
            found.append(SourceFile(entry.path, (entry.sha, language)))
    return found


def tags_of(git: Git, store: TagStore, files: Sequence[SourceFile]) -> Iterator[tuple[SourceFile, Tags]]:
    """Each file with its tags; what was never read is read now and kept."""
    by_key: dict[Key, list[SourceFile]] = {}
    for file in files:
        by_key.setdefault(file.key, []).append(file)
    lacking = dict.fromkeys(by_key)
    for key, tags in store.get(by_key):
        lacking.pop(key, None)
        for file in by_key[key]:
            yield file, tags
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        for found in pool.map(lambda batch: _read_batch(git, batch), _batches(list(lacking), BATCH_FILES)):
            store.put(found)
            for key, tags in found.items():
                for file in by_key[key]:
                    yield file, tags


def _batches(keys: Sequence[Key], count: int) -> Iterator[Sequence[Key]]:
    return (keys[start : start + count] for start in range(0, len(keys), count))


def _read_batch(git: Git, keys: Sequence[Key]) -> dict[Key, Tags]:
    """Read and parse some files; one that ends the worker counts as empty, the rest goes to the next worker."""
    found: dict[Key, Tags] = {}
    for part in _batches(keys, BATCH_FILES // 4):
        contents = read_objects(git, [sha for sha, _ in part])
        waiting = [(key, item[2]) for key, item in zip(part, contents, strict=True) if item is not None]
        while waiting:
            done = parsed([(language, content) for (_, language), content in waiting])
            for (key, _), tags in zip(waiting, done, strict=False):
                found[key] = tags
            if len(done) < len(waiting):
                log.warning("the parser gave up on blob %s", waiting[len(done)][0][0])
                found[waiting[len(done)][0]] = NOTHING
            waiting = waiting[len(done) + 1 :]
    return found


def parsed(sources: Sequence[tuple[str, bytes]]) -> list[Tags]:
    """The tags of sources by language, as far as one worker comes."""
    given = b"".join(b"%s %d\n%s" % (language.encode(), len(content), content) for language, content in sources)
    root = Path(__file__).resolve().parents[2]
    done = run_program(
        [sys.executable, "-P", "-m", "tools.repomap.worker"],
        cwd=root,
        env={"PATH": os.defpath, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(root)},
        given=given,
        seconds=BATCH_SECONDS,
        limit=OUTPUT_BYTES,
    )
    lines = done.stdout.split(b"\n")[:-1]  # what follows the last line end was cut off
    return [_tags(line) for line in lines]


def _tags(line: bytes) -> Tags:
    definitions, references = json.loads(line)
    return Tags([Definition(*item) for item in definitions], references)
