"""What commands print: tables and plain lines for people, one versioned JSON envelope for programs.

Results go to standard output, everything else (progress, errors) to standard error. The envelope is
`{"version": 1, "command": "...", "data": ...}`; on standard error `"error": {"kind", "message", "hint"}`
stands in the place of `data`.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

ENVELOPE_VERSION = 1
"""Raised when a reader of the old envelope would misread the new one; new keys alone do not raise it."""


def print_data(command: str, data: object) -> None:
    """Print the envelope of one command's result as JSON on standard output.

    Records may be pydantic models, also inside lists and mappings; times become ISO strings.
    """
    _write_json({"version": ENVELOPE_VERSION, "command": command, "data": data}, sys.stdout)


def print_line(text: str = "") -> None:
    """Print one plain line for people on standard output; its markup is not interpreted."""
    sys.stdout.write(shown(text) + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
    """Print a table for people on standard output; `None` is shown as an empty cell."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(cell_text(value))) for value in row))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160).print(table)


def print_error(error: BaseException, command: str = "", as_json: bool = False) -> None:
    """Print an error on standard error: what was wrong and, where it is known, what to do."""
    message = str(getattr(error, "message", "") or "") or str(error) or type(error).__name__
    hint = str(getattr(error, "hint", "") or "")
    if as_json:
        words = {"kind": type(error).__name__, "message": message, "hint": hint}
        _write_json({"version": ENVELOPE_VERSION, "command": command, "error": words}, sys.stderr)
        return
    sys.stderr.write(f"error: {shown(message)}\n")
    if hint:
        sys.stderr.write(f"  hint: {shown(hint)}\n")


def shown(text: str) -> str:
    """Return the text without characters that could steer a terminal: issues, models and tests have a say in it."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


def cell_text(value: object) -> str:
    """Return the text of one table cell: strings as they are, structures as compact JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list | tuple):
        import json

        return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(_plain(value)) if not isinstance(value, int | float) else str(value)


def _write_json(value: object, stream: TextIO) -> None:
    import json

    json.dump(value, stream, default=_plain, ensure_ascii=False, indent=2)
    stream.write("\n")


def _plain(value: Any) -> object:
    """Return what JSON can hold for the values it cannot: records, times, paths, sets."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "iso_format"):
        return value.iso_format()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return str(value)
