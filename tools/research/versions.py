"""Which version of a package would be installed: the newest one that a requirement lets through."""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from tools.research.packages import PackageFacts
from tools.research.settings import Ecosystem

_NODE = re.compile(r"(?P<name>(?:@[^/@\s]+/)?[^@\s]+?)(?:@(?P<range>[^\s].*))?")
_COMPARATOR = re.compile(
    r"(?P<sign>\^|~|>=|=)?\s*v?(?P<numbers>\d{1,9}(?:\.(?:\d{1,9}|[xX*])){0,2})(?P<rest>[-+][\w.+-]+)?"
)
_PLAIN = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})")

Numbers = tuple[int, int, int]

PREFIXES: dict[str, Ecosystem] = {"npm": "node", "go": "go", "cargo": "rust", "maven": "maven"}
"""How requirements of other languages than Python begin: `npm:left-pad@^1`."""


def ecosystem_of(requirement: str, usual: Ecosystem) -> tuple[Ecosystem, str]:
    """Return where a requirement is from and what stands behind its prefix; without one it is of the usual ecosystem."""
    prefix, colon, rest = requirement.partition(":")
    return (PREFIXES[prefix], rest) if colon and prefix in PREFIXES else (usual, requirement)


def python_name(requirement: str) -> str | None:
    """Return the package that a Python requirement names, None for what is none."""
    try:
        return Requirement(requirement).name
    except InvalidRequirement:
        return None


def node_name(requirement: str) -> str | None:
    """Return the package that `name` or `name@range` names, None for what is neither."""
    found = _NODE.fullmatch(requirement.strip())
    return found["name"] if found else None


def pinned(requirement: str) -> str | None:
    """Return the one version that a Python requirement lets through, None where it leaves a choice."""
    try:
        wanted = list(Requirement(requirement).specifier)
    except InvalidRequirement:
        return None
    exact = [one.version for one in wanted if one.operator in ("==", "===") and not one.version.endswith(".*")]
    return exact[0] if exact else None


def python_version_for(facts: PackageFacts, requirement: str) -> str | None:
    """Return the version that an installer would take: pre-releases and yanked ones only where nothing else fits."""
    try:
        wanted = Requirement(requirement).specifier
    except InvalidRequirement:
        return None
    good = [release.version for release in facts.releases if not release.withdrawn]
    every = [release.version for release in facts.releases]
    return _newest(wanted, good) or _newest(wanted, every)


def _newest(wanted: SpecifierSet, versions: list[str]) -> str | None:
    """The first that fits; versions come newest first."""
    return next(iter(wanted.filter(versions)), None)


def node_version_for(facts: PackageFacts, requirement: str) -> str | None:
    """Return the version that npm would take for `name@range`; the latest where there is no range.

    Ranges of one comparator are understood (`1.2.3`, `^1.2`, `~1.2.3`, `>=1`, `1.x`); for others None.
    """
    found = _NODE.fullmatch(requirement.strip())
    wanted = (found["range"] or "").strip() if found else ""
    if not wanted or wanted in ("latest", "*"):
        return facts.latest or None
    comparator = _COMPARATOR.fullmatch(wanted)
    if comparator is None:
        return None
    versions = [release.version for release in facts.releases]
    exact = wanted.lstrip("=v ")
    if comparator["sign"] in (None, "=") and exact in versions:
        return exact
    low, high = _bounds(comparator["sign"] or "", comparator["numbers"])
    fitting = [version for version in versions if (numbers := _numbers(version)) and low <= numbers < high]
    return facts.latest if facts.latest in fitting else next(iter(fitting), None)


def _bounds(sign: str, written: str) -> tuple[Numbers, Numbers]:
    """The lowest version of a range, and the first one beyond it."""
    given = [int(part) for part in written.split(".") if part.isdigit()]
    low = _filled(given)
    if sign == ">=":
        return low, (2**31, 0, 0)
    if sign == "^":
        kept = next((place for place, number in enumerate(given) if number), len(given) - 1) + 1
    elif sign == "~":
        kept = min(len(given), 2)
    else:
        kept = len(given)
    return low, _filled([*given[: kept - 1], given[kept - 1] + 1]) if given else (2**31, 0, 0)


def _filled(given: list[int]) -> Numbers:
    major, minor, patch = [*given, 0, 0, 0][:3]
    return major, minor, patch


def _numbers(version: str) -> Numbers | None:
    """The numbers of a release; None for a pre-release."""
    found = _PLAIN.fullmatch(version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
