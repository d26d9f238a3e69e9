"""`devctl serve` and `devctl token`."""

import contextlib
import logging
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devctl.commands.listing import ago, table
from devctl.commands.parameters import Span
from devctl.invocation import DONE, Invocation, json_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devctl.fleet.records import User
    from devctl.serve.tokens import Tokens

_LAST_PORT = 65_535
_LONGEST_NOTE = 200


class Address(click.ParamType[tuple[str, int]]):
    """`PORT` on loopback, or `HOST:PORT`; port 0 takes a free one."""

    name = "[HOST:]PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Return the host and the port."""
        host, _, port = str(value).rpartition(":")
        if not (port.isascii() and port.isdigit() and int(port) <= _LAST_PORT):
            self.fail(f"{value!r} is no address: give a port, such as 7070, or 127.0.0.1:7070", param, ctx)
        return host.strip("[]") or "127.0.0.1", int(port)


@click.command()
@click.option("--listen", type=Address(), default="127.0.0.1:7070", show_default=True, help="Where; port 0 takes any.")
@click.option("--behind-proxy", metavar="ADDRESS", help="Address of a proxy that ends TLS and is believed.")
@click.option(
    "--tls-certificate",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="PEM file of the certificate with its chain; read again when it is renewed.",
)
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="PEM file of its key.")
@click.option("--token-file", type=click.Path(path_type=Path), help="Write a fresh admin token here, for scripts.")
@click.option(
    "--interval", type=click.FloatRange(1, 3600), default=10.0, show_default=True, help="Of metrics, seconds."
)
@click.option(
    "--grace", type=click.FloatRange(0, 3600), default=30.0, show_default=True, help="For launches at the end."
)
@click.option(
    "--gpu-smoke", type=Span(), default="6h", show_default=True, help="Test each host's GPU so often; 0s: never."
)
@click.option("--tunnel-host", default="127.0.0.1", show_default=True, help="Where callers' tunnels listen.")
@click.option("--tunnel-name", "tunnel_names", multiple=True, help="A name or address by which callers reach that.")
@json_option
@click.pass_obj
def serve(
    invocation: Invocation, /, listen: tuple[str, int], token_file: Path | None, interval: float, grace: float,
    gpu_smoke: timedelta, **given: Any,
) -> int:  # fmt: skip
    """Serve environments over HTTP until SIGTERM; `devctl token add` makes tokens for its users.

    It listens on loopback; elsewhere with a certificate, or behind a proxy that ends TLS.
    """
    from devctl.fleet import open_fleet
    from devctl.serve.server import Server, end_asked
    from devctl.serve.settings import ServeSettings

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = ServeSettings(
        host=listen[0], port=listen[1], sample_seconds=interval, grace_seconds=grace,
        gpu_smoke_seconds=gpu_smoke.total_seconds(), **given,
    )  # fmt: skip
    settings.check()
    devctl = invocation.own_settings()
    # callers of other machines have no folders here that they may mount
    with open_fleet(devctl, devctl.policy(), folders=None) as fleet:
        server = Server(fleet, devctl, settings)
        asked = end_asked()
        with _admin_token(server.service.tokens, _local_admin(invocation), token_file), server.in_background(asked):
            invocation.show({"url": server.url}, [f"devctl serves at {server.url}; Ctrl-C ends it"])
            sys.stdout.flush()
            asked.wait()
    return DONE


@contextlib.contextmanager
def _admin_token(tokens: "Tokens", admin: "User", file: Path | None) -> "Iterator[None]":
    """Write a fresh token into a file, if one is wanted, for as long as the block runs."""
    if file is None:
        yield
        return
    made = tokens.add(admin, None, "written by devctl serve")
    try:
        _write_private(file, made.secret)
        yield
    finally:
        file.unlink(missing_ok=True)
        tokens.remove(made.token.id)


@click.group()
def token() -> None:
    """Make, list and remove the tokens of the service."""


@token.command("add")
@click.argument("user")
@click.option("--tier", default="free", show_default=True, help="What the policy's data knows limits for.")
@click.option("--role", type=click.Choice(["viewer", "user", "admin"]), default="user", show_default=True)
@click.option("--expires", type=Span(), default="90d", show_default=True, help="After this span: 8h, 30d.")
@click.option("--never", is_flag=True, help="It does not expire.")
@click.option("--note", default="", help="What it is for.")
@json_option
@click.pass_obj
def add(invocation: Invocation, user: str, tier: str, role: str, expires: timedelta, never: bool, note: str) -> int:
    """Make a token for USER; it is shown this once."""
    from pydantic import ValidationError

    from devctl.fleet.records import User

    try:
        person = User.model_validate({"name": user, "tier": tier, "role": role})
    except ValidationError as error:
        raise click.UsageError(f"{user!r} cannot be a user's name: letters, digits, and . _ @ - inside") from error
    until = None if never else datetime.now(UTC) + expires
    if len(note) > _LONGEST_NOTE:
        raise click.UsageError(f"the note has {len(note)} characters, and {_LONGEST_NOTE} are kept")
    made = invocation.tokens().add(person, until, note)
    sys.stderr.write("" if invocation.as_json else "This is shown once; put it into DEVCTL_TOKEN.\n")
    invocation.show(made.model_dump(mode="json"), [made.secret])
    return DONE


@token.command("ls")
@json_option
@click.pass_obj
def list_tokens(invocation: Invocation) -> int:
    """List tokens."""
    found = invocation.tokens().list()
    rows = [
        (one.id, one.user, one.tier, one.role, f"{one.expires:%Y-%m-%d}" if one.expires else "never", ago(one.used), one.note)
        for one in found
    ]  # fmt: skip
    head = ("ID", "USER", "TIER", "ROLE", "EXPIRES", "USED", "NOTE")
    invocation.show([one.model_dump(mode="json") for one in found], table(rows, head) if rows else ["no tokens"])
    return DONE


@token.command("rm")
@click.argument("ids", nargs=-1, required=True)
@json_option
@click.pass_obj
def remove(invocation: Invocation, ids: tuple[str, ...]) -> int:
    """Take the tokens IDS back."""
    tokens = invocation.tokens()
    for identity in ids:
        tokens.remove(identity)
    invocation.show({"removed": list(ids)}, [f"removed {one}" for one in ids])
    return DONE


def _local_admin(invocation: Invocation) -> "User":
    return invocation.person().model_copy(update={"role": "admin"})


def _write_private(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        os.fchmod(descriptor, 0o600)
        opened.write(text + "\n")
