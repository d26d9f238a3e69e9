"""Environment variables, each read as what it is to be."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import AnyHttpUrl, JsonValue, SecretStr, TypeAdapter, ValidationError

from roadcrew.errors import SettingsInvalid

REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


class Variables:
    """One environment; what cannot be read raises SettingsInvalid with its name, and its value unless that is secret."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def get(self, name: str) -> str | None:
        """The text as it is."""
        return self._environment.get(name)

    def text(self, name: str, default: str) -> str:
        """The text as it is, or what stands for nothing said."""
        return self._environment.get(name, default)

    def url(self, name: str) -> str | None:
        """An address of HTTP, without a slash at its end."""
        value = self.get(name)
        if value is None:
            return None
        try:
            TypeAdapter(AnyHttpUrl).validate_python(value)
        except ValidationError as error:
            raise SettingsInvalid(f"{name} is {value!r}", "give a URL that begins with http:// or https://") from error
        return value.rstrip("/")

    def secret(self, name: str) -> SecretStr | None:
        """A secret; an empty one is none."""
        value = (self.get(name) or "").strip()
        return SecretStr(value) if value else None

    def database(self, name: str) -> SecretStr | None:
        """The address of a PostgreSQL database, which may hold a password."""
        found = self.secret(name)
        if found is not None:
            from psycopg import ProgrammingError
            from psycopg.conninfo import conninfo_to_dict

            try:
                conninfo_to_dict(found.get_secret_value())
            except ProgrammingError:  # its words may hold the password
                raise SettingsInvalid(
                    f"{name} is no address of a PostgreSQL database",
                    "write it as postgresql://user:password@host:5432/name",
                ) from None
        return found

    def path(self, name: str) -> Path | None:
        """A path, in which `~` is a home."""
        value = self.get(name)
        return expanded(name, value) if value else None

    def flag(self, name: str) -> bool:
        """Yes or no; no where nothing is said."""
        value = self.text(name, "0").lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise SettingsInvalid(f"{name} is {value!r}", "set it to 1 or 0")

    def repositories(self, name: str) -> tuple[str, ...]:
        """Repositories as `owner/name`, with commas or spaces between them; none where nothing is said."""
        text = self.text(name, "")
        found = tuple(text.replace(",", " ").split())
        if not all(REPOSITORY.fullmatch(each) for each in found):
            raise SettingsInvalid(f"{name} is {text!r}", "write each repository as owner/name, with commas between")
        return found

    def json_object(self, name: str) -> dict[str, JsonValue]:
        """An object written as JSON; empty where nothing is said."""
        text = self.text(name, "{}")
        try:
            value = json.loads(text)
        except ValueError as error:
            raise SettingsInvalid(
                f"{name} is not JSON: {error}", 'give an object, such as {"tools": "text"}'
            ) from error
        if not isinstance(value, dict):
            raise SettingsInvalid(f"{name} is {text!r}", 'give a JSON object, such as {"tools": "text"}')
        return value


def expanded(what: str, text: str) -> Path:
    """A path in which `~` is a home; raises SettingsInvalid for the home of nobody."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise SettingsInvalid(f"{what} is {text!r}: {error}", "write the path without ~") from error
