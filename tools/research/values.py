"""Values out of a stranger's JSON: what has another type than it should is taken as absent."""

from pydantic import JsonValue


def table(value: JsonValue) -> dict[str, JsonValue]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def array(value: JsonValue) -> list[JsonValue]:
    """The array, or an empty one."""
    return value if isinstance(value, list) else []


def text(value: JsonValue) -> str:
    """The string, or an empty one."""
    return value if isinstance(value, str) else ""


def number(value: JsonValue) -> int:
    """The integer, or 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
