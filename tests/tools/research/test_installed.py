"""Installed packages' own documentation, read in a real sandbox without running the packages."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devctl import Launcher, PrepareRequest
from tests.devctl.machines import launcher_on
from tests.devctl.wheels import serve_index, write_wheel
from tests.tools.repositories import committed
from tools.errors import SourceRefused
from tools.git import Mirror
from tools.research.installed import node_docs, python_docs
from tools.worktree import open_worktree

CODE = '''"""Colours."""
raise RuntimeError("nobody may run me")

class Base:
    def mix(self, other: "Blue", *, share: float = 0.5) -> "Blue":
        """Mix two colours."""
        return other

class Blue(Base):
    """The colour blue."""

PALE = Blue
'''
TYPES = "\n".join(["// first"] * 40 + ["export interface Options {", "  depth: number;", "}"])
NODE = {
    "node_modules/@acme/blue/package.json": json.dumps(
        {"name": "@acme/blue", "version": "2.0.0", "types": "d/main.d.ts"}
    ),
    "node_modules/@acme/blue/README.md": "# Blue\n",
    "node_modules/@acme/blue/d/main.d.ts": TYPES,
}


def test_a_python_package_is_read_and_not_run(tmp_path: Path, mirror: Mirror, first: str) -> None:
    write_wheel(tmp_path, "blue", "1.0", code=CODE)
    with (
        serve_index(tmp_path) as (url, _),
        launcher_on("bubblewrap", tmp_path / "devctl", installer_env={"UV_DEFAULT_INDEX": url}) as launcher,
    ):
        prepared = launcher.prepare(PrepareRequest(tree=tmp_path / "none", packages=("blue",)))
        with open_worktree(launcher, mirror, first, prepared=prepared) as worktree:
            method = python_docs(worktree, "blue", "Blue.mix")
            assert method.title == "Blue.mix of blue 1.0"
            assert "def mix(self, other: 'Blue', *, share: float=0.5) -> 'Blue'" in method.text
            assert "Mix two colours." in method.text
            assert "blue.py:5" in method.text
            assert "Modules: blue" in python_docs(worktree, "blue").text
            with pytest.raises(SourceRefused, match=r"'blue\.Green' is not defined"):
                python_docs(worktree, "blue", "blue.Green")
            with pytest.raises(SourceRefused, match="'green' is not installed here"):
                python_docs(worktree, "green")
            assert not worktree.snapshot().changed


@pytest.mark.parametrize("name", ["blue; touch x", "../blue", "$(id)", "-c"])
def test_what_is_no_name_never_reaches_the_environment(
    launcher: Launcher, mirror: Mirror, first: str, name: str
) -> None:
    with open_worktree(launcher, mirror, first) as worktree:
        for read in (python_docs, node_docs):
            with pytest.raises(SourceRefused, match="cannot be looked up"):
                read(worktree, name)
            with pytest.raises(SourceRefused, match="cannot be looked up"):
                read(worktree, "blue", name)


def test_a_node_package_is_read(launcher: Launcher, mirror: Mirror, first: str) -> None:
    commit = committed(mirror, first, NODE, "Vendored")
    with open_worktree(launcher, mirror, commit) as worktree:
        whole = node_docs(worktree, "@acme/blue")
        assert (whole.title, "# Blue" in whole.text) == ("@acme/blue 2.0.0", True)
        options = node_docs(worktree, "@acme/blue", "Options").text
        assert "41: export interface Options {\n42:   depth: number;" in options
        assert "1: // first" not in options.splitlines()
        with pytest.raises(SourceRefused, match=r"'Green' does not stand in d/main\.d\.ts"):
            node_docs(worktree, "@acme/blue", "Green")
        with pytest.raises(SourceRefused, match="'green' is not installed here"):
            node_docs(worktree, "green")


READER = Path(__file__).parents[3] / "tools" / "inside" / "package_docs.py"
NAMES = [
    ("flask", "Flask.route", "def route(self, rule", "scaffold.py"),
    ("PyYAML", "yaml.safe_load", "def safe_load(stream)", "__init__.py"),
    ("yaml", "dump", "def dump(data", "__init__.py"),
    ("pydantic", "BaseModel.model_validate", "def model_validate(cls", "main.py"),
    ("rich", "console.Console.print", "def print(self", "console.py"),
]


@pytest.mark.parametrize(("name", "symbol", "signature", "place"), NAMES)
def test_names_are_found_where_packages_really_define_them(name: str, symbol: str, signature: str, place: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-I", READER, name, symbol], capture_output=True, text=True, check=True, timeout=60
    )
    told: dict[str, Any] = json.loads(ran.stdout)
    assert signature in told["signature"]
    assert place in told["place"]
    assert told["docstring"] and told["source"]
