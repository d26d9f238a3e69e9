"""Tool calls that a model wrote as JSON, or as Python's form of it: names with arguments, the arguments still as text."""

import ast
import json
from collections.abc import Mapping

from pydantic import JsonValue

_NAME_KEYS = ("name", "tool", "tool_name", "function", "action")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "tool_input", "params", "action_input")


def calls_in_json(body: str) -> list[tuple[str, str]]:
    """The calls in a text that is JSON throughout: one object, a list, or several one after the other."""
    return [call for value in json_values(body) for call in calls_of(value)]


def json_values(text: str) -> list[JsonValue]:
    """The values that a text consists of; empty when it is anything else."""
    values: list[JsonValue] = []
    place = 0
    while place < len(text):
        value, place = json_at(text, place)
        if place < 0:
            return _literal(text)
        values.append(value)
        while place < len(text) and text[place] in " \t\r\n,;":
            place += 1
    return values


def json_at(text: str, place: int) -> tuple[JsonValue, int]:
    """The JSON value at a place and where it ends; -1 when there is none. Line breaks within strings are let pass."""
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text, place)
    except (ValueError, RecursionError):
        return None, -1
    return value, end


def _literal(text: str) -> list[JsonValue]:
    """A Python dictionary, which some models write in place of JSON."""
    if not text.startswith("{") or len(text) > 20_000:
        return []
    try:
        value = ast.literal_eval(text)
        return [json.loads(json.dumps(value))]
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return []


def calls_of(value: JsonValue) -> list[tuple[str, str]]:
    """The names and arguments of the calls that a JSON value describes, under any of the keys that models write."""
    if isinstance(value, list):
        return [call for item in value if isinstance(item, dict) for call in calls_of(item)]
    if not isinstance(value, dict):
        return []
    for key in _NAME_KEYS:
        named = value.get(key)
        if isinstance(named, dict):
            return calls_of(named)
        if isinstance(named, str) and named:
            return [(named, _arguments({k: v for k, v in value.items() if k not in (key, "type", "id")}))]
    return []


def _arguments(rest: Mapping[str, JsonValue]) -> str:
    for key in _ARGUMENT_KEYS:
        if key in rest:
            given = rest[key]
            return given if isinstance(given, str) else json.dumps({} if given is None else given, ensure_ascii=False)
    return json.dumps(dict(rest), ensure_ascii=False)
