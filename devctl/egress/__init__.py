"""The way out of environments: none, by name through a proxy of their own, or open."""

from typing import TYPE_CHECKING

from local.lazy import loaded_when_used

if TYPE_CHECKING:
    from devctl.egress.rules import AllowList, read_rules
    from devctl.egress.wiring import ProxiedEgress

__all__ = ["AllowList", "ProxiedEgress", "read_rules"]

__getattr__ = loaded_when_used("devctl.egress", {"rules": ("AllowList", "read_rules"), "wiring": ("ProxiedEgress",)})
