"""Foreign text as models are shown it: fenced, without what hides or steers, and never as a line of ours."""

from __future__ import annotations

import hashlib
import re
import unicodedata

VERDICT = re.compile(r"^(\s*)(?=verdict\s*:)", re.IGNORECASE)
FENCE_LIKE = re.compile(r"untrusted[0-9a-f]{6,}")
SPECIAL = re.compile(r"<\|(\w{1,40})\|>")
"""Marks by which chat templates tell roles apart; some endpoints read them wherever they stand."""
HIDING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\xad\u061c\u115f\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that are not seen, or that turn the order of what is: bidirectional marks, zero widths, tags, controls.

The joiners U+200C and U+200D stay: languages and pictures need them.
"""


class Shown(str):
    """Text that may stand in a prompt as it is, over as many lines as it has."""

    __slots__ = ()


def untrusted(text: object) -> Shown:
    """Return foreign text inside a fence that the text itself cannot close.

    The fence's name hangs on the text, so the same text gives the same prompt. Lines that look like one of our
    verdicts or fences are marked by a bar, so that nobody can forge one.
    """
    plain = str(text).encode("utf-8", "replace").decode()
    body = "\n".join(_marked(line) for line in plain.splitlines()).rstrip()
    digest = hashlib.sha256(body.encode()).hexdigest()
    # Nobody can find a text that holds the beginning of its own digest by accident; by much work somebody could.
    while digest[:12] in body:
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return Shown(f"<untrusted-{digest[:12]}>\n{body}\n</untrusted-{digest[:12]}>")


def own_lines(text: str) -> Shown:
    """Return lines that this program composed, with foreign words in them: none passes for a verdict or a fence."""
    return Shown("\n".join(_marked(line) for line in text.splitlines()))


def ours(text: object) -> Shown:
    """Return a text of several lines that this program composed: what is foreign in it is fenced already."""
    return Shown(text)


def one_line(value: object) -> object:
    """Return a value as it may stand within a line of ours; text that is shown as it is stays."""
    return value if isinstance(value, (Shown, int, float)) else " ".join(visible(str(value)).split())


def visible(text: str) -> str:
    """Return text in which what hides itself is written out, and what would pass for a role's mark is none."""
    return SPECIAL.sub(r"<| \1 |>", HIDING.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _marked(line: str) -> str:
    letters = "".join(sign for sign in unicodedata.normalize("NFKC", line).casefold() if sign.isalnum())
    shown = visible(line)
    return f"| {shown}" if FENCE_LIKE.search(letters) else VERDICT.sub(r"\1| ", shown)
