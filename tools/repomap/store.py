"""Tags kept by blob: a file that was read once is not read again, in whatever commit or process it turns up."""

from __future__ import annotations

import json
import logging
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from tools.repomap.extract import Definition, Tags
from tools.repomap.languages import VERSION

log = logging.getLogger(__name__)

BUSY_SECONDS = 60
_CHUNK = 5_000
Key = tuple[str, str]
"""A blob's sha, and the language that it is read as."""


class TagStore:
    """One file in the mirror's folder; processes may share it. A broken file is thrown away: it is only a cache."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"roadcrew-tags-{VERSION}.sqlite"

    def get(self, keys: Iterable[Key]) -> Iterator[tuple[Key, Tags]]:
        """Those of the files whose tags are known, in any order."""
        by_language: dict[str, list[str]] = {}
        for sha, language in keys:
            by_language.setdefault(language, []).append(sha)
        for language, shas in by_language.items():
            for start in range(0, len(shas), _CHUNK):
                for sha, data in self._rows(language, shas[start : start + _CHUNK]):
                    tags = _read(data)
                    if tags is not None:
                        yield (sha, language), tags

    def put(self, found: Mapping[Key, Tags]) -> None:
        """Keep the tags of files."""
        rows = [(sha, language, _written(tags)) for (sha, language), tags in found.items()]
        try:
            with self.opened() as database, database:
                database.executemany("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", rows)
        except sqlite3.DatabaseError as error:  # locked for too long, no space, broken: the map works without
            log.warning("the tags of %d files are not kept in %s: %s", len(rows), self._file, error)

    def _rows(self, language: str, shas: list[str]) -> list[tuple[str, bytes]]:
        text = "SELECT sha, tags FROM tags WHERE language = ? AND sha IN (SELECT value FROM json_each(?))"
        try:
            with self.opened() as database:
                return database.execute(text, (language, json.dumps(shas))).fetchall()
        except sqlite3.DatabaseError as error:
            log.warning("the kept tags in %s cannot be read: %s", self._file, error)
            return []

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """The database, made anew where its file is broken; where that shows later, the next one is."""
        try:
            database = self._connect()
        except sqlite3.DatabaseError as error:
            if not self._thrown_away(error):
                raise
            database = self._connect()
        with closing(database):
            try:
                yield database
            except sqlite3.DatabaseError as error:  # a broken page is found when it is read, not before
                self._thrown_away(error)
                raise

    def _thrown_away(self, error: sqlite3.DatabaseError) -> bool:
        """Remove the file if the error says that it is broken."""
        if isinstance(error, sqlite3.OperationalError):
            return False
        log.warning("%s is broken and made anew: %s", self._file, error)
        self._file.unlink(missing_ok=True)
        return True

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._file, timeout=BUSY_SECONDS)
        try:
            database.execute("PRAGMA synchronous = OFF")  # a cache that a power cut breaks is made anew
            database.execute(
                "CREATE TABLE IF NOT EXISTS tags"
                " (sha TEXT, language TEXT, tags BLOB, PRIMARY KEY (sha, language)) WITHOUT ROWID"
            )
        except sqlite3.Error:
            database.close()
            raise
        return database


def _written(tags: Tags) -> bytes:
    return zlib.compress(json.dumps(tags, separators=(",", ":")).encode(), 1)


def _read(data: bytes) -> Tags | None:
    """What was written, or None for a row that is broken: its file is parsed anew."""
    try:
        definitions, references = json.loads(zlib.decompress(data))
        return Tags([Definition(*item) for item in definitions], references)
    except (zlib.error, ValueError, TypeError) as error:
        log.warning("kept tags are broken: %s", error)
        return None
