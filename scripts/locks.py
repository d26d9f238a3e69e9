"""Check the lock files: every pin hashed, no address of anything, and in step with pyproject.toml."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.source import ROOT

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")


def faults(lock: Path, wanted: list[Requirement]) -> Iterator[str]:
    """Yield what is wrong with one lock file, given the requirements that it must answer."""
    text = lock.read_text(encoding="utf-8")
    if "://" in text:
        yield f"{lock.name} holds an address: lock without --emit-index-url"
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    pins: dict[str, list[Version]] = {}
    for block in blocks:
        found = PIN.match(block)
        if found is None:
            yield f"{lock.name} holds a line that is no pin: {block.splitlines()[0]!r}"
            continue
        pins.setdefault(canonicalize_name(found["name"]), []).append(Version(found["version"]))
        if "--hash=sha256:" not in block:
            yield f"{lock.name}: {found['name']} has no hash"
    for requirement in wanted:
        versions = pins.get(canonicalize_name(requirement.name), [])
        if not versions:
            yield f"{lock.name} does not pin {requirement.name}: lock again (CONTRIBUTING.md)"
        elif not any(requirement.specifier.contains(version, prereleases=True) for version in versions):
            shown = ", ".join(map(str, versions))
            yield f"{lock.name} pins {requirement.name} {shown}; pyproject.toml says {requirement.specifier}"
    yield from _surplus(lock, blocks, wanted)


def _surplus(lock: Path, blocks: list[str], wanted: list[Requirement]) -> Iterator[str]:
    """Yield the pins that say they stand in pyproject.toml but do not."""
    names = {canonicalize_name(requirement.name) for requirement in wanted}
    for block in blocks:
        found = PIN.match(block)
        if found and "roadcrew (pyproject.toml)" in block and canonicalize_name(found["name"]) not in names:
            yield f"{lock.name} pins {found['name']}, which pyproject.toml no longer names: lock again"


def all_faults(root: Path = ROOT) -> list[str]:
    """Return what is wrong with both lock files of a checkout."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = [Requirement(line) for line in project["dependencies"]]
    development = [Requirement(line) for line in project["optional-dependencies"]["dev"]]
    return [
        *faults(root / "requirements.txt", runtime),
        *faults(root / "requirements-dev.txt", [*runtime, *development]),
    ]


def main() -> int:
    """Print every fault; 0 when there is none."""
    found = all_faults()
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
