"""The workspace's graph: Bolt on loopback, durable commits, a reader that cannot write, no way to the host's files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest
from neo4j import Driver, GraphDatabase
from neo4j.exceptions import AuthError, Neo4jError

from local import GraphAddress, Workspace, ensure_graph, stop
from local.arcade import DATABASE, post
from tests.local.processes import PROCESSES, kill, state_of


@contextmanager
def connected(address: GraphAddress) -> Iterator[Driver]:
    with GraphDatabase.driver(address.uri, auth=(address.user, address.password)) as driver:
        yield driver


def test_writer_writes_and_reader_reads(shared: Workspace) -> None:
    writer, reader = ensure_graph(shared)
    assert (writer.read_only, reader.read_only) == (False, True)
    with connected(writer) as driver:
        driver.execute_query("CREATE (:Seen {n: 1})")
    with connected(reader) as driver:
        assert driver.execute_query("MATCH (s:Seen) RETURN s.n AS n").records[0]["n"] == 1


def test_default_database_is_the_roadmap(shared: Workspace) -> None:
    writer, _ = ensure_graph(shared)
    assert writer.database == DATABASE
    with connected(writer) as driver:
        driver.execute_query("CREATE (:InDefault)")
        found = driver.execute_query("MATCH (n:InDefault) RETURN count(n) AS n", database_=DATABASE)
    assert found.records[0]["n"] == 1


@pytest.mark.parametrize(
    "write",
    [
        "CREATE (:Mine)",
        "CREATE (:NewLabel)",
        "MATCH (m:Mine) SET m.n = 2",
        "MATCH (m:Mine) DELETE m",
        "MATCH (m:Mine) MERGE (m)-[:TO]->(m)",
        "CREATE CONSTRAINT FOR (m:Mine) REQUIRE m.n IS UNIQUE",
        "CREATE USER mallory SET PASSWORD 'mallory-mallory'",
    ],
)
def test_server_refuses_writes_of_the_reader(shared: Workspace, write: str) -> None:
    writer, reader = ensure_graph(shared)
    with connected(writer) as driver:
        driver.execute_query("MERGE (m:Mine) SET m.n = 1")
    with connected(reader) as driver, pytest.raises(Neo4jError, match=r"(?i)forbidden|secur|not allowed|permission"):
        driver.execute_query(write)
    with connected(writer) as driver:
        assert driver.execute_query("MATCH (m:Mine) RETURN collect(m.n) AS n").records[0]["n"] == [1]


def test_wrong_password_is_refused(shared: Workspace) -> None:
    writer, _ = ensure_graph(shared)
    nobody = writer.model_copy(update={"user": "nobody", "password": "guessed"})
    with connected(nobody) as driver, pytest.raises(AuthError):
        driver.verify_connectivity()


def test_every_commit_is_flushed(shared: Workspace) -> None:
    ensure_graph(shared)
    http = state_of(shared, "graph").address["http"]
    query = {"language": "sql", "command": "SELECT settings FROM schema:database"}
    status, text = post(f"{http}/api/v1/command/{DATABASE}", "root", shared.secret("graph"), query)
    assert status == HTTPStatus.OK
    assert '"arcadedb.txWalFlush","value":2' in text.replace(" ", ""), text[:3000]


def test_files_of_the_host_cannot_be_loaded(shared: Workspace) -> None:
    writer, _ = ensure_graph(shared)
    with connected(writer) as driver, pytest.raises(Neo4jError, match="Forbidden"):
        driver.execute_query("LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line")


def test_it_listens_on_loopback_only(shared: Workspace) -> None:
    ensure_graph(shared)
    child = state_of(shared, "graph").child
    loopback = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
    sockets = {
        str(link.readlink()).removeprefix("socket:[").removesuffix("]")
        for link in (PROCESSES / str(child) / "fd").iterdir()
        if str(link.readlink()).startswith("socket:")
    }
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in (PROCESSES / "net" / table).read_text().splitlines()[1:]
    ]
    listening = [row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets]
    assert len(listening) == 2
    assert set(listening) <= set(loopback)


def test_logs_lie_in_the_workspace(shared: Workspace) -> None:
    ensure_graph(shared)
    assert any((shared.path / "logs" / "arcadedb").iterdir())


def test_what_was_committed_survives_a_kill_and_the_address_stays(workspace: Workspace) -> None:
    writer, _ = ensure_graph(workspace)
    with connected(writer) as driver:
        driver.execute_query("CREATE (:Kept {n: 1})")
    kill(state_of(workspace, "graph").pid, state_of(workspace, "graph").child)
    again, reader = ensure_graph(workspace)
    assert again == writer
    with connected(reader) as driver:
        assert driver.execute_query("MATCH (k:Kept) RETURN count(k) AS n").records[0]["n"] == 1


def test_stop_does_not_wait_for_connected_clients(workspace: Workspace) -> None:
    writer, _ = ensure_graph(workspace)
    with connected(writer) as driver, driver.session() as session:
        session.run("CREATE (:Kept)").consume()
        stop(workspace)
    assert "killed" not in workspace.log("graph").read_text()
    _, reader = ensure_graph(workspace)
    with connected(reader) as driver:
        assert driver.execute_query("MATCH (k:Kept) RETURN count(k) AS n").records[0]["n"] == 1
