"""HTTPS links to ports of environments: a certificate of a local authority, a token, and a proxy that asks for it.

The names are loaded when they are first used: who reads of tunnels serves none.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devctl.tunnels.holding import HeldTunnels, close_tunnel
    from devctl.tunnels.opening import TunnelWish, open_tunnel
    from devctl.tunnels.records import OpenTunnel, Tunnel
    from devctl.tunnels.rows import TunnelRows
    from devctl.tunnels.server import TunnelServer

_MODULE_OF = {
    "HeldTunnels": "holding", "OpenTunnel": "records", "Tunnel": "records", "TunnelRows": "rows",
    "TunnelServer": "server", "TunnelWish": "opening", "close_tunnel": "holding", "open_tunnel": "opening",
}  # fmt: skip

__all__ = [
    "HeldTunnels", "OpenTunnel", "Tunnel", "TunnelRows", "TunnelServer", "TunnelWish", "close_tunnel", "open_tunnel",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'devctl.tunnels' has no attribute {name!r}")
    return getattr(importlib.import_module(f"devctl.tunnels.{_MODULE_OF[name]}"), name)
