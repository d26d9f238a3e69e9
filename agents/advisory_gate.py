"""What policy is told of packages that a role asks for: the advisories against the versions that would come in."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from agents.crew import TurnContext
from agents.declared_packages import plain_name
from agents.judged_change import declared_requirements
from agents.vulnerabilities import for_policy, present_pins, usual_ecosystem
from policies import KnownAdvisory
from tools.errors import ToolError
from tools.mirror import Mirror
from tools.research.advisories import Pin
from tools.research.outside import OutsideSources
from tools.research.versions import ecosystem_of

logger = logging.getLogger(__name__)


def known_against(context: TurnContext, commit: str, packages: Sequence[str]) -> tuple[KnownAdvisory, ...]:
    """Return what is known against packages that the files of a commit, the present work, declare.

    A locked version counts as it stands; else the newest one that the declared requirement lets through. What cannot
    be asked is said in the log and not held against the package.
    """
    outside = context.crew.outside
    if outside is None or not outside.advising:
        return ()
    try:
        pins = _pins(outside, context.desk.mirror, commit, packages)
        found = outside.advisories(pins).found if pins else ()
    except ToolError as fault:
        logger.warning("turn %s: %s, so %s is let in unchecked", context.turn.key, fault.message, ", ".join(packages))
        return ()
    return tuple(map(for_policy, found))


def _pins(outside: OutsideSources, mirror: Mirror, commit: str, packages: Sequence[str]) -> list[Pin]:
    """The version of each package that an installation would bring."""
    locked = {(pin.ecosystem, _normal(pin.name)): pin for pin in present_pins(mirror, commit)}
    declared = {plain_name(line): line for line in declared_requirements(mirror, commit)}
    usual = usual_ecosystem(mirror, commit)
    pins: list[Pin] = []
    for package in packages:
        ecosystem, line = ecosystem_of(declared.get(plain_name(package), package), usual)
        name = _normal(ecosystem_of(plain_name(package) or package, usual)[1])
        pin = locked.get((ecosystem, name)) or outside.would_install(ecosystem, line)
        if pin is not None:
            pins.append(pin)
    return pins


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
