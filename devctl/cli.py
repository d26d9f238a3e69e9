"""The `devctl` program: environments from the command line."""

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from devctl.launcher import Launcher
    from devctl.settings import DevctlSettings

ENVELOPE_VERSION = 1
DONE, FAILED, USAGE, SETTINGS, UNAVAILABLE, REFUSED, NOT_FOUND, BUG, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 70, 130
"""Exit codes; `devctl run` gives the command's own status instead, and 124 when its time was up."""

EXIT_CODES = {
    "SettingsInvalid": SETTINGS,
    "SandboxUnavailable": UNAVAILABLE,
    "StateUnavailable": UNAVAILABLE,
    "NameTaken": REFUSED,
    "LaunchRefused": REFUSED,
    "PathRefused": REFUSED,
    "NoSuchEnvironment": NOT_FOUND,
}


class Invocation:
    """One call of the program."""

    def __init__(self) -> None:
        self.as_json = False
        self.command = ""
        self.backend: str | None = None
        self.folder: Path | None = None

    def settings(self) -> "DevctlSettings":
        """Read the settings, when a command needs them."""
        from devctl.settings import DevctlSettings

        return DevctlSettings.from_environment(backend=self.backend, folder=self.folder)

    def launcher(self) -> "Launcher":
        """Open the launcher, with the policy that asks before every launch."""
        from devctl.launcher import open_launcher
        from policies import PolicySettings, open_engine

        return open_launcher(self.settings(), open_engine(PolicySettings()))

    def show(self, data: object, lines: Sequence[str]) -> None:
        """Print a result: as one JSON envelope, or as lines for people."""
        if self.as_json:
            envelope = {"version": ENVELOPE_VERSION, "command": self.command, "data": data}
            sys.stdout.write(json.dumps(envelope, indent=2, default=str) + "\n")
        else:
            sys.stdout.write("".join(f"{line}\n" for line in lines))


def _wish_json(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    if value:
        context.ensure_object(Invocation).as_json = True
    return value


json_option: Callable[..., Any] = click.option(
    "--json", "as_json", is_flag=True, expose_value=False, is_eager=True, callback=_wish_json,
    help="Print one JSON envelope.",
)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
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


@program.command()
@json_option
@click.pass_obj
def doctor(invocation: Invocation) -> int:
    """Say which backends work here, and what is in the way of the others."""
    from devctl.doctor import examine

    found = examine(invocation.settings())
    lines = []
    for one in found:
        word = "works" if one.usable else "does not work"
        lines.append(f"{one.backend}: {word}{': ' + one.reason if one.reason else ''}")
        lines += [f"  hint: {one.hint}"] if one.hint and not one.usable else []
        lines += [f"  note: {note}" for note in one.notes]
    invocation.show([one.model_dump(mode="json") for one in found], lines)
    return DONE if any(one.usable for one in found if one.backend != "none") else UNAVAILABLE


@program.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--package", "packages", multiple=True, help="Install this too, for example pytest.")
@click.option("--image", help="The Docker image to build on.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=600.0, show_default=True)
@click.option("--memory-mb", type=click.IntRange(min=16), default=2048, show_default=True)
@json_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def run(
    invocation: Invocation,
    command: tuple[str, ...],
    packages: tuple[str, ...],
    image: str | None,
    seconds: float,
    memory_mb: int,
) -> int:
    """Run COMMAND in a prepared copy of the current folder; its status becomes ours."""
    from devctl.records import LaunchRequest, Limits, PrepareRequest

    tree = Path.cwd()
    limits = Limits(seconds=seconds, memory_mb=memory_mb)
    launcher = invocation.launcher()
    prepared = launcher.prepare(PrepareRequest(tree=tree, packages=packages, image=image))
    with launcher.launch(LaunchRequest(prepared=prepared, limits=limits)) as environment:
        for note in environment.info.notes:
            sys.stderr.write(f"note: {note}\n")
        environment.put(tree)
        result = environment.exec(command)
    invocation.show(result.model_dump(mode="json"), [result.output.removesuffix("\n")])
    if result.timed_out:
        sys.stderr.write(f"stopped after {seconds:g} s; --seconds allows more\n")
    return result.exit_code


@program.command("ls")
@json_option
@click.pass_obj
def list_running(invocation: Invocation) -> int:
    """List the environments that run, of all processes that use the folder."""
    from devctl.store import Store

    found = [state.info for state in Store(invocation.settings().folder).states()]
    lines = [
        f"{info.id}  {info.backend:10}  pid {info.owner_pid:<8} {info.created:%Y-%m-%d %H:%M:%S}  "
        + " ".join(f"{name}={value}" for name, value in info.labels.items())
        for info in found
    ]
    invocation.show([info.model_dump(mode="json") for info in found], lines or ["no environments"])
    return DONE


@program.command()
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Stop all of them.")
@json_option
@click.pass_obj
def stop(invocation: Invocation, name: str | None, everything: bool) -> int:
    """Stop the environment NAME, or all of them, with whatever runs in it."""
    from devctl.errors import NoSuchEnvironment
    from devctl.launcher import make_backend
    from devctl.store import Store

    if bool(name) == everything:
        raise click.UsageError("give the name of an environment, or --all")
    settings = invocation.settings()
    store = Store(settings.folder)
    wanted = [state.info for state in store.states() if everything or state.info.id == name]
    if not wanted and not everything:
        raise NoSuchEnvironment(f"no environment is called {name!r}", "`devctl ls` lists them")
    for info in wanted:
        make_backend(info.backend, settings, store).remove(info.id)
    names = [info.id for info in wanted]
    invocation.show({"stopped": names}, [f"stopped {one}" for one in names] or ["nothing runs"])
    return DONE


@program.command()
@json_option
@click.pass_obj
def prune(invocation: Invocation) -> int:
    """Remove what dead programs left, and cached dependencies that no environment uses."""
    removed = invocation.launcher().prune()
    invocation.show({"removed": removed}, [f"removed {one}" for one in removed] or ["nothing to remove"])
    return DONE


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
