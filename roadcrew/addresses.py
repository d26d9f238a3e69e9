"""Addresses to listen on, as options of a command."""

from typing import Any

import click

LOOPBACK = "127.0.0.1"
LAST_PORT = 65535


class Address(click.ParamType[tuple[str, int]]):
    """`PORT` on loopback, or `HOST:PORT`; port 0 takes a free one."""

    name = "[HOST:]PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Return the host and the port; fails as click does."""
        if isinstance(value, tuple):
            return value[0], value[1]
        host, _, port = str(value).rpartition(":")
        if not (port.isascii() and port.isdigit() and int(port) <= LAST_PORT):
            self.fail(f"{value!r} is no address: give a port, such as 8080, or 0.0.0.0:8080", param, ctx)
        return host.strip("[]") or LOOPBACK, int(port)
