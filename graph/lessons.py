"""Lessons: what reviews taught about files, counted, and found again for work on the same files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Literal

from graph.connection import Connection, Row, Transaction
from graph.errors import NotInRoadmap
from graph.models import Change, Record
from graph.writing import add_event, now, pass_fence

Severity = Literal["critical", "high", "medium", "low"]
SEVERITY_RANK: dict[Severity, int] = {"critical": 0, "high": 1, "medium": 2, "low": 3}
GLOB = re.compile(r"[*?\[]")


class Lesson(Record):
    """One thing to mind."""

    text: str
    """One sentence that says what to do or to avoid."""
    category: str = ""
    """For example `error handling`; one text in two categories is two lessons."""
    severity: Severity = "high"
    """The worst that it was met with."""
    times: int = 0
    """How many reviews and runs taught it; counted by the roadmap."""
    last_seen: datetime | None = None
    paths: tuple[str, ...] = ()
    """The files that it was learned on; kept by the roadmap."""

    def id_in(self, repository: str) -> str:
        """Return its id, `owner/repo/L-0a1b2c3d4e`: the same for texts that differ in spaces, case and end stops."""
        words = " ".join(self.text.casefold().split()).rstrip(".!;: ")
        digest = hashlib.sha256(f"{self.category.casefold().strip()}\n{words}".encode()).hexdigest()
        return f"{repository}/L-{digest[:10]}"


def learn(
    tx: Transaction, repository: str, lesson: Lesson, paths: Sequence[str], learned_from: str, change: Change
) -> None:
    """Write a lesson, its files and where it was learned; raises `NotInRoadmap` when that is not there."""
    pass_fence(tx, change)
    identifier = lesson.id_in(repository)
    values = {"repository": repository, "text": " ".join(lesson.text.split()), "category": lesson.category}
    tx.run("upsert_lesson", id=identifier, values=values, severity=lesson.severity, rank=SEVERITY_RANK[lesson.severity])
    for path in sorted({plain(path) for path in paths}):
        tx.run(
            "lesson_about",
            id=identifier,
            file_id=f"{repository}:{path}",
            path=path,
            repository=repository,
            folder=f"{repository}:{parent(path)}",
        )
    if tx.run("lesson_learned_before", id=identifier, key=f"{identifier}>{learned_from}"):
        return
    if not any(
        tx.run(f"lesson_from_{kind}", id=identifier, source=learned_from, key=f"{identifier}>{learned_from}")
        for kind in ("review", "run")
    ):
        raise NotInRoadmap(f"{learned_from} is no review or run of the roadmap", "record it first")
    tx.run("count_lesson", id=identifier, at=now())
    add_event(tx, change, identifier, f"lesson of {learned_from}")


def lessons_about(connection: Connection, repository: str, paths: Sequence[str], limit: int) -> list[Lesson]:
    """Return lessons about these paths, then about other files of their folders, most frequent first."""
    wanted = {plain(path) for path in paths}
    exact = [f"{repository}:{path}" for path in sorted(wanted) if not GLOB.search(path)]
    rows = connection.read("lessons_of_files", files=exact, limit=limit)
    if len(rows) < limit:
        seen = {row["id"] for row in rows}
        near = connection.read(
            "lessons_of_folders", folders=[f"{repository}:{name}" for name in folders(wanted)], limit=limit + len(seen)
        )
        rows += [row for row in near if row["id"] not in seen]
    return [_lesson(row) for row in rows[:limit]]


def folders(paths: Iterable[str]) -> list[str]:
    """Return the folders whose files are near: those of the paths, of globs up to the first wildcard, and the paths."""
    found: set[str] = set()
    for path in paths:
        start = GLOB.split(path, maxsplit=1)[0]
        found |= {parent(start)} if start != path else {parent(path), path}
    return sorted(found)


def plain(path: str) -> str:
    """Return a path without `./`, doubled and closing slashes."""
    return "/".join(part for part in path.strip().split("/") if part not in ("", "."))


def parent(path: str) -> str:
    """Return the folder of a path; the root's is empty."""
    if path.endswith("/"):
        return path.rstrip("/")
    folder = str(PurePosixPath(path).parent)
    return "" if folder == "." else folder


def _lesson(row: Row) -> Lesson:
    node: dict[str, Any] = row["lesson"]
    seen = row["last_seen"]
    return Lesson(
        text=node["text"],
        category=node["category"],
        severity=node["severity"],
        times=node["times"],
        last_seen=datetime.fromisoformat(seen.replace("[UTC]", "")) if seen else None,
        paths=tuple(sorted(row["paths"])),
    )
