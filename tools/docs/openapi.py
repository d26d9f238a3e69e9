"""An OpenAPI document read from a file, and what two of them describe differently."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tools.docs.routes import METHODS
from tools.record import Record

_WORDS = frozenset({"description", "summary", "title", "example", "examples", "externalDocs", "operationId", "tags"})
"""What people read; a difference in it is no difference of the interface."""
_DEEP = 40
_PLACE = re.compile(r"\{[^}]*\}")


class Difference(Record):
    """One thing that the committed document says otherwise than the code."""

    what: str
    """For people: `the parameter query limit of GET /items is missing`."""
    word: str
    """What to look for in the committed file."""


def read_document(text: str) -> dict[str, Any] | None:
    """A document as JSON or YAML has it; None for a text that holds none."""
    import yaml

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError):
            return None
    return value if isinstance(value, dict) and ("openapi" in value or "swagger" in value) else None


def differences(committed: dict[str, Any], exported: dict[str, Any]) -> tuple[Difference, ...]:
    """What the committed document lacks, has too much or says otherwise; words for people do not count."""
    mine, theirs = (_mapping(document.get("paths")) for document in (committed, exported))
    found = [*_keys("path", "", mine, theirs)]
    for path in sorted(mine.keys() & theirs.keys()):
        found += _operations(path, _mapping(mine[path]), _mapping(theirs[path]))
    found += _schemas(committed, exported)
    return tuple(found)


def missing_routes(document: dict[str, Any], names: list[str]) -> tuple[Difference, ...]:
    """Routes of the code, as `GET /items/{id}`, that a document does not have; how places are called is the same."""
    known = {
        (method, _PLACE.sub("{}", path))
        for path, methods in _mapping(document.get("paths")).items()
        for method in _mapping(methods)
    }
    prefixes = ["", *(_prefix(server) for server in document.get("servers") or [] if isinstance(server, dict))]
    found = []
    for name in names:
        verb, _, path = name.partition(" ")
        plain = _PLACE.sub("{}", path)
        if not any((verb.lower(), plain.removeprefix(prefix) or "/") in known for prefix in prefixes):
            found.append(Difference(what=f"the route {name} of the code is missing", word=path))
    return tuple(found)


def _prefix(server: dict[str, Any]) -> str:
    return re.sub(r"^https?://[^/]*", "", str(server.get("url", ""))).rstrip("/")


def _operations(path: str, mine: dict[str, Any], theirs: dict[str, Any]) -> Iterator[Difference]:
    said, made = ({key: value for key, value in each.items() if key in METHODS} for each in (mine, theirs))
    yield from _keys("method", f" of {path}", said, made, word=path)
    for verb in sorted(said.keys() & made.keys()):
        name = f"{verb.upper()} {path}"
        one, other = _mapping(said[verb]), _mapping(made[verb])
        before, after = (_parameters(each, whole) for each, whole in ((one, mine), (other, theirs)))
        yield from _keys("parameter", f" of {name}", before, after, word=path)
        for key in sorted(before.keys() & after.keys()):
            yield from _same(f"the parameter {key} of {name}", before[key], after[key], key.partition(" ")[2])
        yield from _same(f"the request body of {name}", one.get("requestBody"), other.get("requestBody"), path)
        answers, given = (_mapping(each.get("responses")) for each in (one, other))
        yield from _keys("response", f" of {name}", answers, given, word=path)
        for status in sorted(answers.keys() & given.keys()):
            yield from _same(f"the response {status} of {name}", answers[status], given[status], path)


def _parameters(operation: dict[str, Any], path: dict[str, Any]) -> dict[str, Any]:
    """The parameters by place and name, those of the whole path among them."""
    both = [each.get("parameters") for each in (path, operation)]
    listed = [one for parameters in both if isinstance(parameters, list) for one in parameters]
    named = [one for one in listed if isinstance(one, dict) and "name" in one]
    return {f"{one.get('in', '')} {one['name']}".strip(): one for one in named}


def _schemas(committed: dict[str, Any], exported: dict[str, Any]) -> Iterator[Difference]:
    mine, theirs = (_components(document) for document in (committed, exported))
    yield from _keys("schema", "", mine, theirs)
    for name in sorted(mine.keys() & theirs.keys()):
        one, other = (_mapping(_mapping(each).get("properties")) for each in (mine[name], theirs[name]))
        lacking = list(_keys("property", f" of schema {name}", one, other, word=name))
        yield from lacking
        if not lacking:
            yield from _same(f"the schema {name}", mine[name], theirs[name], name)


def _components(document: dict[str, Any]) -> dict[str, Any]:
    return _mapping(_mapping(document.get("components")).get("schemas")) or _mapping(document.get("definitions"))


def _keys(kind: str, where: str, mine: dict[str, Any], theirs: dict[str, Any], word: str = "") -> Iterator[Difference]:
    one, other = ({str(key) for key in each} for each in (mine, theirs))
    for key in sorted(other - one):
        yield Difference(what=f"the {kind} {key}{where} is missing", word=word)
    for key in sorted(one - other):
        yield Difference(what=f"the {kind} {key}{where} is not in the code", word=word or key)


def _same(what: str, mine: Any, theirs: Any, word: str) -> Iterator[Difference]:
    one, other = _shape(mine), _shape(theirs)
    if one != other:
        yield Difference(what=f"{what} differs: {_short(one)}, in the code {_short(other)}", word=word)


def _shape(value: Any, depth: int = 0) -> Any:
    """A part of a document without words for people, in one order."""
    if depth > _DEEP:
        return "…"
    if isinstance(value, dict):
        named = depth > 0 and value.get("type") is None and all(isinstance(one, dict) for one in value.values())
        kept = {str(k): _shape(v, depth + 1) for k, v in value.items() if named or k not in _WORDS}
        return dict(sorted(kept.items()))
    if isinstance(value, list):
        return sorted(
            (_shape(one, depth + 1) for one in value), key=lambda one: json.dumps(one, sort_keys=True, default=str)
        )
    return value


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
