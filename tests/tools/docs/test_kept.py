"""Documents that were run before: the same content is not run twice, any change of what decides it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devctl import Launcher
from tests.tools.repositories import committed
from tools.artifacts import ArtifactStore
from tools.docs import DocReport, DocumentationChange, KeptRuns, PlannedDocument
from tools.git import Mirror
from tools.worktree import WorkTree, open_worktree

PAGE = "# Shop\n\n```python\nfrom shop import total\nprint(total([1, 2]))\n```\n\n```output\n3\n```\n"
CODE = {"shop.py": "def total(items):\n    return sum(items)\n"}
Check = Callable[..., DocReport]


class Desk:
    """Checks documents as a feature's turns do, and counts the environments that were opened for it."""

    def __init__(self, launcher: Launcher, mirror: Mirror, store: ArtifactStore) -> None:
        self.opened = 0
        self.store = store
        self._launcher = launcher
        self._mirror = mirror

    def check(
        self, base: str, commit: str, *, feature: str = "a/b/F-1", installed: str = "1", **more: Any
    ) -> DocReport:
        kept = KeptRuns(self.store, f"features/{feature}/documentation", lambda _commit: installed)
        return DocumentationChange(self._mirror, base, commit, open_tree=self._open, kept=kept, **more).check()

    def _open(self, commit: str) -> WorkTree:
        self.opened += 1
        return open_worktree(self._launcher, self._mirror, commit)


@pytest.fixture
def desk(launcher: Launcher, mirror: Mirror, tmp_path: Path) -> Desk:
    return Desk(launcher, mirror, ArtifactStore((tmp_path / "artifacts").as_uri()))


@pytest.fixture
def base(mirror: Mirror, first: str) -> str:
    return committed(mirror, first, CODE)


def test_the_same_content_is_run_once(desk: Desk, mirror: Mirror, base: str) -> None:
    commit = committed(mirror, base, {"README.md": PAGE})
    again = mirror.commit_tree(mirror.tree_of(commit), (base,), "The same files, another commit")
    first = desk.check(base, commit)
    assert first.green
    assert first.snippets == 1
    assert desk.opened == 1
    assert desk.check(base, again) == first
    assert desk.opened == 1


def test_what_is_wrong_stays_wrong_without_being_run_again(desk: Desk, mirror: Mirror, base: str) -> None:
    commit = committed(mirror, base, {"README.md": PAGE.replace("\n3\n", "\n4\n")})
    first = desk.check(base, commit)
    assert [found.check for found in first.findings] == ["snippet"]
    assert desk.check(base, commit) == first
    assert desk.opened == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"shop.py": "def total(items):\n    return 4\n"}, id="the code that a snippet calls"),
        pytest.param({"README.md": PAGE.replace("[1, 2]", "[2, 2]")}, id="the document"),
        pytest.param({"data.txt": "4\n"}, id="a file that no document names"),
    ],
)
def test_a_change_of_any_file_is_run_anew(desk: Desk, mirror: Mirror, base: str, change: dict[str, str]) -> None:
    commit = committed(mirror, base, {"README.md": PAGE})
    assert desk.check(base, commit).green
    found = desk.check(base, committed(mirror, commit, change))
    assert desk.opened == 2
    assert found.green == ("data.txt" in change)


def test_another_base_another_environment_and_another_feature_are_run_anew(
    desk: Desk, mirror: Mirror, base: str
) -> None:
    commit = committed(mirror, base, {"README.md": PAGE})
    other_base = committed(mirror, base, {"README.md": "# Shop\n"})
    desk.check(base, commit)
    desk.check(other_base, commit)
    assert desk.opened == 2
    desk.check(base, commit, installed="2")
    assert desk.opened == 3
    desk.check(base, commit, feature="other/b/F-1")
    assert desk.opened == 4
    desk.check(base, commit)
    assert desk.opened == 4


def test_what_is_planned_is_judged_anew_without_running_again(desk: Desk, mirror: Mirror, base: str) -> None:
    """Needs and links cost nothing: they are looked at each time."""
    commit = committed(mirror, base, {"README.md": PAGE})
    planned = (PlannedDocument(path="docs/guide.md", why="the plan names it"),)
    assert desk.check(base, commit, closing=False, planned=planned).green
    assert {found.check for found in desk.check(base, commit, planned=planned).findings} == {"need"}
    assert desk.opened == 1


def test_what_is_kept_but_broken_is_run_anew(desk: Desk, mirror: Mirror, base: str) -> None:
    commit = committed(mirror, base, {"README.md": PAGE})
    first = desk.check(base, commit)
    (kept,) = (Path(desk.store.url.removeprefix("file://")) / "features/a/b/F-1/documentation").iterdir()
    kept.write_text('{"findings": [], "extra": 1}')
    assert desk.check(base, commit) == first
    assert desk.opened == 2


def test_a_document_cannot_write_its_own_result(desk: Desk, mirror: Mirror, base: str) -> None:
    """A snippet that knows the folder finds no such folder where it runs, and its next run is judged as it is."""
    folder = Path(desk.store.url.removeprefix("file://"))
    folder.mkdir(parents=True)
    forge = (
        f"import pathlib\np = pathlib.Path({str(folder)!r})\nprint(p.exists())\np.mkdir(parents=True, exist_ok=True)\n"
        "(p / 'forged').write_text('x')\n"
    )
    commit = committed(mirror, base, {"README.md": f"```python\n{forge}```\n\n```output\nFalse\n```\n"})
    assert desk.check(base, commit).snippets == 1
    assert [path.name for path in folder.iterdir()] == ["features"]
