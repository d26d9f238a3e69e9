"""What can be told of a repository from its files alone, without running anything of it."""

import re
from collections import Counter
from pathlib import PurePosixPath

from tools.gitobjects import LINK, SUBMODULE, Entry, read_objects
from tools.gitrun import Git
from tools.record import Record
from tools.testpaths import is_test_path

LANGUAGES = {
    ".py": "Python",
    ".js": "JavaScript",
    ".mjs": "JavaScript",
    ".jsx": "JavaScript",
    ".ts": "TypeScript",
    ".tsx": "TypeScript",
    ".go": "Go",
    ".rs": "Rust",
    ".java": "Java",
    ".kt": "Kotlin",
    ".rb": "Ruby",
    ".php": "PHP",
    ".c": "C",
    ".h": "C",
    ".cc": "C++",
    ".cpp": "C++",
    ".hpp": "C++",
    ".cs": "C#",
    ".swift": "Swift",
    ".sh": "Shell",
    ".sql": "SQL",
    ".html": "HTML",
    ".css": "CSS",
}
_DEPENDENCY_FILE = re.compile(
    r"pyproject\.toml|setup\.(py|cfg)|requirements[^/]*\.(txt|in)|constraints[^/]*\.txt|Pipfile(\.lock)?|poetry\.lock"
    r"|uv\.lock|pdm\.lock|environment\.ya?ml|package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|go\.(mod|sum)"
    r"|Cargo\.(toml|lock)|Gemfile(\.lock)?|pom\.xml|build\.gradle(\.kts)?|composer\.(json|lock)"
)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LFS_POINTER_BYTES = 1024
_BIG_BYTES = 500 * 1024 * 1024


class RepositoryFacts(Record):
    """What a commit's files tell."""

    files: int
    bytes: int
    """Of all files together, as they stand in the tree."""
    languages: tuple[str, ...]
    """By bytes, most first."""
    test_files: tuple[str, ...]
    dependency_files: tuple[str, ...]
    """Files that say what must be installed, lock files included."""
    submodules: tuple[str, ...] = ()
    lfs_files: tuple[str, ...] = ()
    """Files whose content lies in Git LFS; a clone has only the pointers."""
    links_out: tuple[str, ...] = ()
    """Links that lead out of the tree."""

    @property
    def has_tests(self) -> bool:
        """Whether some file looks like a test."""
        return any(PurePosixPath(path).name != "conftest.py" for path in self.test_files)

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know before work starts, in plain words."""
        notes = []
        if not self.files:
            notes.append("The repository is empty.")
        if self.submodules:
            notes.append(f"Submodules are not filled in and stay as they are: {_some(self.submodules)}.")
        if self.lfs_files:
            notes.append(f"Git LFS files are pointers only, their content is not fetched: {_some(self.lfs_files)}.")
        if self.links_out:
            notes.append(f"Links lead out of the repository and do not work here: {_some(self.links_out)}.")
        if self.bytes > _BIG_BYTES:
            notes.append(f"The repository is large: {self.bytes // 2**20} MB in {self.files} files.")
        return tuple(notes)


def repository_facts(git: Git, entries: list[Entry]) -> RepositoryFacts:
    """Look at the files of a commit."""
    paths = [entry.path for entry in entries]
    return RepositoryFacts(
        files=len(entries),
        bytes=sum(entry.size for entry in entries),
        languages=_languages(entries),
        test_files=tuple(path for path in paths if is_test_path(path)),
        dependency_files=tuple(path for path in paths if _DEPENDENCY_FILE.fullmatch(PurePosixPath(path).name)),
        submodules=tuple(entry.path for entry in entries if entry.mode == SUBMODULE),
        lfs_files=_lfs_files(git, entries),
        links_out=_links_out(git, entries),
    )


def _languages(entries: list[Entry]) -> tuple[str, ...]:
    sizes: Counter[str] = Counter()
    for entry in entries:
        language = LANGUAGES.get(PurePosixPath(entry.path).suffix.lower())
        if language and entry.mode not in {LINK, SUBMODULE}:
            sizes[language] += max(entry.size, 1)
    return tuple(language for language, _ in sizes.most_common())


def _lfs_files(git: Git, entries: list[Entry]) -> tuple[str, ...]:
    attributes = [entry.sha for entry in entries if PurePosixPath(entry.path).name == ".gitattributes"]
    if not any(item and b"filter=lfs" in item[2] for item in read_objects(git, attributes)):
        return ()
    small = [entry for entry in entries if 0 < entry.size < _LFS_POINTER_BYTES and entry.mode != LINK]
    found = read_objects(git, [entry.sha for entry in small])
    pairs = zip(small, found, strict=True)
    return tuple(entry.path for entry, item in pairs if item and item[2].startswith(_LFS_POINTER))


def _links_out(git: Git, entries: list[Entry]) -> tuple[str, ...]:
    links = [entry for entry in entries if entry.mode == LINK]
    targets = read_objects(git, [entry.sha for entry in links])
    pairs = zip(links, targets, strict=True)
    return tuple(entry.path for entry, item in pairs if item and leads_out(entry.path, item[2]))


def leads_out(path: str, target: bytes) -> bool:
    """Whether a link at `path` in a tree leads out of it, judged by the names alone."""
    if target.startswith(b"/"):
        return True
    depth = path.count("/")
    for part in target.split(b"/"):
        if part == b"..":
            depth -= 1
        elif part not in {b"", b"."}:
            depth += 1
        if depth < 0:
            return True
    return False


def _some(paths: tuple[str, ...]) -> str:
    rest = len(paths) - 5
    return ", ".join(paths[:5]) + (f" and {rest} more" if rest > 0 else "")
