"""`roadcrew up`: the servers of the workspace, for as long as it runs."""

import signal
import threading
from types import FrameType

import click

from roadcrew.command import json_option, note, with_settings
from roadcrew.output import print_data, print_table
from roadcrew.settings import Settings


@click.command()
@click.option("--detach", is_flag=True, help="Leave the servers running; `roadcrew stop --servers` stops them.")
@json_option
@with_settings
def command(settings: Settings, detach: bool, as_json: bool) -> None:
    """Start the servers of the workspace, print their addresses, and keep them until Ctrl-C."""
    from roadcrew.edges import workspace_in_use
    from roadcrew.servers import start_all

    with workspace_in_use(settings, keep=detach) as workspace:
        servers = start_all(settings, workspace)
        if as_json:
            print_data("up", servers)
        else:
            print_table(["server", "address", "where"], [(one.name, one.address, one.where) for one in servers])
        if not detach:
            note("Ctrl-C stops them")
            wait_for_stop()


def wait_for_stop() -> None:
    """Return when the process is asked to stop, by Ctrl-C or SIGTERM."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stopped.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
