"""The graph servers of this package's tests, and plans to record in them."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from graph import Change, Feature, Roadmap, RoadmapReader, Role, Task
from tests.graph.stores import OWNER, Ways, embedded, neo4j, version_of
from tests.ran_on import ran_on

CHANGE = Change(who="planner", why="a test")


@pytest.fixture(scope="session", params=["embedded", "neo4j"])
def ways(request: pytest.FixtureRequest) -> Iterator[Ways]:
    """The writing and the reading way into a graph: the embedded one, and a Neo4j server where there is one."""
    with embedded() if request.param == "embedded" else neo4j() as found:
        yield found


@pytest.fixture(scope="session")
def store(ways: Ways) -> str:
    """What the store is, in words."""
    version = version_of(ways[0])
    return version if ways[0].database == "neo4j" else f"the embedded ArcadeDB, which answers as {version}"


@pytest.fixture(autouse=True)
def said(request: pytest.FixtureRequest) -> None:
    """Tell the end of the run what this test ran on."""
    if "ways" in request.fixturenames:
        ran_on(request, "graph", request.getfixturevalue("store"))


@pytest.fixture
def roadmap(ways: Ways) -> Iterator[Roadmap]:
    """The writing side."""
    with Roadmap(ways[0]) as found:
        yield found


@pytest.fixture
def reader(ways: Ways) -> Iterator[RoadmapReader]:
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
        repository = f"{OWNER}/r{issue}"
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
