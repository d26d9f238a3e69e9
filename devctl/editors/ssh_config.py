"""Entries of the ssh config: a file of devctl's own, included once by the person's, each changed as a whole."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from devctl.errors import SettingsInvalid

OWN, INCLUDE = "config.d/devctl", "Include config.d/devctl"
_BEGIN, _END = "# devctl begin ", "# devctl end "
_BLOCK = re.compile(rf"^{_BEGIN}(\S+)\n.*?^{_END}\1\n", re.DOTALL | re.MULTILINE)


def entry(name: str, options: Mapping[str, str]) -> str:
    """One host with its options, between marks by which it is found again; raises SettingsInvalid."""
    lines = [f"{_BEGIN}{name}", f"Host {name}"]
    for option, value in options.items():
        if "\n" in value or '"' in value:
            raise SettingsInvalid(f"{option} {value!r} cannot stand in an ssh config", "take paths without quotes")
        lines.append(f"    {option} {value}")
    return "\n".join([*lines, f"{_END}{name}"]) + "\n"


def with_entry(text: str, name: str, block: str | None) -> str:
    """A text of devctl's file with the entry of a name put in, in its place where it had one, or taken out."""
    blocks = {match[1]: match[0] for match in _BLOCK.finditer(text)}
    if block is None:
        blocks.pop(name, None)
    else:
        blocks[name] = block
    return "".join(blocks.values())


def with_include(text: str) -> str:
    """The person's config with devctl's file included: above all hosts, as an Include below one belongs to it."""
    if any(re.fullmatch(r"\s*Include\s+[\"']?(?:~/\.ssh/)?config\.d/(?:devctl|\*)[\"']?\s*", line, re.IGNORECASE)
           for line in text.splitlines()):  # fmt: skip
        return text
    return f"{INCLUDE}\n\n{text}" if text else f"{INCLUDE}\n"


def write_entry(folder: Path, name: str, block: str | None) -> list[Path]:
    """Put an entry into the files of ~/.ssh, or take it out; returns the files that changed. Doing it twice changes
    nothing. Each file is replaced as a whole; a config that is a link is written where it leads.
    """
    own, config = folder / OWN, folder / "config"
    before = _read(own)
    after = with_entry(before, name, block)
    changed = []
    if after != before:
        _replace(own, after)
        changed.append(own)
    if block is not None and (wanted := with_include(_read(config))) != _read(config):
        _replace(config, wanted)
        changed.append(config)
    return changed


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read: {error}", "mend it, and try again") from error


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all, private as ssh wants it."""
    target = path.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".devctl-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
