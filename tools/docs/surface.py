"""What users of a project can name, at one commit and in the difference of two."""

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import PurePosixPath

from tools.docs.command_line import command_line_items
from tools.docs.installing import installing
from tools.docs.python_names import is_public_module, public_names
from tools.docs.records import PublicChange, PublicItem
from tools.docs.routes import routes
from tools.docs.settings_read import settings_read
from tools.facts import LANGUAGES
from tools.gitobjects import EXECUTABLE, REGULAR
from tools.mirror import Mirror
from tools.testpaths import is_test_path

_MOST_FILES = 1_000
"""Files beside the changed ones that are read to learn customs."""
_MOST_BYTES = 500_000
_READERS: tuple[Callable[[str, bytes], tuple[PublicItem, ...]], ...] = (command_line_items, routes, settings_read)
_NO_SOURCE = frozenset({"docs", "doc", "examples", "example", "specs", "node_modules", "vendor", "dist", "build"})
Surface = dict[tuple[str, str], PublicItem]
"""Items by kind and name."""


def is_source(path: str) -> bool:
    """Whether a file is the product's own code: no test, no example, nothing generated or carried along."""
    pure = PurePosixPath(path)
    known = pure.suffix.lower() in LANGUAGES and pure.suffix.lower() not in {".html", ".css"}
    return known and not is_test_path(path) and pure.parts[0] not in _NO_SOURCE


class SurfaceChange:
    """What users can name before and after a change; only files that differ are read twice."""

    def __init__(self, mirror: Mirror, base: str, commit: str) -> None:
        self._mirror = mirror
        self._base, self._commit = base, commit
        self.files = tuple(file.path for file in mirror.changed_files(base, commit))

    @cached_property
    def before(self) -> Surface:
        """The whole surface at the base."""
        return _keyed([*self._base_items, *installing(self._mirror, self._base)])

    @cached_property
    def after(self) -> Surface:
        """The whole surface after the change."""
        changed = set(self.files)
        kept = [item for item in self._base_items if item.path not in changed]
        paths = [path for path in self._readable(self._commit) if path in changed]
        new = _read(self._mirror, self._commit, paths)
        return _keyed([*kept, *new, *installing(self._mirror, self._commit)])

    @property
    def changes(self) -> tuple[PublicChange, ...]:
        """What is new, gone or called otherwise, by place."""
        found = [_added(item) for key, item in self.after.items() if key not in self.before]
        found += [
            PublicChange(change="removed", item=item) for key, item in self.before.items() if key not in self.after
        ]
        found += [
            PublicChange(change="changed", item=self.after[key], before=item)
            for key, item in self.before.items()
            if key in self.after and self.after[key].parameters != item.parameters
        ]
        return tuple(sorted(found, key=lambda one: (one.item.path, one.item.line, one.change, one.item.name)))

    @property
    def touches_source(self) -> bool:
        """Whether the product's own code differs at all."""
        return any(is_source(path) for path in self.files)

    @cached_property
    def _base_items(self) -> list[PublicItem]:
        return _read(self._mirror, self._base, self._readable(self._base))

    def _readable(self, commit: str) -> list[str]:
        entries = [entry for entry in self._mirror.files(commit) if is_source(entry.path)]
        plain = [entry for entry in entries if entry.mode in {REGULAR, EXECUTABLE} and entry.size <= _MOST_BYTES]
        changed = set(self.files)
        rest = [entry.path for entry in plain if entry.path not in changed][:_MOST_FILES]
        return [*(entry.path for entry in plain if entry.path in changed), *rest]


def _added(item: PublicItem) -> PublicChange:
    return PublicChange(change="added", item=item)


def _read(mirror: Mirror, commit: str, paths: list[str]) -> list[PublicItem]:
    items: list[PublicItem] = []
    for path, content in mirror.read_many(commit, paths).items():
        if is_public_module(path):
            items += public_names(path, content)
        for reader in _READERS:
            items += reader(path, content)
    return items


def _keyed(items: Iterable[PublicItem]) -> Surface:
    found: Surface = {}
    for item in items:
        found.setdefault((item.kind, item.name), item)
    return found
