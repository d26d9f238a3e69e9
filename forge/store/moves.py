"""Refs that are about to move: what a process that dies leaves for the next one to announce."""

import sqlite3
from collections.abc import Sequence

from forge.records import Record, RefChange, Repository, User
from forge.store.database import insert, many


class Move(Record):
    """One ref that somebody set out to move."""

    id: int
    repo_id: int
    user_id: int
    ref: str
    old: str
    new: str


def note(db: sqlite3.Connection, repo: Repository, user: User, changes: Sequence[RefChange]) -> list[int]:
    """Write down what is about to move; returns the rows' ids."""
    return [
        insert(db, "moves", repo_id=repo.id, user_id=user.id, ref=each.ref, old=each.old, new=each.new)
        for each in changes
    ]


def forget(db: sqlite3.Connection, keys: Sequence[int]) -> None:
    """Drop rows whose moves were announced or did not happen."""
    db.executemany("DELETE FROM moves WHERE id = ?", [(key,) for key in keys])


def noted(db: sqlite3.Connection) -> list[Move]:
    """All rows, oldest first."""
    return many(db, Move, "SELECT * FROM moves ORDER BY id")
