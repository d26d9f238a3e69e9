"""All servers of a workspace at once, for `up` and `doctor`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from local import Workspace
from roadcrew.edges import code_host_end, database_url, graph_ends
from roadcrew.settings import Settings


class Server(BaseModel):
    """One server and where it answers; addresses carry no secrets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["postgres", "graph", "code host"]
    address: str
    where: Literal["workspace", "elsewhere"]
    """Whether it is an embedded server of the workspace, or one that the settings name."""


def start_all(settings: Settings, workspace: Workspace) -> list[Server]:
    """Start every embedded server that the settings do not replace, and return where all of them are."""
    return [
        start_postgres(settings, workspace),
        start_graph(settings, workspace),
        start_code_host(settings, workspace),
    ]


def start_postgres(settings: Settings, workspace: Workspace) -> Server:
    """Start PostgreSQL where the settings name none."""
    url = database_url(settings, workspace)
    return Server(name="postgres", address=without_password(url), where=_where(settings.database_url))


def start_graph(settings: Settings, workspace: Workspace) -> Server:
    """Start the graph where the settings name none."""
    ends = graph_ends(settings, workspace)
    return Server(name="graph", address=ends.writer.uri, where=_where(settings.graph))


def start_code_host(settings: Settings, workspace: Workspace) -> Server:
    """Start the forge where the settings name no code host."""
    end = code_host_end(settings, workspace)
    return Server(name="code host", address=end.api_url, where="workspace" if end.is_local else "elsewhere")


def without_password(url: str) -> str:
    """Return a database address fit for a screen: without its password, also where that is a parameter."""
    from psycopg import conninfo

    parts = conninfo.conninfo_to_dict(url)
    return conninfo.make_conninfo("", **{key: str(value) for key, value in parts.items() if key != "password"})


def _where(setting: object) -> Literal["workspace", "elsewhere"]:
    return "workspace" if setting is None else "elsewhere"
