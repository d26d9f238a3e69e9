"""Types of options and arguments that several commands take."""

from datetime import timedelta

import click


class Pairs(click.ParamType[tuple[str, str]]):
    """`NAME=VALUE`."""

    name = "name=value"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split it at the first equals sign."""
        name, equals, rest = str(value).partition("=")
        if not name or not equals:
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return name, rest


class Span(click.ParamType[timedelta]):
    """A length of time: `90m`, `8h`, `2d`, `1h30m`."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read numbers and their units."""
        from devctl.durations import parse_duration
        from devctl.errors import SettingsInvalid

        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except SettingsInvalid as error:
            self.fail(f"{error.message}: {error.hint}", param, ctx)


class Amount(click.ParamType[float]):
    """A number within the bounds of a name in `devctl.amounts`."""

    def __init__(self, kind: str) -> None:
        """Take the bounds when a value comes: they are pydantic's, which `--help` does not wait for."""
        self.kind = kind
        self.name = "float" if kind in ("Cpus", "Seconds") else "integer"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it, and hold it against the bounds."""
        from pydantic import TypeAdapter, ValidationError

        from devctl import amounts

        adapter: TypeAdapter[float] = TypeAdapter(getattr(amounts, self.kind))
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            self.fail(f"{value!r}: {error.errors(include_url=False)[0]['msg'].lower()}", param, ctx)
