"""`roadcrew worker`: serve the queues of one or more roles, and the webhooks if asked to."""

from __future__ import annotations

import contextlib

import click

from roadcrew.addresses import Address
from roadcrew.command import note, with_settings
from roadcrew.commands.up import wait_for_stop
from roadcrew.errors import InputInvalid
from roadcrew.settings import Settings

GRACE_SECONDS = 2.0
"""How long jobs may take to end when this worker is stopped, before they are put back for the next one."""


@click.command()
@click.option("--role", "roles", multiple=True, help="Serve this role's queue only; may be given again.")
@click.option("--concurrency", default=4, show_default=True, type=click.IntRange(1, 64), help="Jobs at a time.")
@click.option("--intake", "heard_at", type=Address(), help="Also hear webhooks on this port of loopback, or HOST:PORT.")
@click.option("--poll/--no-poll", default=True, show_default=True, help="Ask the code host for news.")
@click.option(
    "--heartbeat",
    default=3.0,
    show_default=True,
    type=click.FloatRange(0.1, 600),
    help="Seconds between signs of life; a worker silent for four of them is taken for dead.",
)
@click.option("--unsandboxed", is_flag=True, help="Run the model's commands on this machine without a sandbox.")
@with_settings
def command(
    settings: Settings,
    roles: tuple[str, ...],
    concurrency: int,
    heard_at: tuple[str, int] | None,
    poll: bool,
    heartbeat: float,
    unsandboxed: bool,
) -> None:
    """Work on deliveries until Ctrl-C; start as many workers as you like, on any machines that share the servers."""
    from roadcrew.assembly import need_model, open_office
    from roadcrew.crewing import leave, working
    from roadcrew.edges import workspace_in_use
    from roadcrew.hearing import hearing_the_forge
    from roadcrew.intake import Intake
    from roadcrew.jobs import FLOW_QUEUE, WorkerSettings, queues_of
    from roadcrew.lookout import Lookout
    from roadcrew.placing import watched
    from roadcrew.webhooks import WebhookServer

    need_model(settings)
    try:
        queues = queues_of(roles) if roles else None
    except ValueError as fault:
        raise InputInvalid(str(fault), "leave --role out to serve all") from fault
    with contextlib.ExitStack() as stack:
        workspace = stack.enter_context(workspace_in_use(settings))
        sandboxed_roles = queues != (FLOW_QUEUE,)
        office = stack.enter_context(
            open_office(settings, workspace, unsandboxed=unsandboxed, environments=sandboxed_roles, jobs=concurrency)
        )
        serving = WorkerSettings(
            queues=queues,
            concurrency=concurrency,
            heartbeat_seconds=heartbeat,
            stalled_seconds=4 * heartbeat,
            grace_seconds=GRACE_SECONDS,
        )
        regularly = []
        if office.people is not None and heard_at is None:
            regularly.append(stack.enter_context(hearing_the_forge(office)))
            note("the local forge tells this worker its news at once")
        if poll:
            regularly.append(Lookout(office.engine, watched(office)).look)
        worker = stack.enter_context(working(office, serving, poll, regularly))
        if heard_at is not None:
            secret = settings.code_host.webhook_secret
            value = secret.get_secret_value() if secret else workspace.secret("webhook")
            intake = Intake(office.engine)
            server = WebhookServer(value, intake, office.crew.threads, *heard_at)
            stack.enter_context(server)
            note(f"hears webhooks at {server.url}")
        note(f"serves {', '.join(queues) if queues else 'all roles'}; Ctrl-C stops")
        wait_for_stop()
    if worker.is_busy:
        leave()
