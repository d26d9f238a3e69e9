"""Secrets of kept environments: how they are asked for, and how their contents are read, at the last moment.

What is recorded and passed on is where a secret is to be found, never its content: a spec, a row of the database, an
image, an error and a command line can be shown to anybody.
"""

import re
import stat
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from devctl.errors import SecretInvalid
from devctl.fleet.records import SecretFile
from devctl.settings import caller_variable

MOST_BYTES = 500_000
"""Of all secrets of an environment together."""
FROM_VARIABLE = "env:"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def wished(text: str) -> SecretFile:
    """Read `NAME=FILE`, `NAME=env:VARIABLE`, or `env:VARIABLE` under the variable's own name; raises SecretInvalid.

    A text that is none of them is not repeated in the error: it may be the secret itself.
    """
    name, equals, where = text.partition("=")
    if not equals and text.startswith(FROM_VARIABLE):
        name, where = text.removeprefix(FROM_VARIABLE), text
    if not name or not where:
        raise SecretInvalid(
            "a secret is asked for with --secret NAME=FILE", "a variable of yours is read only with NAME=env:VARIABLE"
        )
    try:
        if not where.startswith(FROM_VARIABLE):
            return SecretFile(name=name, source=Path(where).expanduser().absolute())
        variable = where.removeprefix(FROM_VARIABLE)
        if not _VARIABLE.fullmatch(variable):
            raise SecretInvalid(f"the secret {name} names no variable after env:", "write NAME=env:VARIABLE")
        return SecretFile(name=name, variable=variable)
    except ValidationError as error:
        raise SecretInvalid(
            f"{name[:64]!r} cannot be the name of a secret", "take letters, digits, dots, dashes and underscores"
        ) from error


def read_secrets(secrets: Sequence[SecretFile]) -> dict[str, bytes]:
    """The contents by name; raises SecretInvalid for one that is not there, is no file, or is too large."""
    found = {secret.name: _read(secret) for secret in secrets}
    if sum(map(len, found.values())) > MOST_BYTES:
        raise SecretInvalid(
            f"the secrets have more than {MOST_BYTES} bytes together", "copy large files with `devctl cp`"
        )
    return found


def _read(secret: SecretFile) -> bytes:
    if secret.variable is not None:
        value = caller_variable(secret.variable)
        if value is None:
            raise SecretInvalid(
                f"the secret {secret.name} is to be your variable {secret.variable}, which is not set",
                "set it for this command, or give a file with --secret NAME=FILE",
            )
        return value.encode("utf-8", "surrogateescape")
    source = secret.source
    if source is None:
        raise SecretInvalid(f"the secret {secret.name} has no source", "give it with --secret NAME=FILE")
    try:
        with source.open("rb") as file:
            if not stat.S_ISREG(source.stat().st_mode) and not stat.S_ISFIFO(source.stat().st_mode):
                raise SecretInvalid(f"the secret {secret.name}: {source} is no file", "name a file")
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SecretInvalid(
            f"the secret {secret.name} cannot be read from {source}: {error.strerror}", "check the file"
        ) from error
