"""Which files of a repository are its tests, by the customs of the languages."""

import re
from collections.abc import Sequence

_FOLDERS = frozenset({
    "test", "tests", "Tests", "__tests__", "__mocks__", "__snapshots__", "testing", "testdata", "androidTest",
})  # fmt: skip
_NAME = re.compile(
    r"test_.*\.py|.*_test\.py|tests?\.py|conftest\.py|.*_test\.go|tests?\.rs"
    r"|(.*[._-])?(test|spec)\.[cm]?[jt]sx?|test-.*\.[cm]?[jt]sx?|.*\.test-d\.[cm]?tsx?|.*\.snap"
    r"|.*_tests?\.rs|.*(Tests?|[a-z0-9]IT)\.(java|kt|cs|scala|groovy)|.*_(test|spec)\.rb|spec_helper\.rb|.*Test\.php"
)
_SUPPORT = re.compile(r"\.?pytest\.ini|(jest|vitest|ava|karma)\.config\.[cm]?[jt]s(on)?|\.mocharc\.\w+|\.taprc")
"""Files that only say how tests are run."""


def is_test_path(path: str) -> bool:
    """Whether a file belongs to the tests: by its name, or because it lies in a folder of tests."""
    *folders, name = path.rstrip("/").split("/")
    in_tests = not _FOLDERS.isdisjoint(folders)
    return in_tests or _NAME.fullmatch(name) is not None or _SUPPORT.fullmatch(name) is not None


def matches(path: str, globs: Sequence[str]) -> bool:
    """Whether a glob names the path; `**` crosses folders, `*` does not, a folder means all in it."""
    return any(_as_pattern(glob).fullmatch(path) for glob in globs)


def _as_pattern(glob: str) -> re.Pattern[str]:
    parts = []
    position = 0
    glob = glob.strip().removeprefix("./").rstrip("/")
    while position < len(glob):
        if glob.startswith("**/", position):
            parts.append("(?:.*/)?")
            position += 3
        elif glob.startswith("**", position):
            parts.append(".*")
            position += 2
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(glob[position], re.escape(glob[position])))
            position += 1
    return re.compile("".join(parts) + "(?:/.*)?")
