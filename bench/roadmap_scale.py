"""Whether the engine's own questions to the roadmap cost the same at 1,000, 100,000 and 1,000,000 tasks.

    .venv/bin/python -m bench.roadmap_scale [--sizes 1000,100000,1000000] [--folder DIR] [--store embedded|neo4j]

Runs on the embedded store, and on the Neo4j server of ROADCREW_TEST_NEO4J_URI, which must be empty. Prints a table and
exits with 1 when a question takes more than twice as long on the largest roadmap as on the smallest. With a folder
the embedded stores are kept there and measured again by the next call.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from bench.roadmap_data import TASKS, feature_id, is_active
from bench.roadmap_stores import embedded, fill_neo4j, neo4j_settings
from graph import GraphSettings, RoadmapReader

LIMIT = 2.0
"""How much longer a question may take on the largest roadmap."""
ASKED = 24
"""Features asked about, spread over the roadmap."""
PASSES = 5
"""How often each is asked; the fastest pass counts, as others share the machine."""
READY = 20
"""Ready tasks asked for over the whole roadmap."""

Question = Callable[[RoadmapReader, str], object]
QUESTIONS: dict[str, Question] = {
    "ready (feature)": lambda roadmap, feature: roadmap.ready_tasks(feature),
    "ready (roadmap)": lambda roadmap, _: roadmap.ready(limit=READY),
    "ready (coder)": lambda roadmap, _: roadmap.ready(assignee="coder", limit=READY),
    "board (feature)": lambda roadmap, feature: (
        roadmap.feature(feature),
        roadmap.tasks(feature),
        roadmap.pull_requests(feature),
    ),
    "board (repository)": lambda roadmap, feature: roadmap.features(feature.rpartition("/")[0], "in_progress"),
    "history": lambda roadmap, feature: roadmap.history(delivered_beside(feature)),
    "story": lambda roadmap, feature: roadmap.story(delivered_beside(feature)),
    "task": lambda roadmap, feature: roadmap.task(feature.replace("/F-", "/T-") + "01"),
}
Times = dict[str, float]


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,100000,1000000", help="tasks, smallest first")
    parser.add_argument("--folder", type=Path, help="keep the embedded stores here")
    parser.add_argument("--store", choices=("embedded", "neo4j"), action="append", help="only this one")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    stores = given.store or ["embedded", "neo4j"]
    flat = True
    if "embedded" in stores:
        with _folder(given.folder) as folder:
            flat &= report("embedded", measure_embedded(folder, sizes))
    foreign = neo4j_settings()
    if "neo4j" in stores and foreign is None:
        print("neo4j: not measured, ROADCREW_TEST_NEO4J_URI names no server")
    elif "neo4j" in stores and foreign is not None:
        flat &= report("neo4j", measure_neo4j(foreign, sizes))
    return 0 if flat else 1


def measure_embedded(folder: Path, sizes: list[int]) -> dict[int, Times]:
    """Return the milliseconds of each question at each size; all servers run side by side and are asked in turn."""
    with ExitStack() as stack:
        ways = {size: stack.enter_context(_timed(f"embedded {size}", embedded(folder, size))) for size in sizes}
        readers = {size: stack.enter_context(RoadmapReader(way)) for size, way in ways.items()}
        passes = [{size: one_pass(reader, size) for size, reader in readers.items()} for _ in range(PASSES)]
    return {size: best([one[size] for one in passes]) for size in sizes}


def measure_neo4j(settings: GraphSettings, sizes: list[int]) -> dict[int, Times]:
    """Return the milliseconds of each question while one server grows."""
    found = {}
    for size in sizes:
        begin = time.monotonic()
        fill_neo4j(settings, size)
        print(f"neo4j {size}: filled in {time.monotonic() - begin:.0f} s", file=sys.stderr)
        with RoadmapReader(settings.model_copy(update={"read_only": True})) as reader:
            found[size] = best([one_pass(reader, size) for _ in range(PASSES + 1)])
    return found


def one_pass(reader: RoadmapReader, size: int) -> Times:
    """Return the median milliseconds of each question, asked once about each chosen feature."""
    times: Times = {}
    asked = chosen(size)
    for name, question in QUESTIONS.items():
        taken = []
        for feature in asked:
            begin = time.perf_counter()
            if not question(reader, feature):
                raise SystemExit(f"{name} finds nothing about {feature}: the roadmap is not as it was made")
            taken.append((time.perf_counter() - begin) * 1000)
        times[name] = statistics.median(taken)
    return times


def chosen(size: int) -> list[str]:
    """Return features under way, spread over the roadmap."""
    active = [number for number in range(size // TASKS) if is_active(number)]
    step = max(1, len(active) // ASKED)
    return [feature_id(number) for number in active[::step][:ASKED]]


def delivered_beside(feature: str) -> str:
    """Return the feature after one that is under way, which is delivered."""
    repository, _, key = feature.rpartition("/")
    return f"{repository}/F-{int(key.removeprefix('F-')) + 1}"


def best(passes: list[Times]) -> Times:
    """Return the least time of each question."""
    return {name: min(one[name] for one in passes) for name in QUESTIONS}


def report(store: str, found: dict[int, Times]) -> bool:
    """Print the table; return whether everything is flat."""
    sizes = list(found)
    print(f"\n{store:20}" + "".join(f"{size:>12,}" for size in sizes) + f"{'ratio':>8}")
    flat = True
    for name in QUESTIONS:
        times = [found[size][name] for size in sizes]
        ratio = times[-1] / times[0]
        flat &= ratio <= LIMIT
        line = "".join(f"{ms:9.2f} ms" for ms in times)
        print(f"{name:20}{line}{ratio:8.2f}{'' if ratio <= LIMIT else f'   more than {LIMIT}'}")
    return flat


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="rs-", dir="/tmp") as folder:  # noqa: S108 - Unix sockets need short paths
        yield Path(folder)


@contextmanager
def _timed(what: str, context: AbstractContextManager[GraphSettings]) -> Iterator[GraphSettings]:
    begin = time.monotonic()
    with context as settings:
        print(f"{what}: filled in {time.monotonic() - begin:.0f} s", file=sys.stderr)
        yield settings


if __name__ == "__main__":
    sys.exit(main())
