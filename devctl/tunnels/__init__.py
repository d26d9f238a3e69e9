"""HTTPS links to ports of environments: a certificate of a local authority, a token, and a proxy that asks for it."""

from devctl.tunnels.holding import HeldTunnels, close_tunnel
from devctl.tunnels.opening import TunnelWish, open_tunnel
from devctl.tunnels.records import OpenTunnel, Tunnel
from devctl.tunnels.rows import TunnelRows
from devctl.tunnels.server import TunnelServer

__all__ = [
    "HeldTunnels", "OpenTunnel", "Tunnel", "TunnelRows", "TunnelServer", "TunnelWish", "close_tunnel", "open_tunnel",
]  # fmt: skip
