"""One embedded graph server for this package's tests."""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from graph import Change, Feature, GraphSettings, Roadmap, RoadmapReader, Role, Task
from local import ensure_graph, open_workspace, stop

CHANGE = Change(who="planner", why="a test")


@pytest.fixture(scope="session", params=["embedded", "neo4j"])
def ways(request: pytest.FixtureRequest) -> Iterator[tuple[GraphSettings, GraphSettings]]:
    """The writing and the reading way into a graph: the embedded one, and a Neo4j server where ROADCREW_TEST_NEO4J_URI names one."""
    if request.param == "neo4j":
        yield foreign()
        return
    with tempfile.TemporaryDirectory(prefix="rg-", dir="/tmp") as folder:
        workspace = open_workspace(Path(folder) / "w")
        writer, reader = ensure_graph(workspace)
        settings = (GraphSettings(**writer.model_dump()), GraphSettings(**reader.model_dump()))
        with Roadmap(settings[0]) as roadmap:
            roadmap.migrate()
        yield settings
        stop(workspace)


def foreign() -> tuple[GraphSettings, GraphSettings]:
    """A Neo4j server that somebody else runs, emptied first."""
    uri = os.environ.get("ROADCREW_TEST_NEO4J_URI")
    if not uri:
        pytest.skip("ROADCREW_TEST_NEO4J_URI names no Neo4j server")
    writer = GraphSettings(
        uri=uri,
        user=os.environ.get("ROADCREW_TEST_NEO4J_USER", "neo4j"),
        password=os.environ.get("ROADCREW_TEST_NEO4J_PASSWORD", ""),
        database="neo4j",
    )
    with Roadmap(writer) as roadmap:
        roadmap.query("MATCH (n) WHERE NOT n:Migration DETACH DELETE n")
        roadmap.migrate()
    return writer, writer.model_copy(update={"read_only": True})


@pytest.fixture
def roadmap(ways: tuple[GraphSettings, GraphSettings]) -> Iterator[Roadmap]:
    """The writing side."""
    with Roadmap(ways[0]) as found:
        yield found


@pytest.fixture
def reader(ways: tuple[GraphSettings, GraphSettings]) -> Iterator[RoadmapReader]:
    """The reading side."""
    with RoadmapReader(ways[1]) as found:
        yield found


numbers = itertools.count(1)

Planned = tuple[Feature, list[Task]]


@pytest.fixture
def plan() -> Callable[..., Planned]:
    """Make a feature with tasks; `depends` says by number which task depends on which."""

    def make(count: int, depends: dict[int, list[int]] | None = None, touches: tuple[str, ...] = ()) -> Planned:
        issue = next(numbers)
        repository = f"acme/r{issue}"
        feature = Feature(
            id=f"{repository}/F-{issue}", key=f"F-{issue}", repository=repository, title="A feature", issue=issue
        )
        ids = [f"{repository}/T-{issue}{number:02d}" for number in range(1, count + 1)]
        tasks = [
            Task(
                id=identifier,
                key=identifier.rpartition("/")[2],
                feature_id=feature.id,
                title=f"Task {number}",
                assignee=Role.CODER,
                touches=touches,
                depends_on=tuple(ids[other - 1] for other in (depends or {}).get(number, [])),
            )
            for number, identifier in enumerate(ids, start=1)
        ]
        return feature, tasks

    return make
