"""What `Cargo.toml` says."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

_KINDS = ("dependencies", "dev-dependencies", "build-dependencies")


def declared_crates(text: str) -> tuple[str, ...]:
    """The crates that a `Cargo.toml` names, as `cargo:name@requirement`; what lies in the tree itself is left out.

    A crate from an address is named with that address, which no policy grants. Raises TOMLDecodeError.
    """
    found = tomllib.loads(text)
    names = []
    for section in _sections(found):
        for name, wanted in section.items():
            crate = _crate(name, wanted)
            if crate:
                names.append(crate)
    return tuple(dict.fromkeys(names))


def is_workspace(text: str) -> bool:
    """Whether a `Cargo.toml` gathers several packages."""
    return isinstance(tomllib.loads(text).get("workspace"), dict)


def _sections(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    targets = found.get("target")
    holders = [found, found.get("workspace"), *(targets.values() if isinstance(targets, dict) else ())]
    for holder in holders:
        for kind in _KINDS:
            section = holder.get(kind) if isinstance(holder, dict) else None
            if isinstance(section, dict):
                yield section


def _crate(name: str, wanted: object) -> str | None:
    if isinstance(wanted, str):
        return _named(name, wanted)
    if not isinstance(wanted, dict) or "path" in wanted or wanted.get("workspace") is True:
        return None
    real = wanted.get("package", name)
    if "git" in wanted:
        return f"cargo:{real}@git:{wanted['git']}"
    version = wanted.get("version", "")
    return _named(real, version) if isinstance(real, str) and isinstance(version, str) else None


def _named(name: str, wanted: str) -> str:
    return f"cargo:{name}@{wanted.strip()}" if wanted.strip() not in ("", "*") else f"cargo:{name}"
