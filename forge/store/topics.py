"""The topics of repositories."""

import sqlite3
from collections.abc import Sequence

from forge.records import Repository


def of_repository(db: sqlite3.Connection, repo: Repository) -> list[str]:
    """A repository's topics in the order given."""
    return [row[0] for row in db.execute("SELECT name FROM topics WHERE repo_id = ? ORDER BY place", [repo.id])]


def replace(db: sqlite3.Connection, repo: Repository, names: Sequence[str]) -> None:
    """Give a repository just these topics."""
    db.execute("DELETE FROM topics WHERE repo_id = ?", [repo.id])
    rows = [(repo.id, place, name) for place, name in enumerate(names)]
    db.executemany("INSERT INTO topics VALUES (?, ?, ?)", rows)
