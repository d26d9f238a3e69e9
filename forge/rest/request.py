"""Reading a request: who asks, what they send, which page of a list they want."""

import json
import re
from typing import Any, TypeVar

from flask import current_app, g, request

from forge.errors import BadRequest, Invalid, Unauthorized
from forge.git.run import SHA
from forge.host import Act, Host, View, acting
from forge.records import Permission, User
from forge.store import users
from forge.store.database import Page

T = TypeVar("T", bound=str)
_INTEGER = re.compile(r"[1-9]\d{0,8}")


def host() -> Host:
    """The forge that serves this request."""
    found: Host = current_app.extensions["forge"]
    return found


def view() -> View:
    """What answers are shaped with; links begin with the address that the client used."""
    return host().view(request.host_url.rstrip("/"))


def token_of_request() -> str | None:
    """The token in the Authorization header: `token`, `Bearer` or Basic with the token as the password."""
    given = request.authorization
    if given is None:
        return None
    if given.type == "basic":
        password = given.password or ""
        return given.username if password in ("", "x-oauth-basic") else password
    return given.token if given.type in ("token", "bearer") else None


def identify() -> User | None:
    """Whose token the request carries; Unauthorized for one that is not valid."""
    if "Authorization" not in request.headers:
        return None
    token = token_of_request()
    with host().db.read() as db:
        user = users.by_token(db, token) if token else None
    if user is None:
        raise Unauthorized("Bad credentials")
    return user


def viewer() -> User | None:
    """The person who asks, or None."""
    found: User | None = g.get("viewer")
    return found


def need_viewer() -> User:
    """The person who asks; Unauthorized for a stranger."""
    user = viewer()
    if user is None:
        raise Unauthorized("Requires authentication")
    return user


def act(owner: str, name: str, need: Permission = "read") -> Act:
    """The person who asks, in a repository, holding at least this permission."""
    return acting(host(), viewer(), owner, name).need(need)


def page() -> Page:
    """The `page` and `per_page` of the request; nonsense falls back as GitHub's does."""
    number = request.args.get("page", "1")
    size = request.args.get("per_page", "30")
    return Page(
        number=int(number) if _INTEGER.fullmatch(number) else 1,
        size=min(int(size), 100) if _INTEGER.fullmatch(size) else 30,
    )


def checked_sha(value: str) -> str:
    """A full object name; Invalid otherwise."""
    if not SHA.fullmatch(value):
        raise Invalid(f"{value[:60]!r} is not a full SHA: send 40 hexadecimal digits")
    return value


class Body:
    """The JSON object of a request, read field by field; a wrong type is Invalid and names the field."""

    def __init__(self, resource: str, values: dict[str, Any]) -> None:
        self.resource = resource
        self.values = values

    def __contains__(self, field: str) -> bool:
        return field in self.values

    def failure(self, field: str, code: str, message: str) -> Invalid:
        """Invalid for one field of this body."""
        return Invalid.field(self.resource, field, code, message)

    def _typed(self, field: str, kind: type | tuple[type, ...], words: str) -> Any:
        value = self.values.get(field)
        wrong = value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool)))
        if wrong:
            raise self.failure(field, "invalid", f"{field} must be {words}")
        return value

    def text(self, field: str, default: str | None = None) -> str:
        """A string; missing_field when it is absent and there is no default."""
        value: str | None = self._typed(field, str, "a string")
        if value is None:
            value = default
        if value is None:
            raise self.failure(field, "missing_field", f"{field} wasn't supplied")
        return value

    def optional_text(self, field: str) -> str | None:
        """A string or null."""
        value: str | None = self._typed(field, str, "a string or null")
        return value

    def flag(self, field: str, *, default: bool = False) -> bool:
        """A boolean."""
        value: bool | None = self._typed(field, bool, "true or false")
        return default if value is None else value

    def number(self, field: str) -> int | None:
        """An integer or null."""
        value: int | None = self._typed(field, int, "an integer")
        if value is not None and not -(2**53) < value < 2**53:
            raise self.failure(field, "invalid", f"{field} is out of range")
        return value

    def texts(self, field: str) -> list[str]:
        """A list of strings, empty when absent."""
        value = self._typed(field, list, "a list") or []
        if not all(isinstance(each, str) for each in value):
            raise self.failure(field, "invalid", f"{field} must be a list of strings")
        return list(value)

    def part(self, field: str) -> "Body | None":
        """An object, or None for null or absence."""
        value = self._typed(field, dict, "an object or null")
        return None if value is None else Body(self.resource, value)

    def parts(self, field: str) -> "list[Body]":
        """A list of objects, empty when absent."""
        value = self._typed(field, list, "a list") or []
        if not all(isinstance(each, dict) for each in value):
            raise self.failure(field, "invalid", f"{field} must be a list of objects")
        return [Body(self.resource, each) for each in value]

    def choice(self, field: str, choices: tuple[T, ...], default: T | None = None) -> T:
        """One of a closed set of strings."""
        value = self.text(field, default)
        for each in choices:
            if value == each:
                return each
        raise self.failure(field, "invalid", f"{value[:60]!r} is not one of: {', '.join(choices)}")

    def refuse(self, *fields: str) -> None:
        """Invalid for a field that GitHub has, that the forge has not, and that asks for something."""
        for field in fields:
            if self.values.get(field):
                raise self.failure(field, "custom", f"this forge does not support {field}")


def parsed() -> Any:
    """The JSON of the request, whatever it is; BadRequest when it does not parse."""
    raw = request.get_data(cache=True)
    try:
        return json.loads(raw) if raw else {}
    except (ValueError, RecursionError) as failure:
        raise BadRequest("Problems parsing JSON") from failure


def body(resource: str) -> Body:
    """The JSON object of the request."""
    values = parsed()
    if not isinstance(values, dict):
        raise BadRequest("Body should be a JSON object")
    return Body(resource, values)
