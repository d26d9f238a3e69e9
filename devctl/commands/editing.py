"""`devctl open`, `ssh-config` and `ssh-proxy`: an environment in an editor, and for ssh."""

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devctl.commands.up import tell
from devctl.errors import DevctlError
from devctl.invocation import DONE, FAILED, Invocation, json_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from devctl.editors.addresses import Editor
    from devctl.fleet.fleet import Fleet
    from devctl.fleet.records import EnvironmentRecord
    from devctl.settings import DevctlSettings


@click.command("open")
@click.argument("name")
@click.option("--editor", type=click.Choice(["code", "cursor"]), default="code", show_default=True)
@click.option("--ssh", "over_ssh", is_flag=True, help="Go through ssh on a local Docker engine too.")
@click.option("--print", "only_print", is_flag=True, help="Print the address and open nothing.")
@json_option
@click.pass_obj
def open_editor(invocation: Invocation, name: str, editor: "Editor", over_ssh: bool, only_print: bool) -> int:
    """Open the environment NAME in an editor."""
    from devctl.editors.addresses import find_program, opening

    settings = _own_settings(invocation, name)
    with invocation.fleet() as fleet:
        record = fleet.get(invocation.person(), name)
        way = opening(editor, record, None if over_ssh else _local_engine(fleet, record, settings))
        program = None if only_print else find_program(editor, settings.search_path)
        if program is not None and (why := fleet.attached(invocation.person(), name, tell)):
            sys.stderr.write(f"warning: {why}\n")
    lines = [way.folder_uri if only_print else way.link]
    if way.needs_ssh:
        lines.append(f"hint: it goes through ssh; `devctl ssh-config {name} --write` writes the entry")
    if program is not None:
        subprocess.run([str(program), "--folder-uri", way.folder_uri], check=False, timeout=60)
        lines = [f"opened {name} in {editor}", *lines[1:]]
    elif not only_print:
        lines.append(f"hint: no program {editor} is on your PATH; follow the link, or install its command")
    invocation.show({**way.model_dump(mode="json"), "opened": program is not None}, lines)
    return DONE


@click.command("ssh-config")
@click.argument("name")
@click.option("--write", "write", is_flag=True, help="Write the entry, and include devctl's file in yours once.")
@click.option("--remove", "remove", is_flag=True, help="Take the entry out again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def ssh_config(invocation: Invocation, name: str, write: bool, remove: bool, yes: bool) -> int:
    """Print the entry of the ssh config for the environment NAME, write it, or remove it."""
    from devctl.editors.addresses import alias
    from devctl.editors.ssh_config import OWN, entry, write_entry

    if write and remove:
        raise click.UsageError("--write and --remove at once")
    _own_settings(invocation, name)
    folder = Path.home() / ".ssh"
    if remove:
        changed = write_entry(folder, alias(name), None)
        invocation.show({"changed": changed}, [f"wrote {path}" for path in changed] or ["there was no entry"])
        return DONE
    block = entry(alias(name), _options(invocation, name))
    if not write:
        invocation.show({"host": alias(name), "entry": block}, block.splitlines())
        return DONE
    if not yes and not click.confirm(f"write {folder / OWN}, and include it in {folder / 'config'}?", err=True):
        return FAILED
    changed = write_entry(folder, alias(name), block)
    lines = [f"wrote {path}" for path in changed] or ["the entry is there already"]
    invocation.show({"host": alias(name), "changed": changed}, [*lines, f"hint: ssh {alias(name)}"])
    return DONE


def _own_settings(invocation: Invocation, name: str) -> "DevctlSettings":
    """This machine's; raises SettingsInvalid with what to do where an environment is a service's."""
    return invocation.own_settings(
        instead=f"`devctl shell {name}` and `devctl cp` reach it from here, and for an editor start one that is served"
        f" over HTTP inside it and open the link of `devctl tunnel {name} PORT`"
    )


def _options(invocation: Invocation, name: str) -> dict[str, str]:
    """What ssh needs to know; raises NotRunning, as the environment is asked for its user."""
    from devctl.editors.addresses import alias
    from devctl.editors.ssh_keys import keys_of
    from devctl.editors.ssh_proxy import user_inside

    settings, person = invocation.settings(), invocation.person()
    with invocation.fleet() as fleet:
        record = fleet.get(person, name)
        user = user_inside(fleet, person, record)
    keys = keys_of(settings, record.id, record.name)
    command = [sys.executable, "-P", "-m", "devctl.cli", "--folder", str(settings.folder.absolute())]
    command += ["--backend", settings.backend] if settings.backend else []
    return {
        "HostName": alias(name),
        "User": user,
        "ProxyCommand": " ".join(_shell_word(word) for word in [*command, "ssh-proxy", name]),
        "IdentityFile": _config_word(keys.client.absolute()),
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": _config_word(keys.known_hosts.absolute()),
        "StrictHostKeyChecking": "yes",
        "ForwardAgent": "no",
    }


def _shell_word(word: str) -> str:
    import shlex

    return shlex.quote(word).replace("%", "%%")


def _config_word(path: Path) -> str:
    return str(path).replace("%", "%%").replace(" ", "\\ ")


@click.command("ssh-proxy", hidden=True)
@click.argument("name")
@click.pass_obj
def ssh_proxy(invocation: Invocation, name: str) -> int:
    """Carry one connection of ssh into the environment NAME; ssh's own ProxyCommand."""
    from devctl.editors.ssh_keys import keys_of
    from devctl.editors.ssh_proxy import open_server

    person = invocation.person()
    with invocation.fleet() as fleet:
        record = fleet.get(person, name)
        keys = keys_of(invocation.settings(), record.id, record.name)
        with open_server(fleet, person, record, keys) as stream:
            threading.Thread(target=_feed, args=(stream.write, stream.close_input), daemon=True).start()
            while (part := stream.read()) is not None:
                (sys.stderr if part[0] == 2 else sys.stdout).buffer.write(part[1])
                sys.stdout.buffer.flush()
            return stream.wait()


def _feed(write: "Callable[[bytes], None]", close: "Callable[[], None]") -> None:
    with contextlib.suppress(
        DevctlError, OSError
    ):  # it takes no more: what it said, and how it ended, is read beside this
        while data := os.read(0, 65_536):
            write(data)
        close()


def _local_engine(fleet: "Fleet", record: "EnvironmentRecord", settings: "DevctlSettings") -> str | None:
    """The address of the engine, where the environment is in a container of this machine."""
    from devctl.settings import DEFAULT_ADDRESS

    engine = fleet.parts.hosts.engine(record.host)
    if engine.backend != "docker" or not engine.local:
        return None
    address = settings.docker_host or DEFAULT_ADDRESS
    return address if address.startswith("unix:") else None
