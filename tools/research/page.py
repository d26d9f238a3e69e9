"""A page as text: what a reader would see of it, with headings, lists and code told apart."""

from __future__ import annotations

import re
from email.message import Message
from html.parser import HTMLParser

from tools.errors import SourceRefused
from tools.research.source import Reading, one_line
from tools.research.web import Answer, Ask, Web

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_PLAIN = re.compile(r"text/[\w.+-]+|application/([\w.-]+\+)?(json|xml|yaml|toml)|application/x-(yaml|toml)")
_UNSEEN = frozenset({"script", "style", "noscript", "template", "svg", "math", "canvas", "iframe", "object", "head",
                     "nav", "form", "button", "select", "textarea"})  # fmt: skip
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_BLOCKS = frozenset({"p", "div", "section", "article", "main", "header", "footer", "aside", "table", "tr", "ul", "ol", "dl",
                     "dt", "dd", "blockquote", "figure", "figcaption", "details", "summary", "pre", "li", "body",
                     "h1", "h2", "h3", "h4", "h5", "h6"})  # fmt: skip
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])", re.I
)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{1,40})", re.I)


def read_page(web: Web, url: str) -> Reading:
    """Return a page as text; raises SourceRefused for what is no text, SourceUnavailable when it does not answer."""
    accept = "text/html,text/plain,text/markdown;q=0.9,*/*;q=0.5"
    answer = web.get(Ask(url, "the page", accept=accept, limit=web.limits.page_bytes))
    if answer.status != 200:
        raise SourceRefused(f"the page answers {answer.status}", "read another source")
    kind = answer.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    text = _decoded(answer)
    if kind in _HTML:
        title, shown = text_of_html(text)
    elif _PLAIN.fullmatch(kind) and "\0" not in text:
        title, shown = "", text
    else:
        raise SourceRefused(f"the page is {one_line(kind, 80)!r}, no text", "read another source")
    if not shown.strip():
        raise SourceRefused("the page holds no text without its scripts", "read another source")
    return Reading(kind="page", title=title or answer.url, address=answer.url, text=shown)


def text_of_html(text: str) -> tuple[str, str]:
    """Return a document's title and what a reader sees of it; anything may be given."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return one_line(reader.title, 200), reader.text()


class _Reader(HTMLParser):
    """Collects the visible text; hidden parts are left out, as they speak to programs alone."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._open: list[tuple[str, bool]] = []
        """The open elements, and whether each hides what is in it."""
        self._lines: list[str] = [""]
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title"
        if tag in _BLOCKS or tag in ("br", "hr"):
            self._break(tag)
        if tag in _VOID:
            return
        given = dict(attrs)
        hides = tag in _UNSEEN or "hidden" in given or given.get("aria-hidden") == "true"
        self._open.append((tag, hides or _HIDDEN.search(given.get("style") or "") is not None))

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        if any(name == tag for name, _ in self._open):
            while self._open.pop()[0] != tag:
                continue
        if tag in _BLOCKS:
            self._break("")

    def handle_data(self, data: str) -> None:
        if self._in_title and not self.title:
            self.title = data
        if any(hides for _, hides in self._open):
            return
        if any(name == "pre" for name, _ in self._open):
            first, *rest = data.split("\n")
            self._lines[-1] += first
            self._lines += rest
            return
        words = re.sub(r"\s+", " ", data)
        self._lines[-1] += (
            words.lstrip() if self._lines[-1].endswith((" ", "")) and not self._lines[-1].strip() else words
        )

    def text(self) -> str:
        joined = "\n".join(line.rstrip() for line in self._lines)
        return re.sub(r"\n{3,}", "\n\n", joined).strip()

    def _break(self, tag: str) -> None:
        """Begin a new line, unless one has begun; with the mark of a heading or an item."""
        if self._lines[-1].strip(" #-"):
            self._lines.append("")
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self._lines += [f"{'#' * int(tag[1])} "]
        elif tag == "li":
            self._lines[-1] = "- "


def _decoded(answer: Answer) -> str:
    header = Message()
    header["content-type"] = answer.headers.get("content-type", "")
    found = _CHARSET.search(answer.body[:4096])
    for name in (header.get_param("charset"), found[1].decode() if found else None):
        if isinstance(name, str):
            try:
                return answer.body.decode(name, "replace")
            except (LookupError, ValueError):
                continue
    return answer.body.decode("utf-8", "replace")
