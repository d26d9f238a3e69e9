"""The `devctl` program: its table of commands, each loaded when it is called, and its exit codes."""

import importlib
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from devctl.invocation import (
    BUG,
    DONE,
    ENVELOPE_VERSION,
    FAILED,
    INTERRUPTED,
    NOT_FOUND,
    REFUSED,
    SETTINGS,
    UNAVAILABLE,
    USAGE,
    Invocation,
)

EXIT_CODES = {
    "SettingsInvalid": SETTINGS,
    "SandboxUnavailable": UNAVAILABLE,
    "StateUnavailable": UNAVAILABLE,
    "HostUnreachable": UNAVAILABLE,
    "NoHost": UNAVAILABLE,
    "NameTaken": REFUSED,
    "NotRunning": REFUSED,
    "InUse": REFUSED,
    "PortTaken": REFUSED,
    "LaunchRefused": REFUSED,
    "PathRefused": REFUSED,
    "NoSuchEnvironment": NOT_FOUND,
    "NoSuchTemplate": NOT_FOUND,
    "NoSuchResource": NOT_FOUND,
    "TokenRefused": REFUSED,
    "ServiceBusy": UNAVAILABLE,
    "ServiceUnreachable": UNAVAILABLE,
    "NoSuchImage": NOT_FOUND,
    "NoSuchHost": NOT_FOUND,
    "BuildRefused": REFUSED,
    "ScanFailed": UNAVAILABLE,
}


class Entry(NamedTuple):
    """One command of the program."""

    place: str
    """`module:attribute` below `devctl.commands`."""
    help: str
    """What `devctl --help` says of it: one line, so that the module need not be loaded."""


COMMANDS: dict[str, dict[str, Entry]] = {
    "Environments": {
        "top": Entry(
            "top:top", "Watch environments on a screen: filter, sort, follow logs, stop, start, keep, remove."
        ),
        "up": Entry("up:up", "Make an environment of an image, a folder or a git address; it stays."),
        "ls": Entry("listing:list_running", "List environments."),
        "inspect": Entry("listing:inspect", "Show all that is known of an environment."),
        "exec": Entry("execing:execute", "Run a command in an environment."),
        "shell": Entry("execing:shell", "Open a shell in an environment."),
        "logs": Entry("execing:logs", "Show what lifecycle commands and main process printed."),
        "open": Entry("editing:open_editor", "Open an environment in VS Code or Cursor."),
        "ssh-config": Entry("editing:ssh_config", "Print or write the entry of the ssh config for an environment."),
        "ssh-proxy": Entry("editing:ssh_proxy", "Carry one connection of ssh; for ssh's ProxyCommand."),
        "cp": Entry("copying:copy", "Copy files into an environment or out of it."),
        "port": Entry("ports:forward", "Reach a port of an environment at this machine's loopback."),
        "tunnel": Entry("tunnels:tunnel", "Open an HTTPS link with a token to a port of an environment."),
        "start": Entry("lives:start", "Start a stopped or paused environment."),
        "stop": Entry("lives:stop", "Stop an environment, with whatever runs in it; its files stay."),
        "pause": Entry("lives:pause", "Freeze an environment."),
        "rm": Entry("lives:remove", "Remove an environment with its files."),
        "keep": Entry("lives:keep", "Have the idle reaper leave an environment alone for a while."),
        "snapshot": Entry("snapshots:snapshot", "Keep the files of an environment; list and remove what was kept."),
        "restore": Entry("snapshots:restore", "Make a new environment of a snapshot."),
    },
    "Images": {
        "build": Entry("build:build", "Build an image of a folder with a Dockerfile; `build gc` sweeps old layers."),
        "wizard": Entry("wizard:wizard", "Make an image of a base and packages, by questions or options."),
        "scan": Entry("scan:scan", "Say which known vulnerabilities the packages of an image have."),
        "images": Entry("images:images", "List and remove the images that were built here."),
    },
    "Sandboxes": {
        "run": Entry("sandboxes:run", "Run a command in a prepared copy of the current folder."),
    },
    "Sources": {
        "tasks": Entry("tasks:tasks", "Write tasks of VS Code and Cursor from templates."),
        "devcontainer": Entry(
            "devcontainer:devcontainer", "Check what a devcontainer.json asks for, and what is done."
        ),
    },
    "Governance": {
        "why": Entry("reaping:why", "Say why an environment was or was not stopped as idle, and when it will be."),
        "reap": Entry("reaping:reap", "Stop the environments that nobody uses and that do nothing."),
        "pool": Entry("pool:pool", "Warm containers: what is kept, how many, and removing them."),
        "audit": Entry("audit:audit", "Show who wanted what, what was decided, and why."),
    },
    "Network": {
        "egress": Entry("egress:egress", "Show what environments asked for outside, and what was refused."),
    },
    "Service": {
        "serve": Entry("serving:serve", "Serve environments over HTTP, for many users."),
        "token": Entry("serving:token", "Make, list and remove the tokens of the service."),
    },
    "Hosts": {
        "hosts": Entry("hosts:hosts", "Add, list, drain and remove machines; fetch images to them."),
    },
    "This machine": {
        "doctor": Entry("sandboxes:doctor", "Say which backends work here, and what is in the way of the others."),
        "prune": Entry("sandboxes:prune", "Remove what dead programs left, and unused caches."),
    },
}
"""The commands by section, as `--help` shows them; a new one is a line here and a module in `devctl/commands`."""

_ENTRIES = {name: entry for section in COMMANDS.values() for name, entry in section.items()}


class Commands(click.Group):
    """A group that knows its commands by the table and loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        return sorted(_ENTRIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None for a name that is none."""
        if cmd_name not in _ENTRIES:
            return None
        module, _, attribute = _ENTRIES[cmd_name].place.partition(":")
        command: click.Command = getattr(importlib.import_module(f"devctl.commands.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without loading them."""
        for section, entries in COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--backend", type=click.Choice(["docker", "bubblewrap"]), help="Take this one and no other.")
@click.option("--unsandboxed", is_flag=True, help="Run without any sandbox, as you, with your files and network.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Caches and environments.  [default: $DEVCTL_FOLDER or ~/.cache/devctl]",
)
@click.pass_context
def program(context: click.Context, backend: str | None, unsandboxed: bool, folder: Path | None) -> None:
    """devctl: sandboxed environments in which people and agents run code."""
    invocation = context.ensure_object(Invocation)
    invocation.backend = "none" if unsandboxed else backend
    invocation.folder = folder
    invocation.command = context.invoked_subcommand or ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are printed, never raised."""
    invocation = Invocation()
    start = partial(program.main, prog_name="devctl", obj=invocation, standalone_mode=False)
    try:
        code: object = start(args=None if arguments is None else list(arguments))
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("stopped\n")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone (`| head`); nobody is left to tell
        return DONE
    except Exception as error:  # noqa: BLE001 - the outermost boundary: every error becomes words and an exit code
        return _report(error, invocation)
    return code if isinstance(code, int) else DONE


def _report(error: Exception, invocation: Invocation) -> int:
    """Print an error in its own words, or an unforeseen one with where it came from."""
    expected = type(error).__module__.partition(".")[0] in ("devctl", "policies")
    if not expected:
        import traceback

        traceback.print_exception(error)
    message, hint = str(getattr(error, "message", "") or error), str(getattr(error, "hint", ""))
    log = str(getattr(error, "log", ""))
    if invocation.as_json:
        words = {"kind": type(error).__name__, "message": message, "hint": hint, "log": log}
        envelope = {"version": ENVELOPE_VERSION, "command": invocation.command, "error": words}
        sys.stderr.write(json.dumps(envelope, indent=2) + "\n")
    else:
        sys.stderr.write(f"{log}\n" if log else "")
        sys.stderr.write(f"error: {message}\n" + (f"  hint: {hint}\n" if hint else ""))
    return EXIT_CODES.get(type(error).__name__, FAILED) if expected else BUG


if __name__ == "__main__":
    sys.exit(main())
