"""The embedded servers of one workspace folder: PostgreSQL, the graph, the forge and the replay of a model."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.archive import backup, restore
    from local.errors import ArchiveInvalid, LocalError, PlatformUnsupported, ServerFailed, WorkspaceUnusable
    from local.records import ForgeAddress, GraphAddress, ServiceStatus
    from local.servers import ensure_forge, ensure_graph, ensure_postgres, ensure_replay, status, stop, using
    from local.workspace import Workspace, open_workspace

_PLACES = {
    "archive": (
        "backup",
        "restore",
    ),
    "errors": (
        "ArchiveInvalid",
        "LocalError",
        "PlatformUnsupported",
        "ServerFailed",
        "WorkspaceUnusable",
    ),
    "records": (
        "ForgeAddress",
        "GraphAddress",
        "ServiceStatus",
    ),
    "servers": (
        "ensure_forge",
        "ensure_graph",
        "ensure_postgres",
        "ensure_replay",
        "status",
        "stop",
        "using",
    ),
    "workspace": (
        "Workspace",
        "open_workspace",
    ),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

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


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'local' has no attribute {name!r}")
    return getattr(importlib.import_module(f"local.{_MODULE_OF[name]}"), name)
