"""The tags of many files: from the store, else parsed now; which files people wrote is decided here."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tools.gitobjects import LINK, SUBMODULE, Entry, read_objects
from tools.gitrun import Git
from tools.repomap.extract import Tags
from tools.repomap.languages import language_of
from tools.repomap.parsing import Source, parse_all
from tools.repomap.store import Key, TagStore

FILE_BYTES = 512 * 1024
"""Longer files are left out: programs wrote them, or nobody reads them."""
BATCH_FILES = 1_000
BATCH_BYTES = 4 * 1024 * 1024
"""Of the files that one child parses."""
CHILDREN = 4
"""At once, where there are as many processors."""
SECONDS = 300.0
"""For all files of one map; those that it does not reach are left out, and are parsed for the next one."""
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
    size: int
    """Bytes."""


def source_files(entries: Iterable[Entry]) -> list[SourceFile]:
    """Those files of a tree that people wrote in a language that we read.

    A name that would not stand in one line is left out: in a map it could pass for lines of another file.
    """
    found = []
    for entry in entries:
        language = language_of(entry.path)
        if language is None or entry.size > FILE_BYTES or entry.mode in {LINK, SUBMODULE}:
            continue
        if entry.path.isprintable() and not _FOREIGN.search(entry.path) and not _MACHINE_MADE.search(entry.path):
            found.append(SourceFile(entry.path, (entry.sha, language), entry.size))
    return found


def tags_of(
    git: Git, store: TagStore, files: Sequence[SourceFile], seconds: float = SECONDS
) -> Iterator[tuple[SourceFile, Tags]]:
    """Each file with its tags, as far as there is time; what was never read is read now and kept."""
    deadline = time.monotonic() + seconds
    by_key: dict[Key, list[SourceFile]] = {}
    for file in files:
        by_key.setdefault(file.key, []).append(file)
    lacking = dict.fromkeys(by_key)
    for key, tags in store.get(by_key):
        lacking.pop(key, None)
        for file in by_key[key]:
            yield file, tags
    with ThreadPoolExecutor(max_workers=min(CHILDREN, os.cpu_count() or 1)) as pool:
        for found in pool.map(lambda batch: parse_all(batch, deadline), _batches(_read(git, list(lacking)))):
            store.put(found)
            for key, tags in found.items():
                for file in by_key[key]:
                    yield file, tags


def _read(git: Git, keys: Sequence[Key]) -> Iterator[Source]:
    """The contents of the files, by one git process; the caller bounds how many."""
    contents = read_objects(git, [sha for sha, _ in keys])
    return ((key, item[2]) for key, item in zip(keys, contents, strict=True) if item is not None)


def _batches(sources: Iterable[Source]) -> Iterator[list[Source]]:
    batch: list[Source] = []
    size = 0
    for source in sources:
        batch.append(source)
        size += len(source[1])
        if len(batch) == BATCH_FILES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
