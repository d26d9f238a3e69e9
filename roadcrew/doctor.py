"""The doctor: every probe of the machine in turn, then the servers themselves."""

from collections.abc import Callable, Iterator

from local import LocalError
from roadcrew.edges import workspace_in_use
from roadcrew.errors import RoadcrewError
from roadcrew.machine import (
    Finding,
    disk,
    docker_engine,
    git_version,
    glibc,
    model_endpoint,
    python_version,
    sandboxes,
    user_namespaces,
)
from roadcrew.servers import Server, start_code_host, start_graph, start_postgres
from roadcrew.settings import Settings


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield the findings one by one, the quick ones first; servers are started and stopped again."""
    yield python_version()
    yield git_version()
    yield glibc()
    yield disk(settings.workspace)
    namespaces, docker = user_namespaces(), docker_engine(settings.docker_host)
    yield from sandboxes(namespaces, docker)
    yield model_endpoint(settings)
    yield from servers(settings)


def servers(settings: Settings) -> Iterator[Finding]:
    """Yield whether each server answers, starting the embedded ones where the settings name no other."""
    with workspace_in_use(settings) as workspace:
        starts: dict[str, Callable[[], Server]] = {
            "postgres": lambda: start_postgres(settings, workspace),
            "graph": lambda: start_graph(settings, workspace),
            "code host": lambda: start_code_host(settings, workspace),
        }
        for name, start in starts.items():
            yield _server(name, start)


def _server(name: str, start: Callable[[], Server]) -> Finding:
    try:
        server = start()
    except (LocalError, RoadcrewError) as error:
        fix = str(getattr(error, "hint", "") or "look into the workspace's logs folder")
        return Finding(name=name, state="missing", detail=str(error), why="the work is recorded there", fix=fix)
    return Finding(name=name, state="ok", detail=f"{server.address} ({server.where})")
