"""The rules and their data, read from files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import yaml
from pydantic import Field, ValidationError

from policies.errors import RulesInvalid
from policies.records import Pattern, Record

DATA_KEYS = ("roadcrew_data", "devctl_data")
PACKAGES = ("roadcrew", "roadcrew.devctl")
"""What rules may belong to: what roles of the team do, and what is done with environments."""
HEADER = re.compile(r"^(?:package|import)\s.*$\n?", re.MULTILINE)
PACKAGE_LINE = re.compile(r"^package\s+(\S+)\s*$", re.MULTILINE)
TEST_SUFFIX = "_test.rego"
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""The first takes a tenth of the time, which every command has to wait for."""
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


class TierLimits(Record):
    """How much the environments of one tier may take; None is without limit."""

    environments: int | None = Field(ge=0)
    """How many may live at once."""
    cpus: float | None = Field(gt=0)
    """Of one environment, as all that follow."""
    memory_mb: int | None = Field(gt=0)
    pids: int | None = Field(gt=0)
    disk_mb: int | None = Field(gt=0)
    gpus: int | None = Field(ge=0)
    egress: tuple[str, ...]
    """The ways out that it may have: `none`, `allow`, `open`."""
    keep_hours: float | None = Field(ge=0)
    """For how long the idle reaper may be kept away."""
    tunnels: int | None = Field(ge=0)
    """How many may be open at once."""
    any_volume: bool
    """Whether volumes may be mounted whose name does not begin with the owner's."""


class DevctlData(Record):
    """The lists and limits that the rules for environments go by; see data.yaml."""

    tiers: dict[str, TierLimits]
    role_operations: dict[str, tuple[str, ...]]
    mount_folders: tuple[str, ...]
    """Folders of the host below which may be mounted; `{home}` and `{workspace}` are the caller's."""
    never_mounted: tuple[str, ...]
    """Names of files and folders that are not mounted wherever they lie."""
    forbidden_keys: tuple[str, ...]
    """What a wanted environment must not say, such as `privileged`."""
    image_cvss_limit: float = Field(ge=0)
    """A base image with a known vulnerability above it is refused, unless it is accepted by name."""
    accepted_images: tuple[str, ...]
    shared_images: tuple[str, ...] = ()
    """Patterns of names of images that all may run and build on, though they were made for somebody."""
    unscanned_images: Literal["allow", "deny"]
    allowed_images: tuple[str, ...] | None
    """Patterns of image names; None allows all."""
    denied_packages: dict[str, str]
    """By name or pattern, what to do instead."""
    allowed_packages: tuple[str, ...] | None
    """Names or patterns; None allows all that are not denied."""


Data = TypeVar("Data", RuleData, DevctlData)


class RuleFile(NamedTuple):
    """One Rego file."""

    name: str
    text: str


class RuleSet(NamedTuple):
    """Everything that an engine is given."""

    rules: tuple[RuleFile, ...]
    tests: tuple[RuleFile, ...]
    data: RuleData
    devctl: DevctlData

    def document(self) -> dict[str, Any]:
        """Return the data as the rules see it, under `data`."""
        return dict(
            zip(DATA_KEYS, (self.data.model_dump(mode="json"), self.devctl.model_dump(mode="json")), strict=True)
        )

    def modules(self) -> dict[str, str]:
        """Return the rules by package, each as one module, so that a server takes them in one step."""
        return {package: self._module(package) for package in PACKAGES}

    def _module(self, package: str) -> str:
        rules = [file for file in self.rules if package_of(file.text) == package]
        headers = {line.strip() for file in rules for line in HEADER.findall(file.text)}
        imports = sorted(line for line in headers if line.startswith("import"))
        bodies = [f"# {file.name}\n{HEADER.sub('', file.text)}" for file in rules]
        return "\n\n".join([f"package {package}", "\n".join(imports), *bodies])

    def digest(self) -> str:
        """Return a short name for just these rules and data."""
        text = repr((self.rules, self.tests, self.data.model_dump_json(), self.devctl.model_dump_json()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_rules(extra: Path | None = None) -> RuleSet:
    """Read the built-in rules and those of a folder; raises `RulesInvalid` that names the file."""
    own = files("policies")
    found = {file.name: file.read_text(encoding="utf-8") for file in own.joinpath("rules").iterdir()}
    data = _read_data("policies/data.yaml", own.joinpath("data.yaml").read_text(encoding="utf-8"))
    if extra is not None:
        more, overrides = _read_folder(extra)
        found.update({f"extra/{name}": text for name, text in more.items()})
        data = {key: {**data[key], **overrides.get(key, {})} for key in DATA_KEYS}
    rego = [RuleFile(name, text) for name, text in sorted(found.items()) if name.endswith(".rego")]
    return RuleSet(
        rules=tuple(file for file in rego if not file.name.endswith(TEST_SUFFIX)),
        tests=tuple(file for file in rego if file.name.endswith(TEST_SUFFIX)),
        data=_checked(RuleData, data[DATA_KEYS[0]], extra),
        devctl=_checked(DevctlData, data[DATA_KEYS[1]], extra),
    )


def package_of(text: str) -> str:
    """Return the package that a Rego file belongs to, empty where it says none."""
    found = PACKAGE_LINE.search(text)
    return found[1] if found else ""


def _read_folder(folder: Path) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    if not folder.is_dir():
        raise RulesInvalid(f"there is no folder of extra rules at {folder}", "make it, or give another one")
    texts = {path.name: _read(path) for path in sorted(folder.glob("*.rego"))}
    for name, text in texts.items():
        if not name.endswith(TEST_SUFFIX) and package_of(text) not in PACKAGES:
            words = " or ".join(PACKAGES)
            raise RulesInvalid(f"{folder / name} is not of package {words}", f"begin it with `package {PACKAGES[0]}`")
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


def _read_data(name: str, text: str) -> dict[str, dict[str, Any]]:
    try:
        value = yaml.load(text, _LOADER)  # noqa: S506 - a safe one  # nosec B506 - a safe one
    except (yaml.YAMLError, RecursionError) as fault:
        raise RulesInvalid(f"{name} is no YAML: {str(fault).splitlines()[0]}", "mend its form") from fault
    if not isinstance(value, dict) or not set(value) <= set(DATA_KEYS) or not all(map(_is_mapping, value.values())):
        raise RulesInvalid(f"{name} must hold the keys {' and '.join(DATA_KEYS)} alone", "see policies/data.yaml")
    return value


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict)


def _checked(form: type[Data], data: Mapping[str, Any], extra: Path | None) -> Data:
    try:
        return form.model_validate(data)
    except ValidationError as fault:
        error = fault.errors()[0]
        place = ".".join(str(part) for part in error["loc"])
        name = extra / "data.yaml" if extra else "policies/data.yaml"
        raise RulesInvalid(f"{name}: {place}: {error['msg']}", "see policies/data.yaml for the form") from fault
