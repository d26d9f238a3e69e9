"""Transcripts: recorded model calls, one JSON object a line, from which the replay server answers.

They are written by the product's exporter from the journal of a real run, never by hand.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, field_validator

VERSION: Literal[1] = 1


class TranscriptError(Exception):
    """A transcript that cannot be used; the message names file, line and what is wrong."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class RecordedRequest(_Record):
    """What was asked, in the words of the chat completions protocol."""

    model: str
    messages: tuple[dict[str, JsonValue], ...]
    tools: tuple[dict[str, JsonValue], ...] = ()
    response_schema: dict[str, JsonValue] | None = None


class TranscriptEntry(_Record):
    """One recorded call."""

    version: Literal[1] = VERSION
    """Version of this format."""
    turn: str
    """`feature/task/role/round/step`, the key by which the entry is found."""
    request: RecordedRequest
    reply: dict[str, JsonValue]
    """The whole chat completion."""

    @field_validator("reply")
    @classmethod
    def _has_choices(cls, reply: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if not reply.get("choices"):
            raise ValueError("the reply has no choices: record whole chat completions")
        return reply


def write_transcript(path: Path, entries: Iterable[TranscriptEntry]) -> None:
    """Write the entries to the file, replacing it, one JSON object a line."""
    lines = [entry.model_dump_json() + "\n" for entry in entries]
    path.write_text("".join(lines), encoding="utf-8")


def read_transcripts(paths: Iterable[Path]) -> dict[str, TranscriptEntry]:
    """All entries of the files by turn. Raises TranscriptError.

    The same turn may be recorded twice only with the same content: two answers to one turn would make the
    replay depend on the order of requests.
    """
    entries: dict[str, TranscriptEntry] = {}
    for path in paths:
        for number, line in enumerate(_lines(path), start=1):
            if not line.strip():
                continue
            entry = _entry(line, f"{path}:{number}")
            known = entries.setdefault(entry.turn, entry)
            if known != entry:
                raise TranscriptError(f"{path}:{number}: turn {entry.turn} is recorded twice and differs")
    if not entries:
        raise TranscriptError("the transcripts hold no entries: give at least one recorded file")
    return entries


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise TranscriptError(f"{path}: cannot be read: {error}") from error


def _entry(line: str, place: str) -> TranscriptEntry:
    try:
        return TranscriptEntry.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the line"
        raise TranscriptError(f"{place}: {where}: {first['msg']}") from error
