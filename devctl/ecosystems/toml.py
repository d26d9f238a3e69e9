"""Tables of a TOML file that a stranger wrote and that may hold anything."""

from collections.abc import Mapping
from typing import Any


def table(outer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An inner table; empty where there is none, or something else."""
    inner = outer.get(name)
    return inner if isinstance(inner, dict) else {}
