"""The rules that a repository adds to the policy: `[policy]` of its roadcrew.toml, read from the base commit alone.

They can only tighten what the built-in rules and those of whoever runs the team say. A table that cannot be read stops
the delivery: a rule that is misspelt would protect nothing, and nobody would notice.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agents.errors import RepositoryUnusable
from agents.manners import FILE_NAME
from policies import RepositoryRules
from tools.mirror import Mirror

TABLE = "policy"


def rules_at(mirror: Mirror, commit: str) -> RepositoryRules:
    """Return the rules of a commit, none where it has none; raises `RepositoryUnusable` for what cannot be read."""
    if not any(entry.path == FILE_NAME for entry in mirror.files(commit)):
        return RepositoryRules()
    text = mirror.read(commit, FILE_NAME).decode("utf-8", "replace")
    try:
        return rules_of(tomllib.loads(text))
    except tomllib.TOMLDecodeError as fault:
        if TABLE not in text:
            return RepositoryRules()  # it can hold no rule; the baseline's notes say that it is no TOML
        raise RepositoryUnusable(f"{FILE_NAME} seems to hold rules and is not TOML: {fault}", _hint()) from fault


def rules_of(content: Mapping[str, Any]) -> RepositoryRules:
    """Return the rules that a roadcrew.toml holds; raises `RepositoryUnusable` that names the key and the value."""
    table = content.get(TABLE, {})
    try:
        return RepositoryRules.model_validate(table)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in (TABLE, *first["loc"]))
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            problem = f"no such key; there are {', '.join(RepositoryRules.model_fields)}"
        raise RepositoryUnusable(
            f"{place} of {FILE_NAME} cannot be used: {problem} (it is {first['input']!r:.100})", _hint()
        ) from fault


def _hint() -> str:
    return f"mend {FILE_NAME} on the default branch, then say /roadcrew retry"
