"""`devctl ls` and `devctl inspect`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from devctl.commands.parameters import Pairs
from devctl.invocation import DONE, Invocation, json_option

if TYPE_CHECKING:
    from devctl.fleet.records import EnvironmentRecord
    from devctl.records import EnvironmentInfo


@click.command("ls")
@click.option("--label", "labels", multiple=True, type=Pairs(), help="Only those with this label.")
@click.option("--all", "everybody", is_flag=True, help="Those of all users.")
@click.option("--sandboxes", is_flag=True, help="The sandboxes of running programs too.")
@json_option
@click.pass_obj
def list_running(invocation: Invocation, labels: tuple[tuple[str, str], ...], everybody: bool, sandboxes: bool) -> int:
    """List your environments."""
    found = _sandboxes(invocation) if sandboxes else []
    records = _kept(invocation, dict(labels), everybody)
    data: dict[str, object] = {"environments": [one.model_dump(mode="json") for one in records]}
    lines = table([_row(one, everybody) for one in records], _head(everybody)) if records else ["no environments"]
    if sandboxes:
        data["sandboxes"] = [one.model_dump(mode="json") for one in found]
        lines += ["", "sandboxes:", *(_sandbox_line(one) for one in found)] if found else ["", "no sandboxes"]
    invocation.show(data, lines)
    return DONE


@click.command()
@click.argument("name")
@json_option
@click.pass_obj
def inspect(invocation: Invocation, name: str) -> int:
    """Show all that is known of the environment NAME."""
    with invocation.environments(reads_only=True) as held:
        record = held.get(name)
    import yaml

    data = record.model_dump(mode="json")
    shown = yaml.safe_dump(_said(data), sort_keys=False, allow_unicode=True, width=100)
    invocation.show(data, shown.splitlines())
    return DONE


def table(rows: Sequence[Sequence[str]], head: Sequence[str]) -> list[str]:
    """Lay out rows below their head; each column as wide as its widest cell."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]


def _said(value: Any) -> Any:
    """A value without what says nothing: fields that are empty."""
    if isinstance(value, dict):
        parts = {key: _said(part) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part not in (None, "", [], {})}
    return [_said(part) for part in value] if isinstance(value, list) else value


def ago(moment: datetime | None) -> str:
    """A moment as people say it: 5s, 3m, 2h, 4d."""
    if moment is None:
        return "-"
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def cut(text: str, width: int) -> str:
    """Cut a long text, with a mark where it was cut."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _kept(invocation: Invocation, labels: dict[str, str], everybody: bool) -> "list[EnvironmentRecord]":
    """The kept environments; without their database there are none, and none is started to say so."""
    if not invocation.has_state():
        return []
    with invocation.environments(reads_only=True) as held:
        held.refresh()
        return held.list(all_users=everybody, labels=labels)


def _head(everybody: bool) -> list[str]:
    return ["NAME", *(["OWNER"] if everybody else []), "PHASE", "UP", "HOST", "CPUS", "MEMORY", "SOURCE", "LABELS"]


def _row(record: "EnvironmentRecord", everybody: bool) -> list[str]:
    limits = record.spec.limits
    labels = ",".join(f"{name}={value}" for name, value in sorted(record.spec.labels.items()))
    return [
        cut(record.name, 24), *([cut(record.owner, 12)] if everybody else []),
        f"{record.phase}{'!' if record.why and record.phase == 'running' else ''}",
        ago(record.started) if record.phase in ("running", "paused") else "-",
        cut(record.host, 10), f"{limits.cpus:g}", f"{limits.memory_mb}M",
        cut(record.spec.source or record.spec.image, 24), cut(labels, 16),
    ]  # fmt: skip


def _sandboxes(invocation: Invocation) -> "list[EnvironmentInfo]":
    from devctl.store import Store

    return [state.info for state in Store(invocation.own_settings("ls --sandboxes").folder).states()]


def _sandbox_line(info: "EnvironmentInfo") -> str:
    labels = " ".join(f"{name}={value}" for name, value in info.labels.items())
    return f"{info.id}  {info.backend:10}  pid {info.owner_pid:<8} {info.created:%Y-%m-%d %H:%M:%S}  {labels}".rstrip()
