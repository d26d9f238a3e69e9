"""Addresses to listen on: a port alone is loopback; anything else must be said."""

import click
import pytest
from click.testing import CliRunner

from roadcrew.addresses import Address


@click.command()
@click.option("--at", type=Address())
def echo(at: tuple[str, int]) -> None:
    click.echo(f"{at[0]} {at[1]}")


@pytest.mark.parametrize(
    ("given", "heard"),
    [("8080", "127.0.0.1 8080"), ("0", "127.0.0.1 0"), ("0.0.0.0:80", "0.0.0.0 80"), ("[::1]:80", "::1 80")],
)
def test_address(given: str, heard: str) -> None:
    result = CliRunner().invoke(echo, ["--at", given])
    assert (result.exit_code, result.output.strip()) == (0, heard)


@pytest.mark.parametrize("given", ["", "host", "host:", "65536", "-1", "host:1x", "٣"])
def test_what_is_no_address_is_refused(given: str) -> None:
    result = CliRunner().invoke(echo, ["--at", given])
    assert result.exit_code == 2
    assert "is no address" in result.output
