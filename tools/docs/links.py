"""Whether the relative links and anchors of documents lead somewhere."""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from tools.docs.documents import MARKDOWN, Documents
from tools.docs.markdown import Link, read_page
from tools.docs.records import DocFinding
from tools.mirror import Mirror

_SITE = re.compile(
    r"(issues|pulls?|releases|wiki|actions|discussions|blob|tree|compare|commits?|security|projects)(/|$)"
)
"""Pages of a code host, to which documents link by leaving the repository upwards."""
_RST_TARGET = re.compile(
    r"^[ \t]*\.\. (?:image|figure|include|literalinclude):: +(\S+)|`[^`<]*<([^>`]+)>`_|:doc:`(?:[^`<]*<)?([^>`]+)>?`",
    re.MULTILINE,
)
_FRAGMENT_LINES = re.compile(r"L\d+(C\d+)?(-L?\d+(C\d+)?)?")


class LinkCheck:
    """Follows links inside one commit."""

    def __init__(self, mirror: Mirror, commit: str, documents: Documents | None = None) -> None:
        self._mirror = mirror
        self._commit = commit
        self._documents = documents or Documents(mirror, commit)
        self.followed = 0
        """Links that were looked at so far."""

    def broken(self, paths: Iterable[str]) -> list[DocFinding]:
        """A finding for each link of these documents that leads nowhere."""
        found: list[DocFinding] = []
        for path in paths:
            text = self._text(path)
            found += self._markdown(path, text) if _is_markdown(path) else self._rst(path, text)
        return found

    @cached_property
    def _paths(self) -> frozenset[str]:
        """All files and folders."""
        files = [entry.path for entry in self._mirror.files(self._commit)]
        folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
        return frozenset({*files, *folders})

    @cached_property
    def _site_roots(self) -> tuple[str, ...]:
        """Folders that a site generator takes for its root."""
        return tuple(root for root, file in (("docs", "mkdocs.yml"), ("docs", "mkdocs.yaml")) if file in self._paths)

    def _text(self, path: str) -> str:
        known = self._documents.texts.get(path)
        if known is not None:
            return known
        return self._mirror.read_many(self._commit, [path]).get(path, b"").decode("utf-8", "replace")

    def _markdown(self, path: str, text: str) -> Iterator[DocFinding]:
        page = read_page(text)
        for link in page.missing_references:
            message = f"the reference [{link.target}] is defined nowhere"
            yield _finding(path, link.line, message, f"add a line `[{link.target}]: address`")
        for link in page.links:
            problem = self._problem(path, link)
            if problem:
                yield _finding(path, link.line, problem, "correct the link, or make what it leads to")

    def _rst(self, path: str, text: str) -> Iterator[DocFinding]:
        for match in _RST_TARGET.finditer(text):
            document = match[3] is not None
            target = next(group for group in match.groups() if group)
            target = target.removeprefix("/") if document and not target.startswith("/") else target
            line = text.count("\n", 0, match.start()) + 1
            if document and PurePosixPath(target).suffix == "":
                target += self._suffix_of(path, target)
            problem = self._problem(path, Link(target=target, line=line))
            if problem:
                yield _finding(path, line, problem, "correct the link, or make what it leads to")

    def _suffix_of(self, path: str, target: str) -> str:
        folder = PurePosixPath(path).parent
        there = [s for s in (".rst", ".md") if _joined(folder, target + s) in self._paths]
        return there[0] if there else ".rst"

    def _problem(self, path: str, link: Link) -> str | None:
        """What is wrong with a link, or None; addresses elsewhere are not followed."""
        try:
            parts = urlsplit(link.target)
        except ValueError as fault:
            return f"the link {link.target} is no address: {fault}"
        if parts.scheme or parts.netloc or any(mark in link.target for mark in ("{{", "{%", "$(")):
            return None
        self.followed += 1
        target = unquote(parts.path)
        if not target:
            return self._anchor_problem(path, parts.fragment, link.target)
        place = self._place(path, target)
        if place is None:
            return None if _SITE.match(target.lstrip("./")) else f"the link {link.target} leads out of the repository"
        if place not in self._paths:
            return f"the link {link.target} leads to {place or '/'}, which is not there"
        return self._anchor_problem(place, parts.fragment, link.target)

    def _place(self, path: str, target: str) -> str | None:
        """The path in the repository that a link means, or None where it leads out."""
        folder = PurePosixPath(path).parent
        if not target.startswith("/"):
            return _joined(folder, target)
        inside = [root for root in self._site_roots if path.startswith(f"{root}/")]
        places = [_joined(PurePosixPath(root), target.lstrip("/")) for root in (*inside, ".")]
        return next((place for place in places if place in self._paths), places[-1])

    def _anchor_problem(self, place: str, fragment: str, target: str) -> str | None:
        wanted = unquote(fragment)
        if not wanted or not _is_markdown(place) or place not in self._paths or _FRAGMENT_LINES.fullmatch(wanted):
            return None
        anchors = read_page(self._text(place)).anchors
        if wanted in anchors or wanted.lower() in anchors or wanted == "top":
            return None
        return f"the link {target} leads to an anchor that {place} does not have"


def check_links(mirror: Mirror, base: str, commit: str, changed: Iterable[str]) -> tuple[list[DocFinding], int]:
    """What is broken in changed documents, and in others by the change; and how many links were followed."""
    documents = Documents(mirror, commit)
    check = LinkCheck(mirror, commit, documents)
    changed = [path for path in changed if path in documents.texts]
    found = check.broken(changed)
    before = LinkCheck(mirror, base)
    names = {PurePosixPath(file.path).name for file in mirror.changed_files(base, commit) if file.status != "added"}
    others = [path for path, text in documents.texts.items() if path not in changed and any(n in text for n in names)]
    broken = check.broken(others)
    if broken:
        known = {(one.path, one.message) for one in before.broken({one.path for one in broken})}
        found += [one for one in broken if (one.path, one.message) not in known]
    return found, check.followed


def _joined(folder: PurePosixPath, target: str) -> str | None:
    parts = [part for part in folder.parts if part != "."]
    for part in target.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts) or "."


def _is_markdown(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in MARKDOWN


def _finding(path: str, line: int, message: str, hint: str) -> DocFinding:
    return DocFinding(check="link", path=path, line=line, message=message, hint=hint)
