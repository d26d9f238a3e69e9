"""What an ecosystem says about a tree: what is to be installed, by which steps, and how it is laid out."""

import hashlib
import json
from collections.abc import Iterable

from devctl.records import Place, Record, Seed


class Plan(Record):
    """What is to be installed for one ecosystem of a tree."""

    ecosystem: str
    packages: tuple[str, ...] = ()
    """The packages that the tree declares itself, as the policy is asked for them: `requests>=2`, `npm:vite@^5`."""
    files: dict[str, bytes] = {}
    """What the installer is given, by path; it decides the result."""
    more: dict[str, bytes] = {}
    """Files that only make the installer content, or its result quicker; the digest leaves them out."""
    folders: tuple[str, ...] = ()
    """The folders of its projects, relative to the tree; `""` is the tree itself."""
    sources: tuple[str, ...] = ()
    """The files that declare it, relative to the tree."""
    ignored: tuple[str, ...] = ()
    """What was left out, with the reason."""
    options: dict[str, str] = {}
    """What else decides how it is installed, such as the manager of each folder."""
    requires_python: str | None = None
    """The Python versions that the tree declares to need."""

    @property
    def depth(self) -> int | None:
        """How many folders down its shallowest project lies; None when the tree does not declare it."""
        return min((folder.count("/") + 1 if folder else 0 for folder in self.folders), default=None)

    def digest(self, *also: str) -> str:
        """Digest of the plan and of what else decides the result."""
        files = sorted((path, hashlib.sha256(content).hexdigest()) for path, content in self.files.items())
        text = json.dumps([self.ecosystem, self.packages, files, self.folders, sorted(self.options.items()), also])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class Seen(Record):
    """Where the folders of a preparation lie, as its installer sees them."""

    plan: str
    """The plan's files; only to be read."""
    result: str
    """What is installed, at the place where environments have it too."""
    downloads: str
    """What preparations of this ecosystem share."""
    home: str
    """A folder that is thrown away."""
    python: str = "python3"
    """The Python to build on."""
    certificates: str | None = None
    """A file of CA certificates to trust."""


class Step(Record):
    """One command of an installation."""

    argv: tuple[str, ...]
    cwd: str = ""
    """Relative to the result."""
    optional: bool = False
    """A failure is only noted: the step makes the first run quicker, or says more."""
    network: bool = True
    """A step without network may run code of packages."""
    alone: bool = False
    """It may run code of packages, and so has downloads of its own, which are thrown away: what preparations share
    is not to be changed by what one of them installs."""
    instead: "Step | None" = None
    """What is run where this fails."""


class Fitting(Record):
    """How an environment is given what was installed; `{result}` and `{home}` in values are filled in."""

    env: dict[str, str] = {}
    path: tuple[str, ...] = ()
    """Folders of programs."""
    written: bool = False
    """Whether tools write into the result."""
    places: tuple[Place, ...] = ()
    seeds: tuple[Seed, ...] = ()
    locks: tuple[str, ...] = ()
    """Lock files that the installer brought in step with the tree, below `.locks` of the result."""


def shell(script: str, *arguments: str, cwd: str = "", optional: bool = False, network: bool = True) -> Step:
    """A step in the words of a shell, with arguments as `$1` and on."""
    return Step(argv=("sh", "-euc", script, "sh", *arguments), cwd=cwd, optional=optional, network=network)


def unprefixed(packages: Iterable[str], ecosystem: str) -> tuple[str, ...]:
    """Those of the extra packages that belong to an ecosystem, without its prefix; Python's have none."""
    prefixes = ("npm", "go", "cargo", "maven")
    split = [text.partition(":") for text in packages]
    return tuple(
        rest if ecosystem else whole
        for (prefix, _, rest), whole in zip(split, packages, strict=True)
        if (prefix == ecosystem if ecosystem else prefix not in prefixes)
    )
