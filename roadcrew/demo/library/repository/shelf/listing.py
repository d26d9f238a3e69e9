"""The table that `shelf list` prints."""

from __future__ import annotations

from datetime import date

import humanize
from tabulate import tabulate

from shelf.books import Shelf


def listing(shelf: Shelf, today: date) -> str:
    """Return the shelf as a table: unfinished books first, then the finished ones, newest first."""
    if not shelf.books:
        return "The shelf is empty."
    unfinished = [book for book in shelf.books if book.finished is None]
    finished = sorted(
        (book for book in shelf.books if book.finished is not None),
        key=lambda book: book.finished or today,
        reverse=True,
    )
    rows = [
        (
            book.title,
            book.author,
            book.year or "",
            "to read" if book.finished is None else humanize.naturaltime(today - book.finished),
        )
        for book in [*unfinished, *finished]
    ]
    return tabulate(rows, headers=["title", "author", "year", "state"])
