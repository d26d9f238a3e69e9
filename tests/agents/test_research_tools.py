"""Which research tools are offered: those that fit the repository's languages."""

from pathlib import Path

import pytest

from agents.ledger import Ledger
from agents.research_tools import ResearchTools, ecosystems_of
from prompts import render
from tests.tools.repositories import committed, new_remote, seeded
from tools.mirror import Mirror
from tools.research.outside import OutsideSources
from tools.research.settings import ResearchSettings
from tools.worktree import WorkTree

ADDRESS = "https://registry.example.org"
ALL = ResearchSettings(pypi_url=ADDRESS, npm_url=ADDRESS, go_url=ADDRESS)


def nowhere() -> WorkTree:
    raise AssertionError("nothing is run")


def offered(settings: ResearchSettings, *ecosystems: str) -> dict[str, list[str]]:
    """The tools, with the ecosystems that each may be asked about."""
    tools = ResearchTools(OutsideSources(settings), Ledger(), nowhere, frozenset, frozenset(ecosystems)).tools()
    schemas = [tool.schema() for tool in tools]
    found = {}
    for schema in schemas:
        properties = schema.parameters["properties"]
        assert isinstance(properties, dict)
        choice = properties.get("ecosystem")
        known = choice if isinstance(choice, dict) else {}
        values = known.get("enum") or ([known["const"]] if "const" in known else [])
        assert isinstance(values, list)
        found[schema.name] = [str(value) for value in values]
    return found


@pytest.mark.parametrize(
    ("ecosystems", "package", "documented"),
    [
        (("python",), ["python"], ["python"]),
        (("go",), ["go"], ["go"]),
        (("node", "rust"), ["node"], ["node"]),
        (("rust",), None, None),
        (("maven",), None, None),
        ((), ["python", "node", "go"], ["python", "node", "go"]),
    ],
)
def test_tools_are_offered_for_what_the_repository_is_written_in(
    ecosystems: tuple[str, ...], package: list[str] | None, documented: list[str] | None
) -> None:
    tools = offered(ALL, *ecosystems)
    assert (tools.get("package"), tools.get("package_docs")) == (package, documented)


def test_a_registry_that_is_off_is_not_offered() -> None:
    assert "package" not in offered(ALL.model_copy(update={"go_url": None}), "go")
    assert offered(ALL.model_copy(update={"go_url": None}), "go", "python")["package"] == ["python"]


def test_ecosystems_are_told_from_files_and_from_what_is_to_be_added(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror", str(new_remote(tmp_path / "remote.git")))
    first = seeded(mirror)
    assert ecosystems_of(mirror, first) == frozenset()
    commit = committed(mirror, first, {"main.go": "package main\n", "web/a.ts": "x", "b.rb": "x"})
    assert ecosystems_of(mirror, commit) == {"go", "node"}
    assert ecosystems_of(mirror, first, ("cargo:serde@1", "maven:a:b@1")) == {"rust", "maven"}
    assert ecosystems_of(mirror, first, ("flask>=2",)) == {"python"}


def test_the_prompt_names_the_tools_that_are_offered_alone() -> None:
    told = {"advising": False, "asking": True, "searching": False}
    rust = render("researcher_system", **told, registries=(), documented=(), others=("rust",))
    assert "No registry can be asked about packages of rust" in rust
    assert "`package`" not in rust
    assert "`package_docs`" not in rust
    go = render("researcher_system", **told, registries=("go",), documented=("go",), others=())
    assert "`package` tells what a registry knows (go)" in go
    assert "`package_docs` reads the documentation of an installed package (go)" in go
