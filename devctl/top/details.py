"""What the pane of details says of an environment, and the table as plain lines."""

from collections.abc import Sequence

from devctl.fleet.records import EnvironmentRecord
from devctl.top.rows import COLUMNS, TopRow, cells, memory_text


def plain_table(rows: Sequence[TopRow]) -> list[str]:
    """The table for a pipe: each column as wide as its widest cell, nothing cut."""
    lines = [[column.name for column in COLUMNS], *(cells(row) for row in rows)]
    sizes = [max(len(line[number]) for line in lines) for number in range(len(COLUMNS))]
    return ["  ".join(cell.ljust(size) for cell, size in zip(line, sizes, strict=True)).rstrip() for line in lines]


def details_of(row: TopRow) -> str:
    """All that matters of one environment, a line each."""
    record = row.record
    spec = record.spec
    lines = [
        f"{record.name}  {record.phase}  owner {record.owner}  host {record.host or '-'}  id {record.id}",
        *([f"why: {record.why}"] if record.why else []),
        f"idle: {_idle(row)}",
        f"image: {spec.image}" + (f"  source: {spec.source}" if spec.source and spec.source != spec.image else ""),
        f"limits: {_limits(record)}  memory in use: {memory_text(row.memory_bytes)}",
        f"egress: {' '.join((spec.egress.mode, *spec.egress.domains))}  gpu: {_gpu(record)}",
        *([f"keep-alive until: {record.keep_until:%Y-%m-%d %H:%M} UTC"] if record.keep_until else []),
        *([f"ports: {', '.join(map(str, spec.ports))}"] if spec.ports else []),
        *([f"labels: {' '.join(f'{key}={value}' for key, value in spec.labels.items())}"] if spec.labels else []),
        *([f"secrets: {', '.join(secret.name for secret in spec.secrets)}"] if spec.secrets else []),
        *(f"note: {note}" for note in spec.notes),
    ]
    return "\n".join(lines)


def _idle(row: TopRow) -> str:
    verdict = row.verdict
    if verdict is None:
        return "not told by the service; `devctl why` beside it says it"
    due = f"; idle from {verdict.due:%Y-%m-%d %H:%M} UTC on if nothing happens" if verdict.due else ""
    return f"{'idle' if verdict.reap else 'not idle'}: {verdict.words}{due}"


def _limits(record: EnvironmentRecord) -> str:
    limits = record.spec.limits
    return f"{limits.cpus:g} cores, {limits.memory_mb}M memory, {limits.disk_mb}M disk, {limits.pids} processes"


def _gpu(record: EnvironmentRecord) -> str:
    return "yes" if record.gpu else "no" if record.spec.gpu.want == "none" else f"no, {record.spec.gpu.want}"
