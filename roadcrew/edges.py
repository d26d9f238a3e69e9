"""Where the parts are: the servers that the settings name, or else the embedded ones of the workspace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from graph import GraphSettings
from local import GraphAddress, Workspace, ensure_forge, ensure_graph, ensure_postgres, open_workspace, using
from policies import PolicySettings
from roadcrew.errors import SettingsInvalid
from roadcrew.settings import GraphServer, Settings

GITHUB_API = "https://api.github.com"


class GraphEnds(NamedTuple):
    """The two ways into the roadmap: only the Planner and the Integrator get the writer."""

    writer: GraphSettings
    reader: GraphSettings


class CodeHostEnd(NamedTuple):
    """Which REST API to speak to, with which token, and whether it is the local forge."""

    api_url: str
    token: str
    is_local: bool


@contextmanager
def workspace_in_use(settings: Settings, keep: bool = False) -> Iterator[Workspace]:
    """Hold the workspace; the last user out stops its servers, unless one of them says `keep`."""
    workspace = open_workspace(settings.workspace)
    with using(workspace, keep=keep):
        yield workspace


def graph_ends(settings: Settings, workspace: Workspace) -> GraphEnds:
    """Return both ways into the roadmap, starting the embedded graph where no other is set."""
    if settings.graph is not None:
        return GraphEnds(_foreign(settings.graph, read_only=False), _foreign(settings.graph, read_only=True))
    writer, reader = ensure_graph(workspace)
    return GraphEnds(_embedded(writer), _embedded(reader))


def database_url(settings: Settings, workspace: Workspace) -> str:
    """Return the address of PostgreSQL, starting the embedded one where no other is set."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return ensure_postgres(workspace)


def code_host_end(settings: Settings, workspace: Workspace) -> CodeHostEnd:
    """Return the code host: the one of GITHUB_API_URL, github.com for a bare token, else the local forge."""
    access = settings.code_host
    if access.token is not None:
        return CodeHostEnd(access.api_url or GITHUB_API, access.token.get_secret_value(), is_local=False)
    if access.api_url is not None:
        raise SettingsInvalid(
            f"GITHUB_API_URL is {access.api_url!r}, but GITHUB_TOKEN is not set",
            "set GITHUB_TOKEN too, or unset GITHUB_API_URL to use the local forge",
        )
    forge = ensure_forge(workspace)
    return CodeHostEnd(forge.api_url, forge.admin_token, is_local=True)


def policy_settings(settings: Settings) -> PolicySettings:
    """Return which engine decides: the OPA server that the settings name, or the one in this process."""
    return PolicySettings(
        opa_url=settings.opa_url,
        opa_token=settings.opa_token,
        dry_run=settings.policy_dry_run,
        extra_rules=settings.policy_rules,
    )


def _embedded(address: GraphAddress) -> GraphSettings:
    return GraphSettings(
        uri=address.uri,
        user=address.user,
        password=address.password,
        database=address.database,
        read_only=address.read_only,
    )


def _foreign(server: GraphServer, read_only: bool) -> GraphSettings:
    user, password = server.user, server.password
    if read_only and server.reader_user and server.reader_password:
        user, password = server.reader_user, server.reader_password
    return GraphSettings(
        uri=server.uri,
        user=user,
        password=password.get_secret_value(),
        database=server.database,
        read_only=read_only,
    )
