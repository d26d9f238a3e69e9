"""`devctl ls` and `devctl stop`."""

import click

from devctl.invocation import DONE, Invocation, json_option


@click.command("ls")
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


@click.command()
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
