"""What is asked of the policies, and what they answer."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue


class Record(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def _plain_pattern(pattern: str) -> str:
    """Refuse patterns that the engines read differently; a pattern that matches nothing would protect nothing."""
    inner = pattern.removesuffix("/**")
    if not inner or re.search(r"[\[\]{}\\\x00-\x1f]", pattern) or "**" in inner or pattern.startswith(("/", "!")):
        raise ValueError(
            f"{pattern!r} is no pattern: write a name such as *.pem, a path such as src/*.sql, or a folder such as db/**"
        )
    return pattern


Pattern = Annotated[str, AfterValidator(_plain_pattern)]
"""A file name (`*.pem`), a path (`src/*.sql`) or a folder (`db/**`); `*` and `?` are wild."""


class FileChange(Record):
    """One file that a change adds, modifies or deletes."""

    path: str
    """Relative to the root of the repository, with forward slashes."""
    mode: str = "100644"
    """Git's file mode: 100644, 100755, 120000 for a link, 160000 for a submodule."""
    kind: Literal["added", "modified", "deleted"] = "modified"
    size: int = Field(default=0, ge=0)
    """Bytes; 0 for a deleted file."""
    link_target: str | None = None
    """Where a link points, as written in it."""
    binary: bool = False


class KnownAdvisory(Record):
    """A known vulnerability of a package in the version that would be installed."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...] = ()
    """Other names of the same weakness, such as its CVE."""
    score: float | None = None
    """CVSS base score, 0 to 10; None where nobody rated it."""
    fixed: tuple[str, ...] = ()
    """Versions that mend it."""


class Action(Record):
    """What a role wants to do."""

    role: str
    tool: str
    repository: str = ""
    """`owner/name`; empty for what concerns no repository."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """The tool's arguments, and what the rules ask for: `granted_packages` and `docstrings_only` of a change,
    `approved` and `green` of a merge."""
    paths: tuple[str, ...] = ()
    """The paths that the call names."""
    packages: tuple[str, ...] = ()
    """The requirements that are asked for, or that a change adds."""
    network: str = "none"
    change: tuple[FileChange, ...] = ()
    """What a task's whole change consists of, where there is one."""
    advisories: tuple[KnownAdvisory, ...] = ()
    """What is known against the packages, where that could be asked."""


class RepositoryRules(Record):
    """What a repository's own settings ask for; they can only tighten the rules."""

    protected_paths: tuple[Pattern, ...] = ()
    denied_packages: tuple[str, ...] = ()
    allowed_packages: tuple[str, ...] | None = None
    max_file_bytes: int | None = Field(default=None, ge=0)


NO_OWN_RULES = RepositoryRules()


class Decision(Record):
    """What the policy says to an action."""

    allowed: bool
    reasons: tuple[str, ...] = ()
    """Why it is denied, or would be; empty when nothing speaks against it."""
    rules: tuple[str, ...] = ()
    """The names of the rules that gave the reasons, each once."""
    dry_run: bool = False
    """True when it is allowed only because rules do not deny at present."""
    engine: str
    """`regorus` or `opa`."""


class RuleTest(Record):
    """The outcome of one test of the rules."""

    name: str
    """`package.test_name`."""
    passed: bool
    message: str = ""
    """Why it failed."""
