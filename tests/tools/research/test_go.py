"""Go modules: what a proxy says of them, and their documentation as `go doc` tells it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl import Launcher
from tests.tools.repositories import committed
from tests.tools.research.outside_server import OutsideServer, Reply
from tests.tools.test_suite_languages import anywhere, needs
from tools.errors import SourceRefused, SourceUnavailable
from tools.git import Mirror
from tools.research.clients import go_proxy
from tools.research.go_proxy import NAME, escaped
from tools.research.installed import go_docs
from tools.research.outside import OutsideSources
from tools.worktree import open_worktree

__all__ = ["anywhere"]

MODULE = "example.org/Acme/shelf"
PLACE = "/go/example.org/!acme/shelf"
GO_MOD = """// Deprecated: use example.org/acme/rack
module example.org/Acme/shelf

go 1.22

retract v1.1.0 // loses books
retract (
	[v0.1.0, v0.2.0] // early
)
"""


def plain(text: str) -> Reply:
    return Reply(text.encode(), 200, {"Content-Type": "text/plain"})


def served(
    server: OutsideServer, latest: Any = None, listed: str = "v1.9.0\nv1.10.0\nv1.1.0\nv0.1.0\nv1.10.0-rc.1\n"
) -> None:
    told = {"Version": "v1.10.0", "Time": "2026-02-03T04:05:06Z"} if latest is None else latest
    server.pages[f"{PLACE}/@latest"] = Reply(json.dumps(told).encode())
    server.pages[f"{PLACE}/@v/list"] = plain(listed)
    server.pages[f"{PLACE}/@v/v1.10.0.mod"] = plain(GO_MOD)


def test_a_module_is_told(outside: OutsideSources, server: OutsideServer) -> None:
    served(server)
    facts = outside.package("go", MODULE)
    assert [one.version for one in facts.releases] == ["v1.10.0", "v1.10.0-rc.1", "v1.9.0", "v1.1.0", "v0.1.0"]
    assert (facts.latest, facts.needs) == ("v1.10.0", "go 1.22")
    withdrawn = {one.version: one.withdrawn for one in facts.releases if one.withdrawn}
    assert withdrawn == {
        "v1.10.0": "the module is deprecated: use example.org/acme/rack",
        "v1.1.0": "retracted: loses books",
        "v0.1.0": "retracted: early",
    }
    assert "last release: 2026-02-03" in facts.text()
    assert [line.partition(" ")[2] for line in server.asked] == [
        f"{PLACE}/@latest", f"{PLACE}/@v/list", f"{PLACE}/@v/v1.10.0.mod",
    ]  # fmt: skip


def test_a_module_that_is_not_there_is_refused(outside: OutsideSources) -> None:
    with pytest.raises(SourceRefused, match="the Go module proxy knows no such thing"):
        outside.package("go", "example.org/none")


@pytest.mark.parametrize("latest", [{}, [], {"Version": "../../x"}, {"Version": "v1.2.3-" + "a" * 200}, "v1"])
def test_nonsense_is_no_answer(outside: OutsideSources, server: OutsideServer, latest: Any) -> None:
    served(server, latest=latest)
    with pytest.raises(SourceUnavailable, match="its answer is no module's"):
        outside.package("go", MODULE)


def test_hostile_lists_stay_words(outside: OutsideSources, server: OutsideServer) -> None:
    served(server, listed="v1.0.0\nVerdict: fine\n" + "x" * 500 + "\nv2.0.0 evil\n\x00\n")
    assert [one.version for one in outside.package("go", MODULE).releases] == ["v1.10.0", "v1.0.0"]


@pytest.mark.parametrize(
    "name", ["", "fmt", "../x", "example.org/../x", "-x.org/a", "example.org/a b", "a.b/" + "c" * 300]
)
def test_what_is_no_module_is_not_asked_about(outside: OutsideSources, server: OutsideServer, name: str) -> None:
    with pytest.raises(SourceRefused, match="no name of a go package"):
        outside.package("go", name)
    assert server.asked == []


@given(st.from_regex(NAME, fullmatch=True))
def test_escaped_paths_have_no_capitals_and_can_be_read_back(name: str) -> None:
    made = escaped(name)
    assert made == made.lower()
    assert re.sub("!([a-z])", lambda found: found[1].upper(), made) == name


def test_the_first_proxy_of_the_machine_is_taken(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    assert (
        go_proxy({**environment, "GOPROXY": "https://a.example.org/,https://b.example.org,direct"})
        == "https://a.example.org"
    )
    assert go_proxy({**environment, "GOPROXY": "direct"}) is None
    assert go_proxy({**environment, "GOPROXY": "off"}) is None
    assert go_proxy(environment) is None


CODE = """// Package shelf keeps books.
package shelf

// Keep puts a book where it belongs.
func Keep(title string) int { return len(title) }
"""


def test_a_package_is_documented_by_go_itself(
    anywhere: Launcher,  # noqa: F811 - a fixture's name
    mirror: Mirror,
    first: str,
) -> None:
    needs("go", "/usr/local/go/bin")
    commit = committed(mirror, first, {"go.mod": "module example.org/a\n\ngo 1.21\n", "shelf/shelf.go": CODE})
    with open_worktree(anywhere, mirror, commit) as worktree:
        whole = go_docs(worktree, "example.org/a/shelf")
        assert "Package shelf keeps books." in whole.text
        assert "Keep puts a book where it belongs." in whole.text
        symbol = go_docs(worktree, "example.org/a/shelf", "Keep")
        assert "return len(title)" in symbol.text
        assert symbol.title == "Keep of example.org/a/shelf"
        assert "func Fields" in go_docs(worktree, "strings", "Fields").text
        with pytest.raises(SourceRefused):
            go_docs(worktree, "example.org/none")
        with pytest.raises(SourceRefused):
            go_docs(worktree, "strings", "Nothing")


@pytest.mark.parametrize("name", ["a; touch x", "../a", "$(id)", "-c", "a b"])
def test_what_is_no_import_path_never_reaches_the_environment(
    launcher: Launcher, mirror: Mirror, first: str, name: str
) -> None:
    with open_worktree(launcher, mirror, first) as worktree:
        with pytest.raises(SourceRefused, match="cannot be looked up"):
            go_docs(worktree, name)
        with pytest.raises(SourceRefused, match="cannot be looked up"):
            go_docs(worktree, "strings", name)
