"""A reading list, kept in one JSON file."""

from shelf.books import Book, Shelf, UnknownBook
from shelf.storage import load, save

__all__ = ["Book", "Shelf", "UnknownBook", "load", "save"]
