"""The rows of the table: what they say, how they are sorted and filtered, and how wide each column is."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from devctl.durations import write_duration
from devctl.fleet.records import EnvironmentRecord
from devctl.reaper.records import KEEP_LABEL, Reason, Verdict
from devctl.records import Record

NOTHING = "-"
_MEGABYTE = 1024 * 1024
_UNKNOWN = -1.0
"""Sorts what was not measured below everything that was."""
_SHORT: dict[Reason, str] = {
    "not running": NOTHING, "host away": "away", "kept": "kept", "attached": "attached", "used": "used",
    "unobserved": "unseen", "busy": "busy", "idle": "IDLE",
}  # fmt: skip


class TopRow(Record):
    """One environment with what is known of it at this moment."""

    record: EnvironmentRecord
    cpu_percent: float | None = None
    """100 is one core; None where it does not run or was not measured twice yet."""
    memory_bytes: int | None = None
    verdict: Verdict | None = None
    """Whether it is idle; None where nobody could be asked."""
    at: datetime
    """When it was looked at."""


class Column(NamedTuple):
    """One column of the table."""

    name: str
    width: int
    """In a terminal of 80 columns, with the space behind it; all together leave room for a scroll bar."""
    share: int
    """Its part of what a wider terminal has more, in parts of all shares."""
    text: Callable[[TopRow], str]
    rank: Callable[[TopRow], float | str]
    """What it is sorted by; of one type for all rows."""


class Wish(Record):
    """Which rows are wanted, and in which order."""

    text: str = ""
    """Words that all stand somewhere in a row: its name, owner, host, phase, image, source or labels."""
    gpu_only: bool = False
    running_only: bool = False
    column: str = "NAME"
    descending: bool = False


def wanted_rows(rows: Sequence[TopRow], wish: Wish) -> list[TopRow]:
    """The rows that fit, in the wanted order; those that rank the same go by name."""
    rank = column_named(wish.column).rank
    by_name = sorted((row for row in rows if _fits(row, wish)), key=lambda row: row.record.name)
    return sorted(by_name, key=rank, reverse=wish.descending)


def column_named(name: str) -> Column:
    """Find a column."""
    return next(column for column in COLUMNS if column.name == name)


def widths(total: int) -> list[int]:
    """How wide each column is where there are so many; a narrow terminal has the least ones and scrolls."""
    spare = max(0, total - sum(column.width for column in COLUMNS) - 2)
    shares = sum(column.share for column in COLUMNS)
    return [column.width + spare * column.share // shares for column in COLUMNS]


def cells(row: TopRow) -> list[str]:
    """What a row says, column by column."""
    return [column.text(row) for column in COLUMNS]


def memory_text(size: int | None) -> str:
    """Bytes as people read them: 312M, 1.5G."""
    if size is None:
        return NOTHING
    megabytes = size / _MEGABYTE
    return f"{megabytes:.0f}M" if megabytes < 1000 else f"{megabytes / 1024:.1f}G"


def _fits(row: TopRow, wish: Wish) -> bool:
    if wish.gpu_only and not row.record.gpu:
        return False
    if wish.running_only and row.record.phase != "running":
        return False
    record = row.record
    labels = " ".join(f"{name}={value}" for name, value in record.spec.labels.items())
    parts = (record.name, record.owner, record.host, record.phase, record.spec.image, record.spec.source, labels)
    searched = " ".join(parts).casefold()
    return all(word in searched for word in wish.text.casefold().split())


def _phase(row: TopRow) -> str:
    warned = row.record.why and row.record.phase == "running"
    return f"{row.record.phase}!" if warned else row.record.phase


def _cpu(row: TopRow) -> str:
    if row.cpu_percent is None:
        return NOTHING
    return f"{row.cpu_percent:.1f}" if row.cpu_percent < 100 else f"{row.cpu_percent:.0f}"


def _up_seconds(row: TopRow) -> float:
    record = row.record
    if record.started is None or record.phase not in ("running", "paused"):
        return _UNKNOWN
    return max(0.0, (row.at - record.started).total_seconds())


def _up(row: TopRow) -> str:
    return NOTHING if _up_seconds(row) < 0 or row.record.started is None else _span(row.record.started, row.at)


def _kept_seconds(row: TopRow) -> float:
    until = row.record.keep_until
    if until is not None and until > row.at:
        return (until - row.at).total_seconds()
    return 0.0 if KEEP_LABEL in row.record.spec.labels else _UNKNOWN


def _kept(row: TopRow) -> str:
    until = row.record.keep_until
    if until is not None and until > row.at:
        return _span(row.at, until)
    return "label" if KEEP_LABEL in row.record.spec.labels else NOTHING


def _span(begin: datetime, end: datetime) -> str:
    """A length without seconds where there are minutes: it would change at each look."""
    length = max(end - begin, timedelta())
    return write_duration(length - length % _step(length.total_seconds()))


def _step(seconds: float) -> timedelta:
    return timedelta(minutes=1) if seconds >= 60 else timedelta(seconds=1)


def _idle(row: TopRow) -> str:
    return "?" if row.verdict is None else _SHORT[row.verdict.reason]


COLUMNS = (
    Column("NAME", 14, 4, lambda row: row.record.name, lambda row: row.record.name),
    Column("PHASE", 9, 0, _phase, _phase),
    Column("OWNER", 7, 2, lambda row: row.record.owner, lambda row: row.record.owner),
    Column("HOST", 8, 2, lambda row: row.record.host or NOTHING, lambda row: row.record.host),
    Column("CPU%", 6, 0, _cpu, lambda row: _UNKNOWN if row.cpu_percent is None else row.cpu_percent),
    Column("MEM", 6, 0, lambda row: memory_text(row.memory_bytes), lambda row: row.memory_bytes or _UNKNOWN),
    Column("GPU", 5, 0, lambda row: "GPU" if row.record.gpu else NOTHING, lambda row: float(row.record.gpu)),
    Column("UP", 7, 0, _up, _up_seconds),
    Column("KEPT", 7, 0, _kept, _kept_seconds),
    Column("IDLE", 9, 0, _idle, _idle),
)
"""The table from left to right."""


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)
