"""Bolt values as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import JsonValue


def plain_row(values: Iterable[Any]) -> tuple[JsonValue, ...]:
    """Return one row's values as JSON can hold them."""
    return tuple(plain(value) for value in values)


def plain(value: Any) -> JsonValue:
    """Return a node as its properties with its labels, a relationship with its type, a path as a list, times as text."""
    from neo4j.graph import Node, Path, Relationship

    if isinstance(value, Node):
        return {
            "labels": list[JsonValue](sorted(value.labels)),
            **{key: plain(item) for key, item in sorted(value.items())},
        }
    if isinstance(value, Relationship):
        return {"type": value.type, **{key: plain(item) for key, item in sorted(value.items())}}
    if isinstance(value, Path):
        steps: list[JsonValue] = [plain(value.start_node)]
        for relationship in value.relationships:
            steps += [plain(relationship), plain(relationship.end_node)]
        return steps
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | bytearray):
        return value.hex()
    return str(value.iso_format()) if hasattr(value, "iso_format") else str(value)


def known(node: dict[str, Any], kind: Any) -> dict[str, Any]:
    """Return the properties that the record knows; people may have added others."""
    values = {name: node[name] for name in kind.model_fields if node.get(name) is not None}
    return {name: value.to_native() if hasattr(value, "to_native") else value for name, value in values.items()}
