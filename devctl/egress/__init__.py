"""The way out of environments: none, by name through a proxy of their own, or open."""

from devctl.egress.rules import AllowList, read_rules
from devctl.egress.wiring import ProxiedEgress

__all__ = ["AllowList", "ProxiedEgress", "read_rules"]
