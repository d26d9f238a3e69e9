"""The repository map: the definitions that matter most for a task, file by file, within a token budget."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tools.record import Record
from tools.repomap.candidates import Bounds, candidates_of
from tools.repomap.extract import Tags
from tools.repomap.ranking import Ranks, Wanted, build_graph, code_of, interest_in, rank, set_aside, words_of
from tools.repomap.reading import source_files, tags_of
from tools.repomap.store import TagStore

if TYPE_CHECKING:
    from tools.mirror import Mirror

log = logging.getLogger(__name__)

CHARACTERS_PER_TOKEN = 3.5
"""Of source; an estimate for any model's tokenizer, rather too low than too high."""
MOST_DEFINITIONS = 3_000
"""Definitions that are looked at when a map is drawn; no budget holds more."""
MOST_RANKED = 100
"""Paths that are put in order."""
MOST_OF_A_FILE = 40
"""Definitions of one file that a map shows."""


class RepositoryMap(Record):
    """A drawn map."""

    text: str
    """Paths, each followed by lines `NUMBER SIGNATURE`, members indented below their class; may be empty."""
    files: tuple[str, ...]
    """The paths in it, best first."""
    ranked: tuple[str, ...]
    """Paths worth reading, whether the map holds them or not: those that were named first, then by rank."""
    tokens: int
    """Estimated."""
    definitions: int
    """Lines shown."""
    source_files: int
    """Files of the commit that were looked at."""
    left_out: int = 0
    """Source files of the commit that were not: there are too many, or there was no time for them."""


def repository_map(
    mirror: Mirror,
    commit: str,
    budget_tokens: int,
    mentioned: Iterable[str] = (),
    focus: Iterable[str] = (),
    bounds: Bounds | None = None,
) -> RepositoryMap:
    """Draw the map of a commit for a reader who works on the files `focus` and was told the texts `mentioned`.

    `focus` are paths or folders, which need not exist. The same arguments give the same map. Of a repository beyond
    `bounds` (None: the usual ones) the files that the arguments lead to are looked at, and the map says how many were not.
    """
    texts = tuple(mentioned)
    wanted = Wanted(frozenset(path.strip("/") for path in focus if path.strip("/")), words_of(texts), code_of(texts))
    files = source_files(mirror.files(commit))
    candidates = candidates_of(mirror.git, commit, files, wanted, bounds or Bounds())
    tags = {file.path: tags for file, tags in tags_of(mirror.git, TagStore(mirror.folder), candidates)}
    ranks = rank(build_graph(tags), tags, wanted)
    drawn = _within(budget_tokens, tags, _chosen(tags, ranks), _ranked(tags, ranks, wanted))
    left_out = len(files) - len(tags)
    log.info("drew a map of %s: %d of %d files, %d left out", commit[:12], len(drawn.files), len(files), left_out)
    return drawn.model_copy(update={"left_out": left_out})


Chosen = tuple[str, int]
"""A path and the index of a definition."""


def _chosen(tags: Mapping[str, Tags], ranks: Ranks) -> list[Chosen]:
    """The definitions worth showing, best first."""
    best = sorted(ranks.items(), key=lambda item: (-item[1], item[0]))[:MOST_DEFINITIONS]
    places: dict[str, dict[str, int]] = {}
    shown: dict[str, int] = {}
    found = []
    for (path, name), _ in best:
        if path not in places:
            first: dict[str, int] = {}
            for index, item in enumerate(tags[path].definitions):
                first.setdefault(item.name, index)
            places[path] = first
        shown[path] = shown.get(path, 0) + 1
        if name in places[path] and shown[path] <= MOST_OF_A_FILE:
            found.append((path, places[path][name]))
    return found


def _ranked(tags: Mapping[str, Tags], ranks: Ranks, wanted: Wanted) -> tuple[str, ...]:
    """The paths in the order in which they are worth reading."""
    totals: dict[str, float] = {}
    for (path, _), share in ranks.items():
        totals[path] = totals.get(path, 0.0) + share
    named = {path: interest_in(path, tags[path], wanted) * set_aside(path, wanted) for path in tags}
    order = sorted(tags, key=lambda path: (-named[path], -totals.get(path, 0.0), path))
    return tuple(order[:MOST_RANKED])


def _within(budget: int, tags: Mapping[str, Tags], chosen: Sequence[Chosen], ranked: tuple[str, ...]) -> RepositoryMap:
    """The longest map of the best definitions that the budget holds."""
    low, high = 0, len(chosen)
    while low < high:
        middle = (low + high + 1) // 2
        if estimated_tokens(_drawn(tags, chosen[:middle])) <= budget:
            low = middle
        else:
            high = middle - 1
    text = _drawn(tags, chosen[:low])
    return RepositoryMap(
        text=text,
        files=tuple(dict.fromkeys(path for path, _ in chosen[:low])),
        ranked=ranked,
        tokens=estimated_tokens(text),
        definitions=low,
        source_files=len(tags),
    )


def _drawn(tags: Mapping[str, Tags], chosen: Sequence[Chosen]) -> str:
    """Files in the order of their best definition; in each, definitions as they stand, with what is around them."""
    by_file: dict[str, set[int]] = {}
    for path, index in chosen:
        indexes = by_file.setdefault(path, set())
        while index >= 0:
            indexes.add(index)
            index = tags[path].definitions[index].parent
    return "\n\n".join(_file(path, tags[path], sorted(indexes)) for path, indexes in by_file.items())


def _file(path: str, tags: Tags, indexes: Sequence[int]) -> str:
    lines = [f"{path}:"]
    depths: dict[int, int] = {}
    for index in indexes:
        item = tags.definitions[index]
        depths[index] = depths.get(item.parent, -1) + 1
        lines.append(f"{item.line:>5} {'    ' * depths[index]}{item.signature}")
    return "\n".join(lines)


def estimated_tokens(text: str) -> int:
    """About how many tokens a model makes of a text."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)
