"""What may differ between a recorded run and its replay without meaning anything, taken out of texts.

Times, durations, dates, hashes, UUIDs, absolute paths and ports are replaced by their names. Counts and all
other words stay, since a verdict hangs on them.
"""

import re

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_UNIT = (
    r"(?:nanoseconds?|microseconds?|milliseconds?|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?"
    r"|ns|us|µs|ms|s)"
)
_SEGMENT = r"[\w.@+~%-]+"

# Order matters: what contains other kinds (a path with a date and a hash in it) goes first.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # an absolute path; not the path of a URL, a closing tag, or the second half of "and/or"
        (rf"(?<![\w<>./:%-])/(?:{_SEGMENT}/)*{_SEGMENT}/?", "<path>"),
        (r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])", "<uuid>"),
        (rf"(?<![\d-])\d{{4}}-\d{{2}}-\d{{2}}[T ]{_CLOCK}{_ZONE}(?!\d)", "<date>"),
        (rf"\b{_DAY},? {_MONTH} +\d{{1,2}} {_CLOCK} \d{{4}}{_ZONE}(?!\d)", "<date>"),
        (rf"\b{_DAY},? \d{{1,2}} {_MONTH} \d{{4}}(?: {_CLOCK}{_ZONE})?(?!\d)", "<date>"),
        (r"(?<![\d/-])\d{4}([-/])\d{2}\1\d{2}(?![\d/])", "<date>"),
        (rf"\b{_MONTH} \d{{1,2}}, \d{{4}}(?!\d)", "<date>"),
        (rf"(?<![\w:.])(?:{_CLOCK}){_ZONE}(?![\w:])", "<time>"),
        (r"(localhost|\b(?:\d{1,3}\.){3}\d{1,3}|\[::1?\]):\d{1,5}\b", r"\1:<port>"),
        (r"\b([Pp]ort:? )\d{1,5}\b", r"\1<port>"),
        (r"(?<![\w.])(?:\d+h ?)?\d+m ?\d+(?:\.\d+)?s(?!\w)", "<duration>"),
        (rf"(?<![\w.])\d+(?:\.\d+)? ?{_UNIT}(?!\w)", "<duration>"),
        (r"(?<![0-9A-Za-z])0x[0-9a-fA-F]+(?![0-9A-Za-z])", "<hash>"),
        (r"(?<![0-9A-Za-z])[0-9a-fA-F]{7,64}(?![0-9A-Za-z])", "<hash>"),
    )
)


def normalise(text: str) -> str:
    """The text with what may differ replaced; doing it twice is doing it once."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
