"""Reading and writing the JSON file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from shelf.books import Book, Shelf


def load(path: Path) -> Shelf:
    """Return the shelf in a file; an absent file is an empty shelf."""
    if not path.exists():
        return Shelf()
    shelf = Shelf()
    for entry in json.loads(path.read_text(encoding="utf-8")):
        finished = entry.get("finished")
        shelf.add(
            Book(
                title=entry["title"],
                author=entry["author"],
                year=entry.get("year"),
                finished=date.fromisoformat(finished) if finished else None,
            )
        )
    return shelf


def save(shelf: Shelf, path: Path) -> None:
    """Write the shelf to a file."""
    entries = [
        {
            "title": book.title,
            "author": book.author,
            "year": book.year,
            "finished": book.finished.isoformat() if book.finished else None,
        }
        for book in shelf.books
    ]
    path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
