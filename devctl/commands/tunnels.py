"""`devctl tunnel`."""

import signal
import sys
from datetime import timedelta

import click

from devctl.commands.listing import ago, table
from devctl.commands.parameters import Span
from devctl.commands.serving import Address
from devctl.invocation import DONE, Invocation, json_option

_OPEN = "open"


class TunnelGroup(click.Group):
    """A group whose first word may be an environment: `devctl tunnel blog 8000` beside `devctl tunnel ls`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the hidden command before what is none of the others."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_OPEN, *args]
        return super().parse_args(ctx, args)

    def get_usage(self, ctx: click.Context) -> str:
        """Show both ways."""
        return "Usage: devctl tunnel NAME PORT [OPTIONS]\n       devctl tunnel ls|close|ca [OPTIONS]"


@click.group(cls=TunnelGroup)
def tunnel() -> None:
    """Open an HTTPS link to a port inside, or list (`ls`) and close (`close`) them; `ca` says whom to trust.

    `devctl tunnel NAME PORT --help` lists the options.
    """


@tunnel.command(_OPEN, hidden=True)
@click.argument("name")
@click.argument("port", type=click.IntRange(1, 65_535))
@click.option("--ttl", type=Span(), default="8h", show_default=True, help="It is closed after this span: 90m, 8h, 2d.")
@click.option("--listen", type=Address(), default="127.0.0.1:0", show_default=True, help="Where; port 0 takes any.")
@click.option("--name", "names", multiple=True, help="Another name of this machine by which it is called.")
@json_option
@click.pass_obj
def open_one(
    invocation: Invocation, name: str, port: int, ttl: timedelta, listen: tuple[str, int], names: tuple[str, ...]
) -> int:
    """Open an HTTPS link to PORT inside NAME, until it is interrupted, closed or its time is up."""
    from pydantic import ValidationError

    from devctl.tunnels.records import TunnelWish

    try:
        wish = TunnelWish(port=port, host=listen[0], local=listen[1], names=names, ttl=ttl)
    except ValidationError as error:
        raise click.UsageError("--ttl is more than nothing and at most 90d") from error
    with invocation.environments() as held, held.tunnels.hold(name, wish) as opened:
        signal.signal(signal.SIGTERM, _interrupt)
        shown = {"id": opened.id, "name": name, "port": port, "link": opened.link}
        invocation.show(shown, [opened.link, f"{opened.id} leads to port {port} in {name}; Ctrl-C ends it"])
        sys.stdout.flush()
        sys.stderr.write(f"the tunnel was closed: {opened.wait()}\n")
    return DONE


@tunnel.command("ls")
@click.option("--all", "everybody", is_flag=True, help="Those of all users.")
@json_option
@click.pass_obj
def list_tunnels(invocation: Invocation, everybody: bool) -> int:
    """List open tunnels."""
    from devctl.tunnels.records import Tunnel

    with invocation.environments(reads_only=True) as held:
        found = held.tunnels.list(all_users=everybody)
    rows = [
        (one.id, one.environment, str(one.port), one.address, ago(one.created), f"{one.expires:%Y-%m-%d %H:%M}",
         str(one.bytes_in), str(one.bytes_out))
        for one in found
    ]  # fmt: skip
    head = ("ID", "NAME", "PORT", "ADDRESS", "OPEN", "UNTIL (UTC)", "BYTES IN", "OUT")
    shown = [one.model_dump(mode="json", include=set(Tunnel.model_fields)) for one in found]  # links are passwords
    invocation.show(shown, table(rows, head) if rows else ["no open tunnels"])
    return DONE


@tunnel.command("close")
@click.argument("ids", nargs=-1, required=True)
@json_option
@click.pass_obj
def close(invocation: Invocation, ids: tuple[str, ...]) -> int:
    """Close the tunnels IDS, wherever on this installation they run."""
    with invocation.environments() as held:
        for identity in ids:
            held.tunnels.close(identity)
    invocation.show({"closed": list(ids)}, [f"closed {one}" for one in ids])
    return DONE


@tunnel.command("ca")
@click.option("--name", "names", multiple=True, help="A name or address that it is to sign for too: a new one is made.")
@json_option
@click.pass_obj
def authority(invocation: Invocation, names: tuple[str, ...]) -> int:
    """Print the path of the authority's certificate, for which names it is good, and how to trust it."""
    with invocation.environments(reads_only=True) as held:
        found = held.tunnels.trust(names)
    path = found.certificate
    lines = [
        str(path),
        *(
            ["This is a new authority: it is to be trusted anew, and links that are open keep the old one."]
            if found.new
            else []
        ),
        f"good for: {', '.join(found.permitted)}, and what ends in one of the names; programs refuse it for any other",
        f"curl:     curl --cacert {path} LINK",
        f"Python:   SSL_CERT_FILE={path}",
        f"Debian:   cp {path} /usr/local/share/ca-certificates/devctl.crt && update-ca-certificates, as root",
        f"macOS:    security add-trusted-cert -k ~/Library/Keychains/login.keychain-db {path}",
        "browsers: import it as an authority that may identify websites",
    ]
    invocation.show(found.model_dump(mode="json"), lines)
    return DONE


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
