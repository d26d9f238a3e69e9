"""What is said about a change's documentation: what it makes public, what that needs, what checks found."""

from collections.abc import Sequence
from typing import Literal

from tools.record import Record

SHOWN = 60
"""Findings that are written out; the rest is counted."""

PublicKind = Literal["function", "class", "method", "option", "command", "route", "setting", "install"]
NeedKind = Literal["docstring", "name", "signature", "option", "command", "route", "setting", "install", "changelog",
                   "plan", "stale"]  # fmt: skip
Check = Literal["need", "link", "snippet", "mkdocs", "sphinx", "openapi"]


class PublicItem(Record):
    """One thing that users of a project can name: a function, an option, a route, a variable."""

    kind: PublicKind
    name: str
    """As people write it: `shop.cart.total`, `--format`, `GET /items/{id}`, `SHOP_URL`."""
    path: str
    line: int
    """From 1."""
    parameters: tuple[str, ...] = ()
    """Of something that is called: names with defaults as written, without annotations."""
    documented: bool = False
    """Whether it carries its own words where it is defined: a docstring, a help text."""
    text: str = ""
    """Those words."""


class PublicChange(Record):
    """One difference in what users can name."""

    change: Literal["added", "changed", "removed"]
    item: PublicItem
    before: PublicItem | None = None
    """What it was, for `changed`."""

    @property
    def line(self) -> str:
        """One line for people."""
        return f"{self.change}: {self.item.kind} `{self.item.name}` ({self.item.path}:{self.item.line})"


class DocumentationNeed(Record):
    """Something that must be documented, and why."""

    kind: NeedKind
    name: str
    path: str
    """Where the thing is defined; for `plan` and `changelog` the document."""
    line: int = 1
    why: str
    words: tuple[str, ...] = ()
    """What has to be named, for `signature`: the new parameters."""

    @property
    def as_text(self) -> str:
        """The need as one point of a list."""
        place = "" if self.name == self.path else f" ({self.path}:{self.line})"
        return f"{self.kind} `{self.name}`{place}: {self.why}"


class DocFinding(Record):
    """One thing that a check found wrong."""

    check: Check
    path: str
    line: int
    message: str
    hint: str

    @property
    def as_text(self) -> str:
        """The finding as people read it."""
        return f"{self.path}:{self.line}: {self.check}: {self.message}. {self.hint}"


class DocReport(Record):
    """What the checks say about the documentation of a change."""

    findings: tuple[DocFinding, ...] = ()
    needs: tuple[DocumentationNeed, ...] = ()
    """All needs, met or not."""
    documents: tuple[str, ...] = ()
    """Documents that the feature changed."""
    links: int = 0
    """Relative links that were followed."""
    snippets: int = 0
    """Snippets that were run."""
    left: int = 0
    """Snippets that were not run, by a mark or because they need what an environment has not."""
    built: tuple[str, ...] = ()
    """What was built or exported: `mkdocs`, `sphinx`, `openapi`."""
    notes: tuple[str, ...] = ()
    """What was not looked at, and why."""

    @property
    def green(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def verdict(self) -> str:
        """One line; the same for the same result."""
        if self.findings:
            kinds = sorted({found.check for found in self.findings})
            words = [f"{sum(f.check == kind for f in self.findings)} {kind}" for kind in kinds]
            return f"docs: {len(self.findings)} findings ({', '.join(words)})"
        words = [_count(len(self.needs), "need") + " met", _count(self.links, "link"), _count(self.snippets, "snippet")]
        words += [f"{self.left} not run"] if self.left else []
        words += [f"{name} built" for name in self.built]
        return "docs: " + ", ".join(words)

    @property
    def text(self) -> str:
        """Findings and notes, one a line."""
        lines = [found.as_text for found in self.findings[:SHOWN]]
        rest = len(self.findings) - SHOWN
        return "\n".join([*lines, *([f"[… {rest} more]"] if rest > 0 else []), *self.notes])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def in_order(findings: Sequence[DocFinding]) -> tuple[DocFinding, ...]:
    """Findings without repetitions, by place."""
    return tuple(
        sorted(dict.fromkeys(findings), key=lambda found: (found.path, found.line, found.check, found.message))
    )
