"""A change as the policy sees it, on a real repository."""

from pathlib import Path

import pytest

from agents.judged_change import file_changes, new_packages
from tests.tools.repositories import new_remote, seeded
from tools.mirror import Mirror


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror", str(new_remote(tmp_path / "remote.git")))


def test_packages_that_a_change_declares_are_named_once_and_normalised(mirror: Mirror) -> None:
    base = mirror.commit_edits(seeded(mirror), {"requirements.txt": "Flask>=3\n"}, message="base")
    pyproject = """
[project]
dependencies = ["flask", "Ruamel_Yaml>=1", 7]
[project.optional-dependencies]
dev = ["pytest"]
[dependency-groups]
lint = ["ruff", {include-group = "dev"}]
"""
    edits = {
        "requirements.txt": "Flask>=4  # newer\n-r other.txt\n\nnot a requirement !!\n",
        "sub/requirements-dev.txt": "Some.Thing==1\n",
        "pyproject.toml": pyproject,
    }
    commit = mirror.commit_edits(base, edits, message="more")
    assert new_packages(mirror, base, commit) == ("pytest", "ruamel-yaml", "ruff", "some-thing")


@pytest.mark.parametrize(
    "hostile",
    [
        "not toml [",
        "project = 3\n",
        "[project]\ndependencies = 'flask'\n",
        "[project]\noptional-dependencies = ['x']\n",
        "dependency-groups = 'x'\n",
        "[project]\noptional-dependencies = {dev = 'x'}\n",
    ],
)
def test_a_pyproject_of_another_shape_declares_nothing(mirror: Mirror, hostile: str) -> None:
    base = seeded(mirror)
    commit = mirror.commit_edits(base, {"pyproject.toml": hostile}, message="hostile")
    assert new_packages(mirror, base, commit) == ()


def test_files_are_told_with_kind_mode_size_and_link_target(mirror: Mirror) -> None:
    base = mirror.commit_edits(seeded(mirror), {"gone.txt": "x", "kept.txt": "x"}, message="base")
    blob = mirror.git.run("hash-object", "-w", "--stdin", given=b"/etc/passwd").text.strip()
    with_link = mirror.commit_edits(base, {"gone.txt": None, "kept.txt": "xyz", "new.bin": "a"}, message="more")
    listing = mirror.git.run("ls-tree", with_link).text + f"\n120000 blob {blob}\tlink\n"
    tree = mirror.git.run("mktree", given=listing.encode()).text.strip()
    commit = mirror.commit_tree(tree, (with_link,), "link")
    changes = {change.path: change for change in file_changes(mirror, base, commit)}
    assert {path: (change.kind, change.size) for path, change in changes.items()} == {
        "gone.txt": ("deleted", 0),
        "kept.txt": ("modified", 3),
        "new.bin": ("added", 1),
        "link": ("added", 11),
    }
    assert changes["link"].link_target == "/etc/passwd"
