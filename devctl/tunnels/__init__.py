"""HTTPS links to ports of environments: a certificate of a local authority, a token, and a proxy that asks for it.

The names are loaded when they are first used: who reads of tunnels serves none.
"""

from typing import TYPE_CHECKING

from local.lazy import loaded_when_used

if TYPE_CHECKING:
    from devctl.tunnels.holding import HeldTunnels, close_tunnel
    from devctl.tunnels.opening import open_tunnel
    from devctl.tunnels.records import OpenTunnel, Trust, Tunnel, TunnelWish
    from devctl.tunnels.rows import TunnelRows
    from devctl.tunnels.server import TunnelServer

_PLACES = {
    "holding": ("HeldTunnels", "close_tunnel"),
    "opening": ("open_tunnel",),
    "records": ("OpenTunnel", "Trust", "Tunnel", "TunnelWish"),
    "rows": ("TunnelRows",),
    "server": ("TunnelServer",),
}

__all__ = [
    "HeldTunnels", "OpenTunnel", "Trust", "Tunnel", "TunnelRows", "TunnelServer", "TunnelWish", "close_tunnel",
    "open_tunnel",
]  # fmt: skip

__getattr__ = loaded_when_used("devctl.tunnels", _PLACES)
