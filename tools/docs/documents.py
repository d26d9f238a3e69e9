"""The documents of a commit: which files they are, and whether they name something."""

import re
from functools import cached_property
from pathlib import PurePosixPath

from tools.docs.markdown import read_page
from tools.gitobjects import EXECUTABLE, REGULAR
from tools.mirror import Mirror
from tools.testpaths import is_test_path

MARKDOWN = frozenset({".md", ".markdown", ".mdx"})
_TEXT = frozenset({*MARKDOWN, ".rst", ".txt", ".adoc", ".asciidoc"})
_FOLDERS = frozenset({"docs", "doc", "documentation", "manual", "website", "site"})
_CHANGELOG = re.compile(r"(changelog|changes|history|news|releases?|release[-_]notes)(\.(md|rst|txt|markdown))?", re.I)
_FRAGMENTS = frozenset({"changes", "newsfragments", "changelog.d", ".changeset", "news"})
_SPECIFICATION = re.compile(r"specs/\d{3}-")
"""Where a feature's own specification lies: it is no documentation of the product."""
_RST_CODE = re.compile(r"``([^`]+)``|`([^`<]+)`")
_MOST = 500
_MOST_BYTES = 1_000_000


def is_document(path: str) -> bool:
    """Whether a file is written for the project's users, its changelog left out."""
    pure = PurePosixPath(path)
    if pure.suffix.lower() not in _TEXT and not pure.name.upper().startswith("README"):
        return False
    if _SPECIFICATION.match(path) or is_changelog(path) or is_test_path(path):
        return False
    if pure.suffix.lower() == ".txt":
        return pure.parts[0].lower() in _FOLDERS and not pure.name.startswith("requirements")
    return not any(part.startswith(".") for part in pure.parts[:-1]) and "node_modules" not in pure.parts


def is_changelog(path: str) -> bool:
    """Whether a file tells what changed from release to release, or is a fragment of that."""
    pure = PurePosixPath(path)
    top = len(pure.parts) == 1 or (len(pure.parts) == 2 and pure.parts[0].lower() in _FOLDERS)
    return (top and _CHANGELOG.fullmatch(pure.name) is not None) or pure.parts[0] in _FRAGMENTS


class Documents:
    """All documents of one commit, read when first asked."""

    def __init__(self, mirror: Mirror, commit: str) -> None:
        self._mirror = mirror
        self.commit = commit

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The files, sorted."""
        entries = [entry for entry in self._mirror.files(self.commit) if is_document(entry.path)]
        plain = [entry for entry in entries if entry.mode in {REGULAR, EXECUTABLE} and entry.size <= _MOST_BYTES]
        return tuple(entry.path for entry in plain[:_MOST])

    @cached_property
    def texts(self) -> dict[str, str]:
        """By path, what they say."""
        read = self._mirror.read_many(self.commit, self.paths)
        return {path: content.decode("utf-8", "replace") for path, content in read.items()}

    @cached_property
    def whole(self) -> str:
        """All of them as one text."""
        return "\n".join(self.texts.values())

    @cached_property
    def code(self) -> str:
        """What stands as code in them."""
        return "\n".join(_code(path, text) for path, text in self.texts.items())

    def name(self, word: str) -> bool:
        """Whether some document holds a distinctive word, such as an option or a variable."""
        return _holds(self.whole, word)

    def name_code(self, dotted: str) -> bool:
        """Whether some document names a function or class as code, with or without its module."""
        return _holds(self.code, dotted.rpartition(".")[2])

    def say_route(self, name: str) -> bool:
        """Whether some document names a route's path, however its variable parts are written."""
        path = name.partition(" ")[2]
        if path == "/":
            return _holds(self.whole, name)
        parts = re.split(r"\{[^}]*\}", path)
        pattern = r"[^/\s`\"']+".join(map(re.escape, parts))
        return re.search(rf"{pattern}(?![\w/{{<:-])", self.whole) is not None


def _holds(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def _code(path: str, text: str) -> str:
    if PurePosixPath(path).suffix.lower() in MARKDOWN:
        return read_page(text).code
    inline = [one or other for one, other in _RST_CODE.findall(text)]
    indented = [line for line in text.splitlines() if line.startswith(("    ", "\t", "   ", ".. "))]
    return "\n".join([*inline, *indented])
