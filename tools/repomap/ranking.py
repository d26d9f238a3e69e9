"""Which definitions matter: a graph of files joined by the names they use, and PageRank towards what is wanted.

A file points at every file that defines a name it refers to. How much, follows from the name (long ones say
more than short ones, private ones and ones that many files define say little) and from the square root of how often
it is used. The rank that flows along an edge goes to the definition of that name.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from tools.repomap.extract import Tags
from tools.repomap.languages import language_of
from tools.testpaths import is_test_path

DAMPING = 0.85
ROUNDS = 30
CLOSE_ENOUGH = 1e-6
MANY_DEFINERS = 20
"""A name that more files define tells nothing of where it leads."""
MENTIONED_WEIGHT = 10.0
FOCUS_WEIGHT = 20.0
"""What a reference from a file in focus counts more than another."""
TEST_WEIGHT = 0.3
"""What a test file's own definitions count: they are looked up less than what they test."""
NO_TARGETS = frozenset({"block", "declaration"})
"""Kinds that a reference does not lead to where there is a real definition."""
_FAMILIES = {"typescript": "javascript", "tsx": "javascript", "c": "cpp"}
"""Languages whose files use each other's names."""
_NAME = re.compile(r"\b[A-Za-z_][A-Za-z0-9_]{2,99}\b")
_LIKE_CODE = re.compile(r"[A-Za-z0-9]_[A-Za-z0-9]|[a-z][A-Z]|[A-Z]{2}[a-z]|[A-Za-z]\d")
_SPECIFIC = re.compile(r"[a-z0-9]_[a-z0-9]|[a-z][A-Z]")


class Wanted(NamedTuple):
    """What the reader of the map is after."""

    files: frozenset[str] = frozenset()
    """Paths, and names of folders, in focus."""
    words: frozenset[str] = frozenset()
    """Words that were mentioned."""
    code: frozenset[str] = frozenset()
    """Those of them that stand there as code: they are looked for in the files of a large repository."""


class Graph(NamedTuple):
    """Files and the edges between them, one for each name, as parallel arrays."""

    paths: Sequence[str]
    names: Sequence[str]
    sources: array[int]
    targets: array[int]
    edge_names: array[int]
    """Index into `names`."""
    weights: array[float]


Ranks = dict[tuple[str, str], float]
"""By path and defined name."""


def build_graph(tags: Mapping[str, Tags]) -> Graph:
    """The graph of files by path; deterministic for the same files."""
    paths = sorted(tags)
    definers = _definers(paths, tags)
    names: dict[str, int] = {}
    graph = Graph(paths, [], array("l"), array("l"), array("l"), array("d"))
    for source, path in enumerate(paths):
        for name, count in tags[path].references.items():
            places = definers.get(name)
            if places is not None and len(places) <= MANY_DEFINERS:
                number = names.setdefault(name, len(names))
                _join(graph, source, places, number, name_weight(name) * math.sqrt(count))
    return graph._replace(names=list(names))


def _definers(paths: Sequence[str], tags: Mapping[str, Tags]) -> dict[str, list[int]]:
    """The files that define each name; those that only declare it count where no other does."""
    defined: dict[str, list[int]] = {}
    declared: dict[str, list[int]] = {}
    for number, path in enumerate(paths):
        real = {item.name for item in tags[path].definitions if item.kind not in NO_TARGETS}
        for name in real:
            defined.setdefault(name, []).append(number)
        for item in tags[path].definitions:
            if item.name not in real:
                real.add(item.name)
                declared.setdefault(item.name, []).append(number)
    return declared | defined


def _join(graph: Graph, source: int, places: Sequence[int], name: int, weight: float) -> None:
    """Let a file point at those that define a name."""
    near = [_closeness(graph.paths[source], graph.paths[target]) for target in places]
    for target, close in zip(places, near, strict=True):
        if target != source and close:
            graph.sources.append(source)
            graph.targets.append(target)
            graph.edge_names.append(name)
            graph.weights.append(weight * close / sum(near))


def _closeness(source: str, target: str) -> float:
    """How likely a name in one file means the definition in another, before other definitions are looked at."""
    if _family(source) != _family(target):
        return 0.0
    return 4.0 if source.partition("/")[0] == target.partition("/")[0] else 1.0


def _family(path: str) -> str:
    language = language_of(path) or ""
    return _FAMILIES.get(language, language)


def name_weight(name: str) -> float:
    """How much a reference to a name tells."""
    weight = 1.0
    if len(name) >= 8 and _SPECIFIC.search(name):
        weight *= 10.0
    elif len(name) <= 3:
        weight *= 0.2
    if name.startswith("_"):
        weight *= 0.1
    return weight


def rank(graph: Graph, tags: Mapping[str, Tags], wanted: Wanted) -> Ranks:
    """The share of attention that each definition deserves, larger first; definitions nobody uses get little."""
    weights = _wanted_weights(graph, wanted)
    totals = [0.0] * len(graph.paths)
    for source, weight in zip(graph.sources, weights, strict=True):
        totals[source] += weight
    start = _start(graph, tags, wanted)
    shares = [weight / totals[source] for source, weight in zip(graph.sources, weights, strict=True)]
    files = _page_rank(graph, shares, totals, start)
    aside = [set_aside(path, wanted) for path in graph.paths]
    found: Ranks = {}
    for source, target, name, share in zip(graph.sources, graph.targets, graph.edge_names, shares, strict=True):
        key = (graph.paths[target], graph.names[name])
        found[key] = found.get(key, 0.0) + files[source] * share * aside[target]
    for number, path in enumerate(graph.paths):
        _rank_the_rest(found, path, tags[path], files[number] * aside[number], wanted)
    return found


def set_aside(path: str, wanted: Wanted) -> float:
    """What a file counts for being a test or not."""
    return TEST_WEIGHT if is_test_path(path) and not in_focus(path, wanted) else 1.0


def _wanted_weights(graph: Graph, wanted: Wanted) -> list[float]:
    by_name = [MENTIONED_WEIGHT if name in wanted.words else 1.0 for name in graph.names]
    by_file = [FOCUS_WEIGHT if in_focus(path, wanted) else 1.0 for path in graph.paths]
    edges = zip(graph.weights, graph.edge_names, graph.sources, strict=True)
    return [weight * by_name[name] * by_file[source] for weight, name, source in edges]


def in_focus(path: str, wanted: Wanted) -> bool:
    """Whether a path, or a folder that it lies in, is in focus."""
    while path and wanted.files:
        if path in wanted.files:
            return True
        path = path.rpartition("/")[0]
    return False


def _start(graph: Graph, tags: Mapping[str, Tags], wanted: Wanted) -> list[float]:
    """Where attention starts: evenly, unless files are in focus or words lead to some."""
    weights = [interest_in(path, tags[path], wanted) for path in graph.paths]
    total = sum(weights)
    if not total:
        return [1.0 / max(len(weights), 1)] * len(weights)
    return [0.9 * weight / total + 0.1 / len(weights) for weight in weights]


def interest_in(path: str, tags: Tags, wanted: Wanted) -> float:
    """How plainly a file is named: by its path, its module's name or a name that it defines; 0 where it is not."""
    weight = path_interest(path, wanted)
    if wanted.words:
        named = {item.name for item in tags.definitions} & wanted.words
        weight += sum(min(name_weight(name), 2.0) for name in named)
    return weight


def path_interest(path: str, wanted: Wanted) -> float:
    """How plainly a file is named by its path or its module's name alone; 0 where it is not."""
    weight = 4.0 if in_focus(path, wanted) else 0.0
    if not wanted.words:
        return weight
    name = path.rpartition("/")[2]
    stem = name.partition(".")[0]
    if path in wanted.words or name in wanted.words:
        weight += 3.0
    elif stem in wanted.words:
        weight += 1.0
    if (stem == "__init__" or stem in _last_parts(wanted.words)) and _modules(path.split("/")) & wanted.words:
        weight += 3.0
    return weight


@lru_cache(maxsize=8)
def _last_parts(words: frozenset[str]) -> frozenset[str]:
    """What stands behind the last dot of the words that have one."""
    return frozenset(word.rpartition(".")[2] for word in words if "." in word)


def _modules(steps: Sequence[str]) -> frozenset[str]:
    """The dotted names by which code may call a file: `shop.prices`, and `src.shop.prices`, for src/shop/prices.py."""
    parts = [*steps[:-1], steps[-1].partition(".")[0]]
    if parts[-1] == "__init__":
        parts.pop()
    return frozenset(".".join(parts[start:]) for start in range(len(parts) - 1))


def _page_rank(graph: Graph, shares: Sequence[float], totals: Sequence[float], start: Sequence[float]) -> list[float]:
    ranks = list(start)
    dangling = [number for number, total in enumerate(totals) if not total]
    for _ in range(ROUNDS):
        lost = sum(ranks[number] for number in dangling)
        new = [(1 - DAMPING + DAMPING * lost) * weight for weight in start]
        for source, target, share in zip(graph.sources, graph.targets, shares, strict=True):
            new[target] += DAMPING * ranks[source] * share
        change = sum(abs(one - other) for one, other in zip(new, ranks, strict=True))
        ranks = new
        if change < CLOSE_ENOUGH:
            break
    return ranks


def _rank_the_rest(found: Ranks, path: str, tags: Tags, file_rank: float, wanted: Wanted) -> None:
    """Give definitions that no other file refers to a little of their file's rank; words and focus lift them."""
    lift = 1.0 if in_focus(path, wanted) else 0.05
    count = len(tags.definitions) or 1
    for item in tags.definitions:
        if item.kind in NO_TARGETS:
            continue
        share = file_rank * lift * min(name_weight(item.name), 1.0) / math.sqrt(count)
        if item.parent >= 0:
            share *= 0.5
        key = (path, item.name)
        found[key] = (found.get(key, 0.0) + share) * (3.0 if item.name in wanted.words else 1.0)


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """The words of texts that may be names or paths."""
    found: set[str] = set()
    for text in texts:
        found.update(re.findall(r"[A-Za-z_][A-Za-z0-9_]{2,99}", text))
        dotted = [word.strip("./`'\"(),:;") for word in re.findall(r"[\w./-]+\.\w+", text)]
        found.update(dotted)
        found.update(word.rpartition(".")[0] for word in dotted if word.count(".") > 1)  # a module, of what is in it
    return frozenset(found)


def code_of(texts: Iterable[str]) -> frozenset[str]:
    """The names in texts that are written as code: like_this, likeThis, like2; called, or in backticks."""
    found: set[str] = set()
    for text in texts:
        found.update(word for word in _NAME.findall(text) if _LIKE_CODE.search(word))
        found.update(re.findall(rf"({_NAME.pattern})\(", text))
        found.update(name for quoted in re.findall(r"`[^`\n]{1,100}`", text) for name in _NAME.findall(quoted))
    return frozenset(found)
