"""Trees put together in memory, against those that git's own index gives."""

import os
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tools.repositories import committed
from tools.errors import GitBroken
from tools.git import Mirror
from tools.gitobjects import EXECUTABLE, LINK, REGULAR, SUBMODULE, edit_tree, write_blobs
from tools.tree_index import Content, TreeIndex, is_refused

# few names, so that files take folders' places and folders files'; some that sort unlike folders of the name
NAMES = st.sampled_from(["a", "a.b", "a-b", "a0", "b", "ü", "\udcff", "new\nline", "x" * 200, "-dash", "back\\slash"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
MODES = st.sampled_from([REGULAR, EXECUTABLE, LINK, SUBMODULE])
STEPS = st.lists(
    st.dictionaries(PATHS, st.one_of(st.none(), st.tuples(MODES, st.integers(0, 2))), max_size=6),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_changes_give_the_tree_that_gits_own_index_gives(
    mirror: Mirror, first: str, steps: list[dict[str, tuple[str, int] | None]]
) -> None:
    blobs = write_blobs(mirror.git, [b"0", b"1", b"2"])
    index, tree = TreeIndex(mirror.git, first), mirror.tree_of(first)
    for step in steps:
        changes = {path: new and (new[0], blobs[new[1]]) for path, new in step.items() if not _contradicts(path, step)}
        tree = edit_tree(mirror.git, tree, {os.fsencode(path): new for path, new in changes.items()})
        assert index.apply(changes) == tree
        assert index.entries == TreeIndex(mirror.git, tree).entries
    subprocess.run(["git", "-C", mirror.folder, "fsck", "--strict", "--no-dangling"], check=True, capture_output=True)


def _contradicts(path: str, step: dict[str, tuple[str, int] | None]) -> bool:
    """Whether the same step also sets a file above the path: no folder of files holds both."""
    steps = path.split("/")
    above = ["/".join(steps[:count]) for count in range(1, len(steps))]
    return step[path] is not None and any(step.get(folder) is not None for folder in above)


@pytest.mark.parametrize("path", [".git/x", "d/.GIT", "d/git~1/x", "a/../b", "a//b", "", "d/.git. /x", "d/x\\.git"])
def test_what_git_refuses_is_refused_with_nothing_changed(mirror: Mirror, first: str, path: str) -> None:
    base = committed(mirror, first, {"d/a": "1\n"})
    index = TreeIndex(mirror.git, base)
    before = dict(index.entries)
    changes: dict[str, Content | None] = {"d/a": None, path: before["d/a"]}
    with pytest.raises(GitBroken, match="git refuses the path"):
        index.apply(changes)
    with pytest.raises(GitBroken, match="Ignoring path|git refuses"):
        edit_tree(mirror.git, base, {os.fsencode(path): before["d/a"]})
    assert index.entries == before
    assert index.apply({}) == mirror.tree_of(base)


_PIECES = [
    ".git",
    ".GIT",
    "git~1",
    ".gitmodules",
    "GITMOD~1",
    "gi7eba~1",
    " ",
    ".",
    ":",
    "\\",
    "x",
    "~1",
    "..",
    "\udcff",
]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=3).map("".join), max_size=50, unique=True),
    mode=st.sampled_from([REGULAR, LINK]),
)
def test_no_name_passes_that_git_refuses(mirror: Mirror, first: str, names: list[str], mode: str) -> None:
    """One file for each name: git's index drops those that it refuses."""
    del first
    sha = write_blobs(mirror.git, [b"x"])[0]
    rows = b"".join(b"%s %s\td%d/%s\0" % (mode.encode(), sha.encode(), i, os.fsencode(n)) for i, n in enumerate(names))
    env = {"GIT_INDEX_FILE": str(mirror.folder / "names-index"), **os.environ}
    (mirror.folder / "names-index").unlink(missing_ok=True)
    git = ["git", "-C", str(mirror.folder)]
    subprocess.run([*git, "update-index", "-z", "--index-info"], input=rows, env=env, check=True, capture_output=True)
    kept = subprocess.run([*git, "ls-files", "-z"], env=env, check=True, capture_output=True).stdout.split(b"\0")
    passed = {b"d%d/%s" % (i, os.fsencode(n)) for i, n in enumerate(names) if not is_refused(os.fsencode(n), mode)}
    assert passed <= set(kept)


def test_plain_names_pass() -> None:
    names = (".gitignore", ".github", "a.git", ".gitattributes", "git~2", "back\\slash", "gitmodules", "...")
    assert [name for name in names if is_refused(name.encode()) or is_refused(name.encode(), LINK)] == []
