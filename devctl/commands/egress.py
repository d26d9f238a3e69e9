"""`devctl egress`: what environments asked for and what became of it; the keeper of their proxies."""

import logging
import signal
import sys

import click

from devctl.invocation import DONE, Invocation, json_option

_SHOWN = {"at", "subject", "allowed", "reasons", "details"}


@click.group()
def egress() -> None:
    """Look at what environments reach."""


@egress.command()
@click.argument("name", required=False)
@click.option("--denied", is_flag=True, help="Only what was refused.")
@click.option("--last", type=click.IntRange(min=1, max=10_000), default=50, show_default=True)
@json_option
@click.pass_obj
def log(invocation: Invocation, name: str | None, denied: bool, last: int) -> int:
    """Show what the environment NAME, or all of them, asked for outside, the newest last."""
    from devctl.admission.audit import AuditFilter

    invocation.command = "egress log"
    with invocation.environments(reads_only=True) as held:
        found = held.audit(AuditFilter(operation="egress", subject=name, denied=denied, limit=last))
    lines = [
        f"{one.at:%Y-%m-%d %H:%M:%S}  {one.subject:20} {'let through' if one.allowed else 'refused':11} "
        f"{one.details.get('host')}:{one.details.get('port')}  {'; '.join(one.reasons)}"
        + (f" ({one.details['times']} times)" if _times(one.details.get("times")) else "")
        for one in found
    ]
    rows = [one.model_dump(mode="json", include=_SHOWN) for one in found]
    invocation.show(rows, lines or ["nothing was asked for"])
    return DONE


@egress.command(hidden=True)
@click.pass_obj
def keep(invocation: Invocation) -> int:
    """Serve the proxies of all environments until none is left; started by devctl itself."""
    from devctl.egress.audit import EgressAudit
    from devctl.egress.keeper import Keeper
    from devctl.fleet.database import open_database

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    settings = invocation.settings()
    folder = settings.folder / "egress"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = open_database(settings)
    try:
        with EgressAudit(database) as audit, Keeper(folder, audit.record) as keeper:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: keeper.stop())
            keeper.serve()
    finally:
        database.close()
    return DONE


def _times(count: object) -> bool:
    return isinstance(count, int) and count > 1
