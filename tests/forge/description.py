"""GitHub's published description: which answers it allows, operation by operation.

The file is the OpenAPI description of GitHub Enterprise Server, whose API also begins with `/api/v3`. OpenAPI 3.0
writes `nullable` where JSON Schema has a union with null; that is the one thing translated.
"""

import json
import re
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft4Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT4

ADDRESS = "urn:github"
ERRORS = (400, 401, 403, 404, 405, 409, 413, 422, 500, 501, 503)
"""Any route may answer these, described for it or not; the body is GitHub's error body."""
_HOLE = re.compile(r"[<{][^>}]*[>}]")
formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@formats.checks("uri", raises=ValueError)
def _is_address(value: object) -> bool:
    return not isinstance(value, str) or (bool(urlsplit(value).scheme) and not re.search(r"[\s{}]", value))


@formats.checks("email")
def _is_mailbox(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"[^@\s]+@[^@\s]+", value))


def shape(route: str) -> str:
    """A route with its parameters made nameless, so that Flask's and OpenAPI's compare."""
    return _HOLE.sub("{}", route)


def with_null(schema: Any) -> Any:
    """The schema with `nullable` written as a union."""
    if isinstance(schema, list):
        return [with_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: with_null(value) for key, value in schema.items() if key != "nullable" or value is not True}
    return {"anyOf": [{"type": "null"}, inner]} if schema.get("nullable") is True else inner


def _any_of(schema: dict[str, Any]) -> dict[str, Any]:
    """A described error body: GitHub lists alternatives there that do not exclude each other."""
    return {"anyOf": schema["oneOf"]} if "oneOf" in schema else schema


class Description:
    """The operations and webhooks that GitHub describes."""

    def __init__(self, file: Path) -> None:
        self._document: dict[str, Any] = json.loads(file.read_text())
        self._paths = {shape(path): item for path, item in self._document["paths"].items()}
        self._validators: dict[str, Draft4Validator] = {}

    @cached_property
    def _registry(self) -> Registry[Any]:
        held = {"components": with_null(self._document["components"])}
        empty: Registry[Any] = Registry()
        filled: Registry[Any] = empty.with_resource(ADDRESS, DRAFT4.create_resource(held))
        return filled

    def operation(self, method: str, route: str) -> dict[str, Any] | None:
        """What GitHub says of a route, or None where it has none."""
        found: dict[str, Any] | None = self._paths.get(shape(route), {}).get(method.lower())
        return found

    def problem(self, method: str, route: str, status: int, kind: str | None, body: Any) -> str | None:
        """Why GitHub would not answer so, or None when it could."""
        operation = self.operation(method, route)
        if operation is None:
            return "GitHub has no such operation"
        if status == 304:
            return None
        described = operation["responses"].get(str(status))
        if described is None:
            if status not in ERRORS:
                return f"status {status} is not described: {', '.join(operation['responses'])}"
            return self.refusal(status, body)
        content = self._pointed(described).get("content", {})
        if status >= 400 and not content:
            return self.refusal(status, body)
        if not content or kind is None:
            return None if bool(content) == (kind is not None) else f"the body is of type {kind}"
        schema = next((part.get("schema") for name, part in content.items() if "json" in name), None)
        if kind != "application/json" or schema is None:
            return None
        return self._mismatch(_any_of(schema) if status >= 400 else schema, body)

    def refusal(self, status: int, body: Any) -> str | None:
        """Why this is not GitHub's error body, or None."""
        named = {422: ("validation-error", "validation-error-simple")}.get(status, ("basic-error",))
        return self._mismatch({"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in named]}, body)

    def webhook_problem(self, event: str, action: str | None, payload: Any) -> str | None:
        """Why GitHub would not send this payload, or None when it could."""
        name = "-".join([event, *([action] if action else [])]).replace("_", "-")
        described = self._document["x-webhooks"].get(name)
        if described is None:
            return f"GitHub sends no {name}"
        schema = described["post"]["requestBody"]["content"]["application/json"]["schema"]
        return self._mismatch(schema, payload)

    def _pointed(self, node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in node:
            return node
        found: Any = self._document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return dict(found)

    def _mismatch(self, schema: Any, body: Any) -> str | None:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            pointing = json.loads(key.replace('"#/components', f'"{ADDRESS}#/components'))
            self._validators[key] = Draft4Validator(
                with_null(pointing), registry=self._registry, format_checker=formats
            )
        worst = best_match(self._validators[key].iter_errors(body))
        return None if worst is None else f"{worst.json_path}: {worst.message[:300]}"


@cache
def described(file: Path) -> Description:
    """The description in this file, read once."""
    return Description(file)
