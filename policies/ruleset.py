"""The rules and their data, read from files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import Field, ValidationError

from policies.errors import RulesInvalid
from policies.records import Pattern, Record

DATA_KEY = "roadcrew_data"
PACKAGE = "roadcrew"
HEADER = re.compile(r"^(?:package|import)\s.*$\n?", re.MULTILINE)
TEST_SUFFIX = "_test.rego"
LARGEST = 1024 * 1024
"""Bytes of one file."""


class RuleData(Record):
    """The lists and limits that the rules go by; see data.yaml."""

    role_tools: dict[str, tuple[str, ...]]
    docs_paths: tuple[Pattern, ...]
    protected: dict[str, tuple[Pattern, ...]]
    not_secret: tuple[Pattern, ...]
    lock_files: tuple[Pattern, ...]
    max_file_bytes: int = Field(ge=0)
    denied_packages: dict[str, str]
    """By name, what to do instead."""
    allowed_packages: tuple[str, ...] | None
    prepare_networks: tuple[str, ...]
    research_tools: tuple[str, ...]
    advisory_limit: float = Field(ge=0)
    """CVSS base score from which on a new package is refused."""
    accepted_advisories: tuple[str, ...]
    """Ids or aliases that do not count."""


class RuleFile(NamedTuple):
    """One Rego file."""

    name: str
    text: str


class RuleSet(NamedTuple):
    """Everything that an engine is given."""

    rules: tuple[RuleFile, ...]
    tests: tuple[RuleFile, ...]
    data: RuleData

    def document(self) -> dict[str, Any]:
        """Return the data as the rules see it, under `data`."""
        return {DATA_KEY: self.data.model_dump(mode="json")}

    def module(self) -> str:
        """Return all rules as one module, so that a server takes them in one step."""
        headers = {line.strip() for file in self.rules for line in HEADER.findall(file.text)}
        imports = sorted(line for line in headers if line.startswith("import"))
        bodies = [f"# {file.name}\n{HEADER.sub('', file.text)}" for file in self.rules]
        return "\n\n".join([f"package {PACKAGE}", "\n".join(imports), *bodies])

    def digest(self) -> str:
        """Return a short name for just these rules and data."""
        text = repr((self.rules, self.tests, self.data.model_dump_json()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_rules(extra: Path | None = None) -> RuleSet:
    """Read the built-in rules and those of a folder; raises `RulesInvalid` that names the file."""
    own = files("policies")
    found = {file.name: file.read_text(encoding="utf-8") for file in own.joinpath("rules").iterdir()}
    data = _read_data("policies/data.yaml", own.joinpath("data.yaml").read_text(encoding="utf-8"))
    if extra is not None:
        more, overrides = _read_folder(extra)
        found.update({f"extra/{name}": text for name, text in more.items()})
        data = {**data, **overrides}
    rego = [RuleFile(name, text) for name, text in sorted(found.items()) if name.endswith(".rego")]
    return RuleSet(
        rules=tuple(file for file in rego if not file.name.endswith(TEST_SUFFIX)),
        tests=tuple(file for file in rego if file.name.endswith(TEST_SUFFIX)),
        data=_checked(data, extra),
    )


def _read_folder(folder: Path) -> tuple[dict[str, str], Mapping[str, Any]]:
    if not folder.is_dir():
        raise RulesInvalid(f"there is no folder of extra rules at {folder}", "make it, or give another one")
    texts = {path.name: _read(path) for path in sorted(folder.glob("*.rego"))}
    for name, text in texts.items():
        if not name.endswith(TEST_SUFFIX) and f"package {PACKAGE}" not in text.splitlines():
            raise RulesInvalid(f"{folder / name} is not of package {PACKAGE}", f"begin it with `package {PACKAGE}`")
        if "http.send" in text:
            raise RulesInvalid(
                f"{folder / name} calls http.send, which answers nothing in process", "decide by input and data alone"
            )
    file = folder / "data.yaml"
    return texts, _read_data(str(file), _read(file)) if file.exists() else {}


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise RulesInvalid(f"{path} is larger than {LARGEST // 1024} KiB", "split it")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise RulesInvalid(f"{path} cannot be read: {fault}", "give a UTF-8 file that this user can read") from fault


def _read_data(name: str, text: str) -> Mapping[str, Any]:
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as fault:
        raise RulesInvalid(f"{name} is no YAML: {str(fault).splitlines()[0]}", "mend its form") from fault
    data = value.get(DATA_KEY) if isinstance(value, dict) else None
    if not isinstance(data, dict) or set(value) != {DATA_KEY}:
        raise RulesInvalid(f"{name} must hold the one key {DATA_KEY}", "see policies/data.yaml")
    return data


def _checked(data: Mapping[str, Any], extra: Path | None) -> RuleData:
    try:
        return RuleData.model_validate(data)
    except ValidationError as fault:
        error = fault.errors()[0]
        place = ".".join(str(part) for part in error["loc"])
        name = extra / "data.yaml" if extra else "policies/data.yaml"
        raise RulesInvalid(f"{name}: {place}: {error['msg']}", "see policies/data.yaml for the form") from fault
