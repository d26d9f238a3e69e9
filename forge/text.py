"""What text from outside must be before it is stored."""

import re
from functools import lru_cache

from forge.errors import Invalid

BODY_LIMIT = 65536
TITLE_LIMIT = 256
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def has_phrase(text: str | None, phrase: str) -> bool:
    """Whether a phrase is in a text in any case, beginning and ending where words do."""
    return text is not None and _phrase(phrase.casefold()).search(text.casefold()) is not None


@lru_cache(maxsize=256)
def _phrase(folded: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(folded)}(?!\w)")


def checked_text(resource: str, field: str, value: str, limit: int = BODY_LIMIT) -> str:
    """The text itself; Invalid when it is too long or holds characters that cannot be stored.

    Control characters other than NUL are kept: GitHub keeps them, and pages show them escaped.
    """
    if len(value) > limit:
        message = f"{field} is too long (maximum is {limit} characters)"
        raise Invalid.field(resource, field, "custom", message)
    if "\0" in value or _SURROGATE.search(value):
        message = f"{field} must not contain NUL or unpaired surrogate characters"
        raise Invalid.field(resource, field, "custom", message)
    return value


def checked_title(resource: str, value: str) -> str:
    """A title on one line; Invalid when nothing is left of it."""
    title = " ".join(checked_text(resource, "title", value, TITLE_LIMIT).split())
    if not title:
        raise Invalid.field(resource, "title", "missing_field")
    return title
