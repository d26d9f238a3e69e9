"""The stores on which the roadmap's suite runs: the embedded one, and a Neo4j that is given or that Docker can start."""

import os
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from graph import GraphSettings, Roadmap
from local import ensure_graph, open_workspace, stop

IMAGE = "neo4j:5.26-community"
OWNER = f"acme-{uuid.uuid4().hex[:8]}"
"""Owner of all repositories of this run: several may test on one server at the same time."""
REMOVAL = (
    "MATCH (n) WHERE n.id STARTS WITH $own DETACH DELETE n",
    "MATCH (e:Event) WHERE e.subject STARTS WITH $own DELETE e",
    "MATCH (f:Fence) WHERE f.thread STARTS WITH $own DELETE f",
)
Ways = tuple[GraphSettings, GraphSettings]
"""The writing and the reading way into one store."""


@contextmanager
def embedded() -> Iterator[Ways]:
    """Lend a new embedded graph."""
    with tempfile.TemporaryDirectory(prefix="rg-", dir="/tmp") as folder:
        workspace = open_workspace(Path(folder) / "w")
        writer, reader = ensure_graph(workspace)
        ways = (GraphSettings(**writer.model_dump()), GraphSettings(**reader.model_dump()))
        with Roadmap(ways[0]) as roadmap:
            roadmap.migrate()
        yield ways
        stop(workspace)


@contextmanager
def neo4j() -> Iterator[Ways]:
    """Lend the server that ROADCREW_TEST_NEO4J_URI names, else one in a container; what we wrote is removed after."""
    uri = os.environ.get("ROADCREW_TEST_NEO4J_URI")
    if uri is None:
        with _container() as ways:
            yield ways
        return
    user = os.environ.get("ROADCREW_TEST_NEO4J_USER", "neo4j")
    password = os.environ.get("ROADCREW_TEST_NEO4J_PASSWORD", "")
    with _prepared(GraphSettings(uri=uri, user=user, password=password, database="neo4j")) as ways:
        yield ways


@contextmanager
def _container() -> Iterator[Ways]:
    """Start Neo4j's own image with testcontainers; skips where there is no Docker or no such image."""
    import docker
    from docker.errors import DockerException
    from testcontainers.community.neo4j import Neo4jContainer
    from testcontainers.core.config import testcontainers_config

    no_server = "ROADCREW_TEST_NEO4J_URI names no Neo4j server"
    if not _docker_listens():
        pytest.skip(f"{no_server}, and no Docker answers")
    client = docker.from_env(timeout=60)
    try:
        _have_image(client)
    except DockerException as fault:
        pytest.skip(f"{no_server}, and Docker cannot give one: {str(fault)[:300]}")
    finally:
        client.close()
    testcontainers_config.ryuk_disabled = True  # this function stops the container itself
    password = uuid.uuid4().hex
    with Neo4jContainer(IMAGE, username="neo4j", password=password) as server:
        url = server.get_connection_url()
        with _prepared(GraphSettings(uri=url, user="neo4j", password=password, database="neo4j")) as ways:
            yield ways


def _docker_listens() -> bool:
    """Whether there is an engine: its client leaves a socket open when it finds none."""
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(address.removeprefix("unix://")) == 0


def _have_image(client: Any) -> None:
    from docker.errors import ImageNotFound

    try:
        client.images.get(IMAGE)
    except ImageNotFound:
        client.images.pull(IMAGE)


@contextmanager
def _prepared(writer: GraphSettings) -> Iterator[Ways]:
    with Roadmap(writer) as roadmap:
        roadmap.migrate()
        yield writer, writer.model_copy(update={"read_only": True})
        for statement in REMOVAL:
            roadmap.query(statement, {"own": OWNER})


def version_of(settings: GraphSettings) -> str:
    """Return what a store says that it is: `Neo4j Kernel 5.26.30 community`."""
    with Roadmap(settings) as roadmap:
        said = roadmap.query("CALL dbms.components() YIELD name, versions, edition RETURN name, versions, edition")
    name, versions, edition = said.rows[0]
    return f"{name} {versions[0] if isinstance(versions, list) else versions} {edition}"
