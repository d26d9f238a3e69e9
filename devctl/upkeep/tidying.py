"""Removing what nobody needs any more."""

from devctl.fleet.fleet import Fleet
from devctl.launcher import open_launcher
from devctl.settings import DevctlSettings
from devctl.upkeep.records import Tidied


def tidy(settings: DevctlSettings, fleet: Fleet | None) -> Tidied:
    """Remove what dead programs left and caches that nothing uses; raises SandboxUnavailable."""
    removed = open_launcher(settings, None).prune()  # nothing is launched: there is nothing to ask the policy
    return Tidied(removed=tuple(removed), reconciled=tuple(fleet.reconcile()) if fleet is not None else ())
