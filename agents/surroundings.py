"""What a role is shown of a repository before it looks itself: the tree and the files that explain it."""

from __future__ import annotations

from agents.threads import Record
from tools.mirror import Mirror

TREE_LIMIT = 400
"""Paths listed; the rest is counted by folder."""
EXCERPT_LIMIT = 6_000
"""Characters shown of one file."""
EXCERPTS_LIMIT = 60_000
"""Characters shown of all files together."""
EXPLAINING = ("README.md", "README.rst", "README", "AGENTS.md", "CONTRIBUTING.md", "CHANGELOG.md", "pyproject.toml",
              "requirements.txt", "setup.cfg", "package.json", "roadcrew.toml")  # fmt: skip
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
    excerpts: list[Excerpt]


def look_around(mirror: Mirror, commit: str) -> Surroundings:
    """Describe the tree of a commit: small repositories nearly whole, large ones by what explains them."""
    facts = mirror.facts(commit)
    paths = [entry.path for entry in mirror.files(commit)]
    return Surroundings(
        empty=not paths,
        files=len(paths),
        languages=", ".join(facts.languages[:3]),
        notes=list(facts.notes),
        tree=tree_text(paths),
        excerpts=_excerpts(mirror, commit, paths),
    )


def file_tree(mirror: Mirror, commit: str) -> str:
    """Return the list of a commit's files, cut to a readable length."""
    return tree_text([entry.path for entry in mirror.files(commit)])


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


def _excerpts(mirror: Mirror, commit: str, paths: list[str]) -> list[Excerpt]:
    chosen = [path for path in EXPLAINING if path in paths]
    chosen += sorted((path for path in paths if path.endswith(SOURCE) and path not in chosen), key=_closeness)
    excerpts: list[Excerpt] = []
    room = EXCERPTS_LIMIT
    for path in chosen:
        text = mirror.read(commit, path).decode("utf-8", "replace")
        shown = text[: min(EXCERPT_LIMIT, room)]
        excerpts.append(Excerpt(path=path, text=shown, cut=len(shown) < len(text)))
        room -= len(shown)
        if room < EXCERPT_LIMIT:
            break
    return excerpts


def _closeness(path: str) -> tuple[int, str]:
    """Sort source near the root first: it explains most."""
    return path.count("/"), path
