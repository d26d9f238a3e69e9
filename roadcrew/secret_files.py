"""Secrets given as files: `NAME_FILE` holds the path of a file with the value of `NAME`.

This is how Docker, Kubernetes and systemd hand secrets over. A value in a file is not seen in the process's
environment, in `docker inspect`, nor by the programs that a process starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from roadcrew.errors import SettingsInvalid

SECRETS = (
    "OPENAI_API_KEY",
    "GITHUB_TOKEN",
    "GITHUB_WEBHOOK_SECRET",
    "NEO4J_PASSWORD",
    "NEO4J_READER_PASSWORD",
    "DATABASE_URL",
    "DATABASE_PASSWORD",
    "OPA_TOKEN",
)
"""The variables that can be given as a file."""

LARGEST = 64 * 1024
"""Bytes of one file."""


def with_secret_files(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are not empty, with each `NAME_FILE` replaced by `NAME`: its content, stripped.

    `DATABASE_PASSWORD` is put into `DATABASE_URL`, so that the address itself need not be a secret. Raises
    SettingsInvalid where a file cannot be used, or where `NAME` is given besides its file.
    """
    found = {name: value for name, value in env.items() if value}
    for name in SECRETS:
        variable = f"{name}_FILE"
        path = found.pop(variable, "")
        if not path:
            continue
        if found.get(name):
            raise SettingsInvalid(f"{name} and {variable} are both set", f"unset {name}, so that the file decides")
        found[name] = _read(variable, Path(path))
    password = found.pop("DATABASE_PASSWORD", "")
    if password:
        found["DATABASE_URL"] = _with_password(found.get("DATABASE_URL", ""), password)
    return found


def _read(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise SettingsInvalid(
            f"{variable} is {str(path)!r}, which cannot be read: {error.strerror}",
            "name a file that this user may read, with nothing but the secret in it",
        ) from error
    if len(raw) > LARGEST:
        raise SettingsInvalid(f"{variable} is {str(path)!r}, which is over {LARGEST} bytes", "name the secret's file")
    try:
        value = raw.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"{variable} is {str(path)!r}, which is not UTF-8 text", "name a text file") from error
    if not value:
        raise SettingsInvalid(f"{variable} is {str(path)!r}, which is empty", f"write the secret, or unset {variable}")
    return value


def _with_password(url: str, password: str) -> str:
    hint = "set DATABASE_URL to postgresql://USER@HOST:5432/NAME; the password is put in"
    if not url:
        raise SettingsInvalid("a password of PostgreSQL is given, but DATABASE_URL is not set", hint)
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if parts.scheme not in ("postgresql", "postgres") or not user or not at:
        raise SettingsInvalid("DATABASE_URL names no user to whom DATABASE_PASSWORD could belong", hint)
    if ":" in user:
        raise SettingsInvalid("DATABASE_URL already holds a password besides DATABASE_PASSWORD", hint)
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))
