"""Foreign text made safe to stand in our Markdown: it cannot break the layout around it."""

from __future__ import annotations

import re
import unicodedata

OPENING = re.compile(r"^(\d*)([#>*+~=|_\[-]|(?<=\d)[.)])")
"""What would begin a heading, quotation, list, fence, rule or link definition at the start of a line."""
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
CODE_SPAN = re.compile(r"(`[^`]+`)")
MENTION = re.compile(r"(?<![\w@`/.])@(?=[A-Za-z0-9])")
CALLED = re.compile(rf"{MENTION.pattern}([\w/-]+)")
CLOSING = re.compile(r"\b((?:close|fix|resolve)(?:[sd]|es|ed)?:?)(\s+)(?=\S*#\d|https?://|GH-\d)", re.IGNORECASE)
"""What makes a code host close an issue: a keyword right before the issue's number or address."""
SKIPPING = re.compile(
    r"\[(\s*(?:skip|no)[\s_-]+\w[\w .-]*|\s*\w[\w .-]*?[\s_-]+skip(?:ped)?\s*)\]|\*{3}(\s*no_ci\s*)\*{3}", re.IGNORECASE
)
"""What keeps checks from running where it stands in a commit or a title: `[skip ci]`, `[ci skip]`, `***NO_CI***`."""
TRAILER = re.compile(r"^(\s*[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+)(?=\s*[:=])")
"""What programs read at the end of a message: who signed off, who wrote it too, which checks to leave out."""


def slugify(title: str) -> str:
    """Return a title as a short folder name of small ASCII letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    return "-".join(words)[:40].strip("-") or "feature"


def flat(text: object) -> str:
    """Return text on one line that cannot begin a heading, list, fence or comment; code spans stay code."""
    line = " ".join(printable(str(text)).split())
    parts = CODE_SPAN.split(_answered(line))
    # Odd parts are whole code spans, in which nothing else has a meaning.
    safe = [part if number % 2 else part.replace("`", "'").replace("<", "&lt;") for number, part in enumerate(parts)]
    return OPENING.sub(r"\1\\\2", "".join(safe))


def block(text: str) -> str:
    """Return text of several lines with every fence closed, no open HTML comment, and no control characters."""
    lines = [printable(line).rstrip() for line in _answered(text).splitlines()]
    open_fence = ""
    for number, line in enumerate(lines):
        found = FENCE.match(line)
        if not found:
            if not open_fence:
                lines[number] = line.replace("<!--", "&lt;!--")
        elif not open_fence:
            open_fence = found[1]
        elif found[1].startswith(open_fence) and not found[2].strip():
            open_fence = ""
    return "\n".join([*lines, *([open_fence] if open_fence else [])]).strip()


def quiet(text: object) -> str:
    """Return text of a model, fit for a comment, pull request or commit on a code host: it reaches nobody by itself.

    It calls no person, closes no issue, loads no picture, leaves out no check, signs for nobody, hides nothing and keeps
    to printable characters. Code spans stay code only where nobody could read the line in another way.
    """
    return "\n".join(_quiet_line(printable(line)) for line in str(text).splitlines())


def disarmed(text: object) -> tuple[str, ...]:
    """Return what `quiet` takes the effect from, as the text has it, each once: to be told to whoever looks later."""
    found: list[str] = []
    for line in str(text).splitlines():
        patterns = (SKIPPING, TRAILER, CLOSING)
        found += [match[0].strip() for pattern in patterns for match in pattern.finditer(line)]
        found += [f"@{match[1]}" for match in CALLED.finditer(line)]
        found += ["<!--"] if "<!--" in line else []
    return tuple(dict.fromkeys(one[:60] for one in found))


def _quiet_line(line: str) -> str:
    if "``" in line or "\\`" in line or line.count("`") % 2:
        line = line.replace("`", "'")
    line = TRAILER.sub(r"\1 (so it says)", SKIPPING.sub(lambda found: f"({(found[1] or found[2]).strip()})", line))
    parts = CODE_SPAN.split(CLOSING.sub(r"\1\2issue ", line))
    return "".join(part if number % 2 else _quiet_prose(part) for number, part in enumerate(parts))


def _quiet_prose(text: str) -> str:
    return MENTION.sub("@ ", text.replace("<", "&lt;").replace("![", "!\\["))


def outside_fences(text: str) -> list[str]:
    """Return the lines of a text, those inside fences as empty lines, so that numbers still count."""
    lines: list[str] = []
    open_fence = ""
    for line in text.splitlines():
        found = FENCE.match(line)
        if found and not open_fence:
            open_fence = found[1]
        elif found and found[1].startswith(open_fence) and not found[2].strip():
            open_fence = ""
        elif not open_fence:
            lines.append(line)
            continue
        lines.append("")
    return lines


def printable(text: str) -> str:
    """Return text without characters that are neither printable nor white space."""
    return "".join(sign for sign in text if sign.isprintable() or sign.isspace())


def _answered(text: str) -> str:
    return text.replace("[NEEDS CLARIFICATION", "(needs clarification")
