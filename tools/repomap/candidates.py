"""Which source files a map looks at where a repository has too many: chosen by path and one search, none parsed.

A small repository is looked at whole. In a large one come first the files in focus, then those that the texts name,
by path or by a name written as code that stands in them, then what lies near those, then source before tests
and what lies near the root. The same commit and texts give the same choice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from tools.errors import GitBroken
from tools.gitobjects import readable
from tools.gitrun import Git
from tools.repomap.languages import LANGUAGES
from tools.repomap.ranking import Wanted, path_interest
from tools.repomap.reading import SourceFile
from tools.testpaths import is_test_path

log = logging.getLogger(__name__)

MOST_NAMES = 50
"""Names that are searched for in the files."""
SEARCH_SECONDS = 60.0
SEARCHED = 2.0
"""What a file counts for holding a name of the texts; `path_interest` says what its path counts."""
ALIKE = 0.5
"""What a file counts whose folder or stem is called like a word; or that holds a name where very many do."""
ALIKE_LETTERS = 4
"""Shorter words are in too many paths."""


class Bounds(NamedTuple):
    """What one map looks at, at most."""

    files: int = 5_000
    """Source files."""
    size: int = 48 * 1024 * 1024
    """Bytes of them all."""


def candidates_of(
    git: Git, commit: str, files: Sequence[SourceFile], wanted: Wanted, bounds: Bounds
) -> Sequence[SourceFile]:
    """The source files of a commit that are worth parsing, best first where they are too many."""
    if len(files) <= bounds.files and sum(file.size for file in files) <= bounds.size:
        return files
    holding = _holding(git, commit, wanted.code)
    worth = _worth(files, wanted, holding, SEARCHED if len(holding) <= bounds.files // 2 else ALIKE)
    near = _near(worth)
    nearness = cache(lambda folder: _nearness(folder, near))

    def place(file: SourceFile) -> tuple[float, float, bool, int, str]:
        path = file.path
        folder = path.rpartition("/")[0]
        return -worth.get(path, 0.0), -nearness(folder), is_test_path(path), path.count("/"), path

    return _within(bounds, sorted(files, key=place))


def _within(bounds: Bounds, files: Iterable[SourceFile]) -> list[SourceFile]:
    chosen: list[SourceFile] = []
    size = 0
    for file in files:
        if len(chosen) == bounds.files:
            break
        if size + file.size <= bounds.size:
            chosen.append(file)
            size += file.size
    return chosen


def _holding(git: Git, commit: str, names: Iterable[str]) -> frozenset[str]:
    """The paths of the source files in which one of the names stands; none where the search takes too long."""
    telling = sorted(names, key=lambda name: (-len(name), name))[:MOST_NAMES]
    if not telling:
        return frozenset()
    patterns = [part for name in telling for part in ("-e", name)]
    options = ("--files-with-matches", "--null", "--full-name", "--fixed-strings", "--word-regexp", "-I")
    kinds = [f"*{suffix}" for suffix in LANGUAGES]
    try:
        done = git.run("grep", *options, *patterns, commit, "--", *kinds, accept=(0, 1), seconds=SEARCH_SECONDS)
    except GitBroken as error:
        log.warning("the map of %s is drawn without a search: %s", commit[:12], error)
        return frozenset()
    prefix = len(commit) + 1
    return frozenset(readable(name[prefix:]) for name in done.stdout.split(b"\0")[:-1])


def _worth(files: Iterable[SourceFile], wanted: Wanted, holding: frozenset[str], held: float) -> dict[str, float]:
    """By path, how plainly the texts lead to a file; files that they do not lead to are left out.

    `held` is what it counts to be among those `holding` a name.
    """
    words = frozenset(word.lower() for word in wanted.words if len(word) >= ALIKE_LETTERS)
    alike = cache(lambda folder: not words.isdisjoint(folder.lower().split("/")))
    worth = {}
    for file in files:
        path = file.path
        weight = path_interest(path, wanted) + (held if path in holding else 0.0)
        folder, _, name = path.rpartition("/")
        if not weight and (name.lower().partition(".")[0] in words or alike(folder)):
            weight = ALIKE
        if weight:
            worth[path] = weight
    return worth


def _near(worth: Mapping[str, float]) -> dict[str, float]:
    """How near each folder is to files that count: half as much with each step away from them."""
    near: dict[str, float] = {}
    for path, weight in worth.items():
        folder = path.rpartition("/")[0]
        while weight > near.get(folder, 0.0):
            near[folder] = weight
            if not folder:
                break
            folder, weight = folder.rpartition("/")[0], weight / 2
    return near


def _nearness(folder: str, near: Mapping[str, float]) -> float:
    """That of the nearest folder above; folders of its own below that are farther off."""
    share = 1.0
    while folder and folder not in near:
        folder, share = folder.rpartition("/")[0], share / 2
    return near.get(folder, 0.0) * share
