"""What a tree's files are read to depend on."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from devctl import PreparationFailed
from devctl.dependencies import plan_dependencies
from devctl.poetry import poetry_requirements, version_range
from tests.devctl.wheels import write_tree


def test_a_tree_without_dependency_files_needs_only_what_is_asked_for(tmp_path: Path) -> None:
    plan = plan_dependencies(tmp_path, ("pytest",))
    assert plan.requirements == ("pytest",)
    assert plan.sources == ()


def test_pyproject_gives_dependencies_test_extras_groups_and_build_requirements(tmp_path: Path) -> None:
    text = """
[build-system]
requires = ["hatchling"]
[project]
name = "Shop-Kit"
requires-python = ">=3.9"
dependencies = ["click>=8"]
[project.optional-dependencies]
test = ["pytest", "shop_kit[extra]"]
extra = ["rich"]
docs = ["sphinx"]
[dependency-groups]
dev = ["mypy", {include-group = "lint"}]
lint = ["ruff"]
"""
    plan = plan_dependencies(write_tree(tmp_path, {"pyproject.toml": text}))
    assert plan.requirements == ("click>=8", "pytest", "rich", "mypy", "ruff", "hatchling")
    assert plan.requires_python == ">=3.9"


def test_requirement_files_follow_includes_and_leave_out_paths_and_indexes(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "-r requirements/base.txt\n-e .\n./local\n--index-url https://elsewhere/\n"
        "flask>=3 \\\n  --hash=sha256:00  # web\n",
        "requirements/base.txt": "click\n-c fixed.txt\n",
        "requirements/fixed.txt": "click==8.1.0\n",
        "requirements/docs.txt": "sphinx\n",
        "test-requirements.txt": "pytest\n",
    }
    plan = plan_dependencies(write_tree(tmp_path, files))
    assert plan.requirements == ("click", "flask>=3", "pytest")
    assert plan.constraints == ("click==8.1.0",)
    assert len(plan.ignored) == 3


def test_an_include_out_of_the_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("password\n")
    tree = write_tree(tmp_path / "tree", {"requirements.txt": "-r ../secret.txt\n"})
    with pytest.raises(PreparationFailed, match="outside the tree"):
        plan_dependencies(tree)


def test_setup_files_are_read_and_never_run(tmp_path: Path) -> None:
    files = {
        "setup.py": "raise SystemExit(1)\nfrom setuptools import setup\n"
        "setup(install_requires=['click'], extras_require={'dev': ['pytest'], 'docs': ['sphinx']})\n",
        "setup.cfg": "[options]\ninstall_requires =\n  rich\n[options.extras_require]\ntests =\n  attrs\n",
    }
    plan = plan_dependencies(write_tree(tmp_path, files))
    assert set(plan.requirements) == {"click", "pytest", "rich", "attrs", "setuptools", "wheel"}


def test_a_lock_fixes_versions_but_not_those_of_local_or_forked_packages(tmp_path: Path) -> None:
    lock = """
version = 1
[[package]]
name = "click"
version = "8.1.7"
[[package]]
name = "numpy"
version = "1.26.0"
[[package]]
name = "numpy"
version = "2.1.0"
[[package]]
name = "shop"
version = "1"
source = { editable = "." }
"""
    assert plan_dependencies(write_tree(tmp_path, {"uv.lock": lock})).constraints == ("click==8.1.7",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project\n"),
        ("pyproject.toml", '[dependency-groups]\ndev = [{include-group = "dev"}]\n'),
        ("pyproject.toml", "[project]\ndependencies = [3]\n"),
        ("setup.cfg", "no section\n"),
        ("setup.py", "def (\n"),
        ("uv.lock", "=\n"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(PreparationFailed, match=name):
        plan_dependencies(write_tree(tmp_path, {name: text}))


def test_the_digest_tells_plans_apart(tmp_path: Path) -> None:
    plan = plan_dependencies(tmp_path, ("a",))
    assert plan.digest("x") == plan_dependencies(tmp_path, ("a",)).digest("x")
    assert len({plan.digest("x"), plan.digest("y"), plan_dependencies(tmp_path, ("b",)).digest("x")}) == 3


def test_poetry_declarations_become_requirements() -> None:
    poetry = {
        "dependencies": {"python": "^3.9", "click": "^8.1", "rich": {"version": "~13", "extras": ["jupyter"]}},
        "group": {"test": {"dependencies": {"pytest": "*"}}, "docs": {"dependencies": {"sphinx": "1"}}},
    }
    assert list(poetry_requirements(poetry)) == ["click>=8.1,<9", "rich[jupyter]>=13,<14", "pytest"]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=3), st.sampled_from("^~"))
def test_a_range_holds_its_own_version_and_not_the_next_major(numbers: list[int], sign: str) -> None:
    text = ".".join(map(str, numbers))
    found = SpecifierSet(version_range(sign + text))
    assert Version(text) in found
    assert Version(f"{numbers[0] + 1}.0.0") not in found


@given(st.text(alphabet=string.printable, max_size=200))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        tree = write_tree(Path(folder), {"requirements.txt": text, "pyproject.toml": text, "setup.py": text})
        try:
            plan_dependencies(tree)
        except PreparationFailed as error:
            assert error.hint
