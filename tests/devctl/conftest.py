"""What the tests of devctl share: a database of its own for each session, and fleets on each backend."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from devctl.fleet.database import Database
from devctl.fleet.fleet import Fleet
from local import Workspace, ensure_postgres
from tests.devctl.fleets import fleet_on


@pytest.fixture(scope="session")
def devctl_database(workspace: Workspace) -> str:
    """Address of an empty database of the workspace's PostgreSQL, for devctl alone."""
    url = ensure_postgres(workspace)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE devctl_tests ENCODING 'UTF8' TEMPLATE template0")
    return make_conninfo(url, dbname="devctl_tests")


@pytest.fixture
def database_url(workspace: Workspace) -> Iterator[str]:
    """Address of an empty database that one test has to itself."""
    url, name = ensure_postgres(workspace), f"devctl_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0".encode())
    yield make_conninfo(url, dbname=name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """That database with devctl's tables."""
    opened = Database(database_url, connections=8)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(params=["docker", "bubblewrap"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend of kept environments."""
    return str(request.param)


@pytest.fixture
def fleet(backend: str, devctl_database: str) -> Iterator[Fleet]:
    """A fleet on each backend in turn."""
    with fleet_on(backend, devctl_database) as opened:
        yield opened


@pytest.fixture
def docker_fleet(devctl_database: str) -> Iterator[Fleet]:
    """A fleet on the Docker engine."""
    with fleet_on("docker", devctl_database) as opened:
        yield opened
