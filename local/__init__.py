"""The embedded servers of one workspace folder: PostgreSQL, the graph, the forge and the replay of a model."""

from typing import TYPE_CHECKING

from local.lazy import loaded_when_used

if TYPE_CHECKING:
    from local.archive import backup, restore
    from local.errors import ArchiveInvalid, LocalError, PlatformUnsupported, ServerFailed, WorkspaceUnusable
    from local.records import ForgeAddress, GraphAddress, ServiceStatus
    from local.servers import ensure_forge, ensure_graph, ensure_postgres, ensure_replay, status, stop, using
    from local.workspace import Workspace, open_workspace

_PLACES = {
    "archive": ("backup", "restore"),
    "errors": ("ArchiveInvalid", "LocalError", "PlatformUnsupported", "ServerFailed", "WorkspaceUnusable"),
    "records": ("ForgeAddress", "GraphAddress", "ServiceStatus"),
    "servers": ("ensure_forge", "ensure_graph", "ensure_postgres", "ensure_replay", "status", "stop", "using"),
    "workspace": ("Workspace", "open_workspace"),
}

__all__ = [
    "ArchiveInvalid",
    "ForgeAddress",
    "GraphAddress",
    "LocalError",
    "PlatformUnsupported",
    "ServerFailed",
    "ServiceStatus",
    "Workspace",
    "WorkspaceUnusable",
    "backup",
    "ensure_forge",
    "ensure_graph",
    "ensure_postgres",
    "ensure_replay",
    "open_workspace",
    "restore",
    "status",
    "stop",
    "using",
]

__getattr__ = loaded_when_used("local", _PLACES)
