"""Errors of PyGithub and of the connection under it, translated into ours once."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError

from tools.errors import (
    CodeHostConflict,
    CodeHostError,
    CodeHostInvalid,
    CodeHostNotFound,
    CodeHostRefused,
    CodeHostUnavailable,
)

_SECONDARY_WAIT = 60.0
"""Seconds that GitHub asks to wait at a secondary limit that names no time."""

BASE_MOVED = "base branch was modified"
"""GitHub's words for a merge that came while it still counted in an earlier one; soon after it takes it."""

_INCOMPLETE = (TypeError, AttributeError, LookupError, ValidationError)


class Fault(NamedTuple):
    """A failed call."""

    error: CodeHostError
    retry: bool
    """Whether the same call may go through later."""
    unsent: bool = False
    """Whether it surely had no effect, so that even a call that must not run twice may be repeated."""
    wait: float | None = None
    """Seconds that the host asked us to wait."""


def foreign_errors() -> tuple[type[Exception], ...]:
    """All that PyGithub raises: its own classes, those of requests, and its checks of redirects and URLs.

    And what reading an answer without its fields raises, for which PyGithub gives None.
    """
    import github
    import requests

    return (
        github.GithubException,
        github.BadAttributeException,
        requests.RequestException,
        RuntimeError,  # a redirect to another host
        AssertionError,  # an answer that names URLs outside the API's own
        *_INCOMPLETE,
    )


def fault_of(error: Exception, doing: str, api_url: str) -> Fault:
    """Judge one of `foreign_errors`; `doing` says what was tried, for the message."""
    import github
    import requests

    if isinstance(error, github.IncompletableObject):
        return Fault(CodeHostInvalid(f"{api_url} gave an object without its URL when asked to {doing}"), retry=False)
    if isinstance(error, github.GithubException):
        return _answered(error.status, error.data, error.headers or {}, f"{doing} ({api_url})")
    if isinstance(error, github.BadAttributeException):
        shown = f"{error.actual_value!r}"[:200]
        return Fault(CodeHostInvalid(f"{api_url} gave {shown} when asked to {doing}"), retry=False)
    if isinstance(error, requests.RequestException):
        refused = isinstance(error, requests.ConnectionError) and "refused" in str(error).lower()
        unavailable = CodeHostUnavailable(
            f"the code host {api_url} does not answer ({_reason(error)}): cannot {doing}",
            "Start it or check its URL and the network, then retry.",
        )
        return Fault(unavailable, retry=True, unsent=refused)
    if isinstance(error, _INCOMPLETE):
        words = " ".join(str(error).split())[:300]
        return Fault(CodeHostInvalid(f"{api_url} gave an incomplete answer to {doing}: {words}"), retry=False)
    hint = "Set the code host's URL to the address that it gives for itself."
    return Fault(
        CodeHostInvalid(f"{api_url} sends us elsewhere when asked to {doing}: {error}", hint=hint),
        retry=False,
    )


def _answered(status: int, data: object, headers: Mapping[str, str], doing: str) -> Fault:
    words = _words(data)
    wait = _limit_wait(status, words, headers)
    if wait is not None:
        limited = CodeHostUnavailable(
            f"a rate limit of the code host stops us for {wait:.0f} s: cannot {doing}: {words}",
            "Wait, or use a token with a higher limit.",
        )
        return Fault(limited, retry=True, unsent=True, wait=wait)
    if status in {401, 403}:
        return Fault(_refused(status, words, headers, doing), retry=False)
    if status in {404, 410}:
        hint = "Check the name; a host also says this of what the token may not see."
        return Fault(CodeHostNotFound(f"not found: cannot {doing}: {words}", hint), retry=False)
    if status in {405, 409}:
        moved = BASE_MOVED in words.lower()
        return Fault(CodeHostConflict(f"the code host forbids to {doing}: {words}"), retry=moved, unsent=moved)
    if status in {408, 500, 502, 503, 504}:
        broken = CodeHostUnavailable(f"the code host answers {status}: cannot {doing}: {words}", "Try later.")
        return Fault(broken, retry=True)
    problems = _problems(data)
    listed = f": {'; '.join(problems)}" if problems else ""
    invalid = CodeHostInvalid(f"the code host answers {status}: cannot {doing}: {words}{listed}", problems)
    return Fault(invalid, retry=False)


def _limit_wait(status: int, words: str, headers: Mapping[str, str]) -> float | None:
    """Seconds until a rate limit ends; None when it is none.

    https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    """
    if status not in {403, 429}:
        return None
    after = headers.get("retry-after", "")
    if after.isdigit():
        return float(after)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - time.time()) + 1.0
    is_limit = status == 429 or "rate limit" in words.lower() or "abuse detection" in words.lower()
    return _SECONDARY_WAIT if is_limit else None


def _refused(status: int, words: str, headers: Mapping[str, str], doing: str) -> CodeHostRefused:
    if status == 401:
        hint = "Give a valid token: it may be wrong, expired or revoked."
        return CodeHostRefused(f"the code host does not accept the token: cannot {doing}: {words}", hint)
    needs = headers.get("x-accepted-github-permissions") or headers.get("x-accepted-oauth-scopes")
    has = headers.get("x-oauth-scopes")
    hint = f"The token needs {needs}" if needs else "Give the token's owner the right to do this"
    hint += f"; it has {has}." if has else "."
    return CodeHostRefused(f"the token lacks the right to {doing}: {words}", hint)


def _words(data: object) -> str:
    message = data.get("message") if isinstance(data, dict) else data
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message or "no explanation")
    return " ".join(text.split())[:500]


def _problems(data: object) -> list[str]:
    errors = data.get("errors") if isinstance(data, dict) else None
    if isinstance(errors, str):
        return [errors]
    return [_problem(item) for item in errors] if isinstance(errors, list) else []


def _problem(item: object) -> str:
    if not isinstance(item, dict):
        return str(item)
    if item.get("message"):
        return str(item["message"])
    return " ".join(str(item[key]) for key in ("resource", "field", "code") if item.get(key))


def _reason(error: Exception) -> str:
    """The innermost cause in few words; requests wraps it several times."""
    text = " ".join(str(error).split())
    for plain in ("Connection refused", "timed out", "Name or service not known", "Connection reset"):
        if plain.lower() in text.lower():
            return plain.lower()
    return text[:200] or type(error).__name__
