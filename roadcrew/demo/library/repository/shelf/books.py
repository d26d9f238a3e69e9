"""Books and the shelf they stand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


class UnknownBook(LookupError):
    """No book has that title."""


@dataclass
class Book:
    """One book; `year` and `finished` are None when they are not known or not there yet."""

    title: str
    author: str
    year: int | None = None
    finished: date | None = None

    @property
    def state(self) -> str:
        """`to read` or `finished`."""
        return "to read" if self.finished is None else "finished"


@dataclass
class Shelf:
    """Books in the order in which they were added."""

    books: list[Book] = field(default_factory=list)

    def add(self, book: Book) -> None:
        """Put a book at the end; a title stands on the shelf once."""
        if any(other.title == book.title for other in self.books):
            raise ValueError(f"{book.title!r} is on the shelf already")
        self.books.append(book)

    def find(self, title: str) -> Book:
        """Return the book with a title; raises UnknownBook."""
        for book in self.books:
            if book.title == title:
                return book
        raise UnknownBook(title)

    def finish(self, title: str, on: date) -> Book:
        """Mark a book as finished."""
        book = self.find(title)
        book.finished = on
        return book
