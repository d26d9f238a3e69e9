"""The `roadcrew` program: a table of commands, each imported only when it is called.

What this module imports, every start pays for; `--help` has to answer at once (bench/cli_start.py).
"""

import sys
from collections.abc import Sequence

import click

from roadcrew import __version__
from roadcrew.command import Invocation
from roadcrew.errors import Exit, exit_code, is_expected

COMMANDS = {
    "init": "Write roadcrew.toml, the team's manners, into a repository.",
    "up": "Start the servers of the workspace and print their addresses.",
    "demo": "Deliver two issues live on a local forge.",
    "issue": "File an issue and hand it to the team.",
    "run": "Deliver one issue of a repository, from plan to pull request.",
    "status": "Show where deliveries stand.",
    "watch": "Show the live task graph of a delivery.",
    "history": "Tell the story of a feature from the roadmap.",
    "cost": "Say what features cost, by role, task and model.",
    "cypher": "Ask the roadmap in Cypher.",
    "audit": "Show who wanted what in a delivery, and what was decided.",
    "plan": "Show a delivery's plan, edit it or send it back.",
    "say": "Say something to the team while it works.",
    "approve": "Approve a plan or a pull request that waits for a person.",
    "retry": "Go on with a delivery that failed or stands still.",
    "stop": "Stop a delivery, or the servers of the workspace.",
    "worker": "Serve the queues of one or more roles.",
    "doctor": "Say what this machine lacks, why it matters and how to mend it.",
    "model": "Ask the model's endpoint what it can do.",
    "spec": "Check, start and describe task specs.",
    "policy": "Test the rules, or ask them about one action.",
    "image": "Write an image that devctl made into the roadmap.",
    "images": "Name the images that ready tasks will need.",
    "backup": "Write the whole workspace into one archive.",
    "restore": "Bring a workspace back from an archive.",
}
"""Names with their help, in the order people meet them; `roadcrew/commands/<name>.py` holds `command`."""


class LazyCommands(click.Group):
    """A group that knows its commands by name and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from importlib import import_module
        from importlib.util import find_spec

        if cmd_name not in COMMANDS or find_spec(f"roadcrew.commands.{cmd_name}") is None:
            return None
        found = import_module(f"roadcrew.commands.{cmd_name}").command
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in COMMANDS and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"the command {args[0]!r} is not part of this version ({__version__})")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="roadcrew")
@click.option(
    "--workspace",
    type=click.Path(file_okay=False),
    help="Folder of the servers, logs and artifacts.  [default: $ROADCREW_WORKSPACE or ~/.roadcrew]",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what is done to standard error, and show tracebacks.")
@click.pass_context
def program(context: click.Context, workspace: str | None, verbose: bool) -> None:
    """Roadcrew: file an issue, get a reviewed and tested pull request; ask the roadmap anything in Cypher."""
    invocation = context.ensure_object(Invocation)
    invocation.workspace = workspace
    invocation.verbose = verbose
    invocation.command = context.invoked_subcommand or ""
    _log_to_stderr(verbose)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`roadcrew.errors.Exit`); errors are printed, never raised."""
    invocation = Invocation()
    try:
        code = program.main(
            args=None if arguments is None else list(arguments),
            prog_name="roadcrew",
            obj=invocation,
            standalone_mode=False,
        )
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("stopped\n")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone (`| head`); nobody is left to tell
        return Exit.DONE
    except Exception as error:  # noqa: BLE001 - the outermost boundary: every error becomes words and an exit code
        return _report(error, invocation)
    return code if isinstance(code, int) else Exit.DONE


def _log_to_stderr(verbose: bool) -> None:
    """Send the log to standard error; imported late, because `--help` needs none of it."""
    import logging

    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)


def _report(error: Exception, invocation: Invocation) -> Exit:
    """Print an error of any room in its own words, or an unforeseen one with where to find the details."""
    from roadcrew.output import print_error

    if invocation.verbose or not is_expected(error):
        import traceback

        traceback.print_exception(error)
    print_error(error, invocation.command, invocation.as_json)
    if not is_expected(error):
        sys.stderr.write("  hint: this is a fault of Roadcrew: please report it with the lines above\n")
    return exit_code(error)


if __name__ == "__main__":
    sys.exit(main())
