"""The command line."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from shelf.books import Book, UnknownBook
from shelf.listing import listing
from shelf.storage import load, save


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with all commands."""
    parser = argparse.ArgumentParser(prog="shelf", description="A reading list for the command line.")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="put a book on the shelf")
    add.add_argument("file", type=Path)
    add.add_argument("title")
    add.add_argument("--author", required=True)
    add.add_argument("--year", type=int)
    show = commands.add_parser("list", help="show the shelf")
    show.add_argument("file", type=Path)
    finish = commands.add_parser("finish", help="mark a book as finished")
    finish.add_argument("file", type=Path)
    finish.add_argument("title")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = build_parser().parse_args(arguments)
    shelf = load(options.file)
    try:
        if options.command == "add":
            shelf.add(Book(options.title, options.author, options.year))
            save(shelf, options.file)
        elif options.command == "finish":
            shelf.finish(options.title, date.today())
            save(shelf, options.file)
        else:
            print(listing(shelf, date.today()))
    except UnknownBook as fault:
        print(f"there is no book {fault} on the shelf", file=sys.stderr)
        return 1
    except ValueError as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0
