"""The stores on which the roadmap is measured, and the fastest supported way to fill each."""

from __future__ import annotations

import base64
import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from bench.roadmap_data import Batch, Edge, batches
from graph import GraphSettings, Roadmap
from local import Workspace, ensure_graph, open_workspace, stop
from local.arcade import DATABASE, post
from local.starting import start_service

SHARED = ("Repository", "File")
"""Nodes to which later pieces refer."""
VERTICES = (*SHARED, "Feature", "Task", "Run", "Event", "PullRequest")
EDGES = ("HAS", "HAS_TASK", "DEPENDS_ON", "OF", "TOUCHES", "DELIVERED_BY")
READ_BY_QUESTIONS = (
    *("repository_id", "feature_id", "task_id", "run_id", "file_id", "pull_request_id"),
    *("task_status_priority", "task_place", "event_subject", "turn_feature", "feature_status", "feature_key"),
)
"""The indexes and constraints that are made here. The others serve writes alone, and take longer than all the rest."""
ROWS = 10_000
"""Rows of one UNWIND."""


def neo4j_settings() -> GraphSettings | None:
    """Return the Neo4j server that ROADCREW_TEST_NEO4J_URI names, or None."""
    uri = os.environ.get("ROADCREW_TEST_NEO4J_URI")
    if not uri:
        return None
    user = os.environ.get("ROADCREW_TEST_NEO4J_USER", "neo4j")
    return GraphSettings(
        uri=uri, user=user, password=os.environ.get("ROADCREW_TEST_NEO4J_PASSWORD", ""), database="neo4j"
    )


@contextmanager
def embedded(folder: Path, tasks: int) -> Iterator[GraphSettings]:
    """Lend an embedded graph with this many tasks, filled when it is first asked for."""
    workspace = open_workspace(folder / f"e{tasks}")
    writer, _ = ensure_graph(workspace)
    settings = GraphSettings(**writer.model_dump())
    filled = folder / f"e{tasks}.filled"
    try:
        if not filled.exists():
            _fill_embedded(workspace, tasks)
            with Roadmap(settings) as roadmap:  # indexes are built faster at the end than kept while filling
                _define(roadmap)
            filled.touch()
        yield settings
    finally:
        stop(workspace)


def fill_neo4j(settings: GraphSettings, tasks: int) -> None:
    """Bring a Neo4j server that holds nothing, or a smaller roadmap of this kind, to this many tasks."""
    with Roadmap(settings) as roadmap:
        _define(roadmap)
        there = roadmap.query("MATCH (t:Task) RETURN count(t)").rows[0][0]
        if not isinstance(there, int) or there > tasks:
            raise SystemExit(f"{settings.uri} holds {there} tasks already: give an empty server")
        for batch in batches(tasks, there):
            for label, nodes in batch.nodes.items():
                _unwind(roadmap, f"CREATE (n:{label}) SET n = row" + _times(label), nodes)
            for (kind, source, target), edges in _by_kind(batch.edges).items():
                rows = [{"a": edge.source[1], "b": edge.target[1]} for edge in edges]
                _unwind(
                    roadmap,
                    f"MATCH (a:{source} {{id: row.a}}) MATCH (b:{target} {{id: row.b}})"
                    f" CREATE (a)-[:{kind} {{key: row.a + '>' + row.b}}]->(b)",
                    rows,
                )


def _define(roadmap: Roadmap) -> None:
    """Carry out those statements of the migrations that the questions need."""
    for file in sorted(files("graph").joinpath("migrations").iterdir(), key=lambda file: file.name):
        for statement in file.read_text(encoding="utf-8").split(";"):
            if len(words := statement.split()) > 2 and words[2] in READ_BY_QUESTIONS:
                roadmap.query(statement.strip())


def _times(label: str) -> str:
    names = {"Event": ("at",), "Task": ("created_at", "updated_at")}.get(label, ())
    return "".join(f" SET n.{name} = datetime(row.{name})" for name in names)


def _unwind(roadmap: Roadmap, statement: str, rows: list[dict[str, Any]]) -> None:
    for first in range(0, len(rows), ROWS):
        roadmap.query(f"UNWIND $rows AS row {statement}", {"rows": rows[first : first + ROWS]})


def _by_kind(edges: list[Edge]) -> dict[tuple[str, str, str], list[Edge]]:
    found: dict[tuple[str, str, str], list[Edge]] = {}
    for edge in edges:
        found.setdefault((edge.kind, edge.source[0], edge.target[0]), []).append(edge)
    return found


def _fill_embedded(workspace: Workspace, tasks: int) -> None:
    http, password = start_service(workspace, "graph").address["http"], workspace.secret("graph")
    for kind, names in (("VERTEX", VERTICES), ("EDGE", EDGES)):
        for name in names:
            command = {"language": "sql", "command": f"CREATE {kind} TYPE {name} IF NOT EXISTS"}
            status, text = post(f"{http}/api/v1/command/{DATABASE}", "root", password, command)
            if status != 200:
                raise SystemExit(f"the graph makes no type {name}: {status} {text[:300]}")
    known: dict[str, str] = {}
    for batch in batches(tasks):
        if shared := list(_vertices(batch, shared=True)):
            known |= _send(http, password, shared)["idMapping"]
        _send(http, password, [*_vertices(batch, shared=False), *_edges(batch, known)])


def _vertices(batch: Batch, shared: bool) -> Iterator[dict[str, Any]]:
    for label, nodes in batch.nodes.items():
        if (label in SHARED) == shared:
            for node in nodes:
                yield {"@type": "vertex", "@class": label, "@id": f"{label} {node['id']}", **node}


def _edges(batch: Batch, known: dict[str, str]) -> Iterator[dict[str, Any]]:
    for edge in batch.edges:
        source, target = (" ".join(end) for end in (edge.source, edge.target))
        ends = {"@from": known.get(source, source), "@to": known.get(target, target)}
        yield {"@type": "edge", "@class": edge.kind, **ends, "key": f"{edge.source[1]}>{edge.target[1]}"}


def _send(http: str, password: str, records: list[dict[str, Any]]) -> Any:
    """Post one piece to the embedded server's batch route, which takes one JSON record a line."""
    token = base64.b64encode(f"root:{password}".encode()).decode()
    body = "\n".join(json.dumps(record) for record in records) + "\n"
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/x-ndjson"}
    request = urllib.request.Request(f"{http}/api/v1/batch/{DATABASE}", body.encode(), headers)  # noqa: S310 - our own loopback address
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=600) as answer:
        return json.load(answer)
