"""Markdown read for its checks: headings with their anchors, links, fenced blocks, and what stands as code."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from tools.record import Record

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_ID = re.compile(r"""<[A-Za-z][^>]*?\b(?:id|name)\s*=\s*["']([^"'>\s]+)["']""")
_ATTRIBUTE_ID = re.compile(r"\{:?[^}]*#([\w-]+)[^}]*\}\s*$")
_REFERENCE = re.compile(r"(?<![\\!\w\]])\[[^\[\]]+\]\[([^\[\]]+)\]")
_HTML_LINK = re.compile(r"""<(?:a|img)\b[^>]*?\b(?:href|src)\s*=\s*["']([^"'>]+)["']""", re.IGNORECASE)


class Link(Record):
    """A link or an image."""

    target: str
    """As written, with percent signs."""
    line: int
    """From 1: where its paragraph begins or, when it can be told, where it stands."""


class Fence(Record):
    """A fenced block of code."""

    info: str
    """What stands behind the fence."""
    code: str
    line: int
    """From 1: the fence itself; the code begins on the next."""
    mark: str = ""
    """The HTML comment that stands directly before it."""

    @property
    def language(self) -> str:
        """The first word of its info, in small letters."""
        words = self.info.replace("{", " ").replace("}", " ").replace(",", " ").split()
        return words[0].lstrip(".").lower() if words else ""


class Page(Record):
    """One Markdown document."""

    anchors: frozenset[str]
    links: tuple[Link, ...]
    fences: tuple[Fence, ...]
    missing_references: tuple[Link, ...]
    """`[text][name]` where nothing defines the name."""
    code: str
    """Inline code and code blocks, one a line: where a document names things."""


@lru_cache(maxsize=256)
def read_page(text: str) -> Page:
    """Read a document; any text is one."""
    tokens = _parser().parse(text)
    lines = text.splitlines()
    return Page(
        anchors=frozenset(_anchors(tokens)),
        links=tuple(_links(tokens, lines)),
        fences=tuple(_fences(tokens)),
        missing_references=tuple(_missing(tokens, lines)),
        code="\n".join(_code(tokens)),
    )


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True}).enable("table")


def github_slug(title: str) -> str:
    """The anchor that GitHub gives to a heading, before repetitions are numbered."""
    kept = "".join(c for c in title.strip().lower() if c in " -_" or unicodedata.category(c)[0] in "LNM")
    return kept.replace(" ", "-")


def python_markdown_slug(title: str) -> str:
    """The anchor that mkdocs gives to a heading, before repetitions are numbered."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def _anchors(tokens: "list[Token]") -> list[str]:
    found: list[str] = []
    seen: dict[str, int] = {}
    for number, token in enumerate(tokens):
        if token.type in {"html_block", "inline"}:
            found += _ID.findall(token.content)
        if token.type != "heading_open":
            continue
        inline = tokens[number + 1]
        given = _ATTRIBUTE_ID.search(inline.content)
        title = _plain(inline)
        if given:
            found.append(given[1])
            title = _ATTRIBUTE_ID.sub("", title)
        slug = github_slug(title)
        times = seen.get(slug, 0)
        seen[slug] = times + 1
        other = python_markdown_slug(title)
        found += [f"{slug}-{times}", f"{other}_{times}"] if times else [slug, other]
    return found


def _plain(inline: "Token") -> str:
    """A heading's text as it is shown."""
    shown = [child.content for child in inline.children or () if child.type in {"text", "code_inline", "image"}]
    return "".join(shown)


def _links(tokens: "list[Token]", lines: list[str]) -> list[Link]:
    found: list[Link] = []
    for token in tokens:
        start, end = token.map or (0, 0)
        targets: list[str] = []
        for child in token.children or ():
            name = {"link_open": "href", "image": "src"}.get(child.type)
            targets += [str(child.attrs.get(name, ""))] if name else []
            targets += _HTML_LINK.findall(child.content) if child.type == "html_inline" else []
        targets += _HTML_LINK.findall(token.content) if token.type == "html_block" else []
        found += [Link(target=target, line=_place(lines, start, end, target)) for target in targets if target]
    return found


def _place(lines: list[str], start: int, end: int, needle: str) -> int:
    """The line of a block that holds the text, else the block's first."""
    return next((number + 1 for number in range(start, min(end, len(lines))) if needle in lines[number]), start + 1)


def _missing(tokens: "list[Token]", lines: list[str]) -> list[Link]:
    found: list[Link] = []
    for token in tokens:
        if token.type != "inline" or token.map is None:
            continue
        start, end = token.map
        text = "".join(child.content if child.type == "text" else "\0" for child in token.children or ())
        names = _REFERENCE.findall(text)
        found += [Link(target=name, line=_place(lines, start, end, f"[{name}]")) for name in names]
    return found


def _fences(tokens: "list[Token]") -> list[Fence]:
    found: list[Fence] = []
    mark = ""
    for token in tokens:
        if token.type == "fence":
            line = (token.map or [0])[0] + 1
            found.append(Fence(info=token.info.strip(), code=token.content, line=line, mark=mark))
        mark = token.content.strip() if token.type == "html_block" else ""
    return found


def _code(tokens: "list[Token]") -> list[str]:
    found = [token.content for token in tokens if token.type in {"fence", "code_block"}]
    for token in tokens:
        found += [child.content for child in token.children or () if child.type == "code_inline"]
    return found
