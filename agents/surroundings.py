"""What a role is shown of a repository before it looks itself: the tree and the files that explain it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.threads import Record
from agents.wishes import repository_wishes
from tools.mirror import Mirror
from tools.repomap.map import RepositoryMap, repository_map
from tools.testpaths import is_test_path

TREE_LIMIT = 400
"""Paths listed; the rest is counted by folder."""
MAP_FROM = 60
"""Files from which on a map is drawn; fewer are seen at a glance."""
MAP_TOKENS = 2_000
"""The map's budget where all paths are listed as well."""
LARGE_MAP_TOKENS = 4_000
"""The map's budget where folders stand for the paths."""
MAPPED_EXCERPTS = 5
"""Files of the map whose beginning the Planner of a large repository is shown."""
EXCERPT_LIMIT = 6_000
"""Characters shown of one file, of tests and of what stands further down the choice."""
CLOSE_LIMIT = 20_000
"""Characters shown of each of the files that matter most: a change is planned in what they hold."""
CLOSE_FILES = 3
"""How many files matter most."""
EXCERPTS_LIMIT = 60_000
"""Characters shown of all files together."""
EXPLAINING_LIMIT = 24_000
"""Characters of them for files that explain the repository; the rest is for its source."""
EXPLAINING = ("README.md", "README.rst", "README", "readme.md", "CHANGELOG.md", "pyproject.toml", "requirements.txt",
              "setup.cfg", "tox.ini", "Makefile", "package.json", "go.mod", "Cargo.toml", "roadcrew.toml")  # fmt: skip
SOURCE = (".py", ".js", ".ts", ".go", ".rs", ".java", ".html", ".css", ".sh")


class Excerpt(Record):
    """The beginning of a file."""

    path: str
    text: str
    cut: bool


class Surroundings(Record):
    """What a repository looks like at one commit."""

    empty: bool
    files: int
    languages: str
    notes: list[str]
    tree: str
    """The paths, or the folders of a large repository, and the map."""
    wishes: str
    """What AGENTS.md and its like ask."""
    excerpts: list[Excerpt]


class Neighbourhood(Record):
    """What a repository looks like from one task."""

    tree: str
    wishes: str


def look_around(mirror: Mirror, commit: str, mentioned: Sequence[str] = ()) -> Surroundings:
    """Describe the tree of a commit: small repositories nearly whole, large ones by what explains them.

    `mentioned` are texts, such as an issue, whose words say what the map should lead to.
    """
    facts = mirror.facts(commit)
    paths = [entry.path for entry in mirror.files(commit)]
    named = _named(paths, mentioned)
    ranking = repository_map(mirror, commit, _budget(paths), mentioned, named) if paths else None
    drawn = ranking if len(paths) >= MAP_FROM else None
    return Surroundings(
        empty=not paths,
        files=len(paths),
        languages=", ".join(facts.languages[:3]),
        notes=list(facts.notes),
        tree=_with_map(paths, drawn),
        wishes=repository_wishes(mirror, commit, named),
        excerpts=_excerpts(mirror, commit, paths, list(dict.fromkeys((*named, *(ranking.ranked if ranking else ()))))),
    )


def look_from(
    mirror: Mirror, commit: str, touched: Sequence[str], mentioned: Sequence[str], base: str | None = None
) -> Neighbourhood:
    """Describe the tree of a commit to somebody who works on the paths `touched` and was told `mentioned`.

    The wishes are those of `base`: a change must not rewrite what it is held to.
    """
    paths = [entry.path for entry in mirror.files(commit)]
    drawn = _map(mirror, commit, paths, mentioned, touched)
    return Neighbourhood(tree=_with_map(paths, drawn), wishes=repository_wishes(mirror, base or commit, touched))


def _map(
    mirror: Mirror, commit: str, paths: Sequence[str], mentioned: Iterable[str], focus: Iterable[str]
) -> RepositoryMap | None:
    if len(paths) < MAP_FROM:
        return None
    return repository_map(mirror, commit, _budget(paths), mentioned, focus)


def _budget(paths: Sequence[str]) -> int:
    return MAP_TOKENS if len(paths) <= TREE_LIMIT else LARGE_MAP_TOKENS


def _with_map(paths: list[str], drawn: RepositoryMap | None) -> str:
    tree = tree_text(paths)
    if drawn is None or not drawn.text:
        return tree
    parts = "parts left out"
    if drawn.left_out:
        parts = f"{parts}; {drawn.left_out} of {drawn.source_files + drawn.left_out} source files were not looked at"
    return f"{tree}\n\nWhat matters most in it (line numbers and definitions, {parts}):\n\n{drawn.text}"


def _named(paths: Iterable[str], mentioned: Sequence[str]) -> list[str]:
    """The paths that stand in the texts."""
    return [path for path in paths if "/" in path and any(path in text for text in mentioned)]


def tree_text(paths: list[str]) -> str:
    """Return the paths one a line; beyond a limit, folders with their number of files."""
    if len(paths) <= TREE_LIMIT:
        return "\n".join(paths)
    folders: dict[str, int] = {}
    for path in paths:
        folder = "/".join(path.split("/")[:2]) if path.count("/") > 1 else path.rpartition("/")[0] or "."
        folders[folder] = folders.get(folder, 0) + 1
    lines = [f"{folder}/ ({count} files)" for folder, count in sorted(folders.items())[:TREE_LIMIT]]
    return "\n".join([*lines, f"{len(paths)} files in all"])


def _excerpts(mirror: Mirror, commit: str, paths: Sequence[str], ranked: Sequence[str]) -> list[Excerpt]:
    """The beginnings of what explains the repository and of the best source files, as far as there is room for them.

    `ranked` come first in the choice; what is chosen is shown with what lies near the root first.
    """
    room = _Room(mirror, commit)
    explaining = room.fill([path for path in EXPLAINING if path in paths], EXPLAINING_LIMIT)
    if len(paths) > TREE_LIMIT:
        return explaining + room.fill(
            [path for path in ranked if path not in EXPLAINING][:MAPPED_EXCERPTS], each=CLOSE_LIMIT // 2
        )
    known = set(ranked) | set(EXPLAINING)
    rest = sorted((path for path in paths if path.endswith(SOURCE) and path not in known), key=_closeness)
    source = [path for path in (*ranked, *rest) if path.endswith(SOURCE) and path not in EXPLAINING]
    source.sort(key=is_test_path)  # tests follow the code: they are long, and are looked at when it is changed
    chosen = room.fill(source[:CLOSE_FILES], each=CLOSE_LIMIT) + room.fill(source[CLOSE_FILES:])
    return explaining + sorted(chosen, key=lambda excerpt: _closeness(excerpt.path))


class _Room:
    """The characters that all excerpts together may take."""

    def __init__(self, mirror: Mirror, commit: str) -> None:
        self._mirror = mirror
        self._commit = commit
        self._left = EXCERPTS_LIMIT

    def fill(self, paths: Sequence[str], limit: int = EXCERPTS_LIMIT, each: int = EXCERPT_LIMIT) -> list[Excerpt]:
        """Return the beginnings of files, at most `each` characters, until the room or the limit is used up."""
        excerpts: list[Excerpt] = []
        left = min(limit, self._left)
        for path in paths:
            if left < EXCERPT_LIMIT:
                break
            text = self._mirror.read(self._commit, path).decode("utf-8", "replace")
            shown = _beginning(text, min(each, left))
            excerpts.append(Excerpt(path=path, text=shown, cut=len(shown) < len(text)))
            left -= len(shown)
            self._left -= len(shown)
        return excerpts


def _beginning(text: str, limit: int) -> str:
    """The whole lines that fit."""
    if len(text) <= limit:
        return text
    return text[: text.rfind("\n", 0, limit) + 1] or text[:limit]


def _closeness(path: str) -> tuple[int, str]:
    """Sort source near the root first: it explains most."""
    return path.count("/"), path
