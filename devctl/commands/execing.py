"""`devctl exec`, `shell` and `logs`."""

import sys
from datetime import UTC, datetime, timedelta

import click

from devctl.commands.parameters import Amount, Pairs, Span
from devctl.commands.up import tell
from devctl.invocation import DONE, Invocation, json_option

_SHELL = ("sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash -l || exec sh -l")


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-t", "--tty", is_flag=True, help="Give it a terminal.")
@click.option("-i", "--stdin", "interactive", is_flag=True, help="Pass on the standard input.")
@click.option("--env", multiple=True, type=Pairs(), help="A variable for the command.")
@click.option("--cwd", help="The folder, relative to the work folder.")
@click.option("--seconds", type=Amount("Seconds"), help="End it after so long; status 124.")
@json_option
@click.argument("name")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def execute(
    invocation: Invocation, name: str, command: tuple[str, ...], tty: bool, interactive: bool,
    env: tuple[tuple[str, str], ...], cwd: str | None, seconds: float | None,
) -> int:  # fmt: skip
    """Run COMMAND in the environment NAME; its status becomes ours."""
    if command[0].startswith("-") and command[0] != "--":
        raise click.UsageError(f"options such as {command[0]} go before the name: devctl exec {command[0]} … {name} …")
    command = command[1:] if command[0] == "--" and len(command) > 1 else command
    with invocation.environments() as held:
        if invocation.as_json or seconds is not None:
            stdin = sys.stdin.buffer.read() if interactive else None
            result = held.exec(name, command, env=dict(env), stdin=stdin, cwd=cwd, seconds=seconds)
            invocation.show(result.model_dump(mode="json"), [result.output.removesuffix("\n")] if result.output else [])
            if result.timed_out:
                sys.stderr.write(f"stopped after {seconds:g} s; --seconds allows more\n")
            return result.exit_code
        from devctl.terminal import attach, window_size

        size = window_size() if tty else None
        with held.open_exec(name, command, env=dict(env), cwd=cwd, tty=tty, size=size) as stream:
            return attach(stream, tty=tty, take_input=interactive or tty)


@click.command()
@click.argument("name")
@click.pass_obj
def shell(invocation: Invocation, name: str) -> int:
    """Open a shell in the environment NAME."""
    from devctl.terminal import attach, window_size

    tty = sys.stdin.isatty()
    with invocation.environments() as held:
        if why := held.attached(name, tell):
            sys.stderr.write(f"warning: {why}\n")
        with held.open_exec(name, _SHELL, tty=tty, size=window_size() if tty else None) as stream:
            return attach(stream, tty=tty, take_input=True)


@click.command()
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on until the environment has ended.")
@click.option("--since", type=Span(), help="Only what its main process printed in this last span: 10m, 2h.")
@json_option
@click.pass_obj
def logs(invocation: Invocation, name: str, follow: bool, since: timedelta | None) -> int:
    """Show what the lifecycle commands and the main process of NAME printed."""
    begin = None if since is None else datetime.now(UTC) - since
    with invocation.environments() as held:
        pieces = held.logs(name, follow and not invocation.as_json, begin)
        if invocation.as_json:
            invocation.show({"name": name, "log": b"".join(pieces).decode("utf-8", "replace")}, [])
            return DONE
        for piece in pieces:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    return DONE
