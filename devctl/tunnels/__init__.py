"""HTTPS links to ports of environments: a certificate of a local authority, a token, and a proxy that asks for it."""

from devctl.tunnels.opening import TunnelWish, open_tunnel
from devctl.tunnels.records import Tunnel
from devctl.tunnels.rows import TunnelRows
from devctl.tunnels.server import TunnelServer

__all__ = ["Tunnel", "TunnelRows", "TunnelServer", "TunnelWish", "open_tunnel"]
