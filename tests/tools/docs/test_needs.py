"""What a change asks of the documentation, and whether it is there."""

from collections.abc import Mapping

import pytest

from tests.tools.repositories import committed
from tools.docs import Brief, Meeting, PlannedDocument, documentation_brief
from tools.git import Mirror

LIBRARY = {
    "README.md": "# Shop\n\n`total` sums, `tax` adds, `cart` holds. `SHOP_URL` is the address. `shop --format` prints.\n",
    "shop/core.py": (
        'import os\n\nURL = os.environ["SHOP_URL"]\n\n'
        'def total(items):\n    """Sum of items."""\n\n'
        'def tax(items, rate):\n    """Tax on items at a rate."""\n\n'
        'def cart():\n    """A cart."""\n'
    ),
    "shop/cli.py": 'import argparse\n\nparser = argparse.ArgumentParser()\nparser.add_argument("--format")\n',
}


def brief_of(mirror: Mirror, first: str, base: Mapping[str, str], change: Mapping[str, str | None]) -> Brief:
    before = committed(mirror, first, base)
    return documentation_brief(mirror, before, committed(mirror, before, change))


def needs(brief: Brief) -> set[tuple[str, str]]:
    return {(need.kind, need.name) for need in brief.needs}


def test_new_names_options_and_settings_need_what_is_customary(mirror: Mirror, first: str) -> None:
    change = {
        "shop/more.py": 'import os\n\ndef refund(item):\n    return os.getenv("SHOP_REFUND")\n\ndef _hidden(): ...\n',
        "shop/cli.py": LIBRARY["shop/cli.py"] + 'parser.add_argument("-o", "--output", help="a file")\n',
        "tests/test_more.py": "def test_refund(): ...\n",
    }
    brief = brief_of(mirror, first, LIBRARY, change)
    assert needs(brief) == {
        ("docstring", "shop.more.refund"),
        ("name", "shop.more.refund"),
        ("option", "--output"),
        ("setting", "SHOP_REFUND"),
    }
    assert "Public Python names carry docstrings." in brief.customs


def test_a_repository_without_customs_needs_nothing(mirror: Mirror, first: str) -> None:
    brief = brief_of(mirror, first, {"a.py": "def f(): ...\n"}, {"b.py": "def g(): ...\n"})
    assert needs(brief) == set()
    assert brief.reason == "1 public changes, none of a kind that this repository documents"


def test_inner_changes_are_told_apart_from_public_ones(mirror: Mirror, first: str) -> None:
    brief = brief_of(mirror, first, LIBRARY, {"shop/core.py": LIBRARY["shop/core.py"].replace("URL =", "_URL =")})
    assert brief.changes == ()
    assert brief.reason == "nothing public changed: no name, option, route, setting or requirement"


def test_a_new_parameter_belongs_into_a_docstring_that_names_them(mirror: Mirror, first: str) -> None:
    changed = LIBRARY["shop/core.py"].replace("tax(items, rate)", "tax(items, rate, country=None)")
    brief = brief_of(mirror, first, LIBRARY, {"shop/core.py": changed})
    (need,) = brief.needs
    assert (need.kind, need.name, need.words) == ("signature", "shop.core.tax", ("country",))


def test_what_is_gone_must_go_from_the_documents(mirror: Mirror, first: str) -> None:
    brief = brief_of(mirror, first, LIBRARY, {"shop/cli.py": "import argparse\n"})
    assert needs(brief) == {("stale", "--format")}


ROUTES = {
    "app.py": 'from fastapi import FastAPI\napp = FastAPI()\n@app.get("/items")\ndef items(): ...\n',
    "README.md": "GET /items lists.\n",
}
MORE_ROUTES = """from fastapi import APIRouter
router = APIRouter(prefix="/v1")
@router.post("/items/{item_id:int}")
def make(): ...
"""


def test_new_routes_are_needed_with_their_prefix(mirror: Mirror, first: str) -> None:
    brief = brief_of(mirror, first, ROUTES, {"more.py": MORE_ROUTES})
    assert ("route", "POST /v1/items/{item_id}") in needs(brief)


@pytest.mark.parametrize(
    ("path", "source", "name"),
    [
        ("a.py", 'from flask import Flask\n@bp.route("/a/<int:n>", methods=["PUT"])\ndef f(n): ...\n', "PUT /a/{n}"),
        ("a.js", "const express = require('express')\nrouter.delete('/a/:id', (q, r) => {})\n", "DELETE /a/{id}"),
    ],
)
def test_routes_of_other_frameworks_are_seen(mirror: Mirror, first: str, path: str, source: str, name: str) -> None:
    assert ("route", name) in needs(brief_of(mirror, first, {"README.md": "# A\n"}, {path: source}))


def test_needs_are_met_by_documents_docstrings_and_changelog(mirror: Mirror, first: str) -> None:
    base = committed(mirror, first, {**LIBRARY, "CHANGELOG.md": "# Changelog\n\n## 0.1\n\n- First.\n"})
    planned = [PlannedDocument(path="docs", why="the plan says so")]
    code = 'def refund(item):\n    """Give back."""\n'
    head = committed(mirror, base, {"shop/more.py": code})
    brief = documentation_brief(mirror, base, head, planned)
    unmet = Meeting(mirror, base, head).unmet(brief)
    assert [found.message.split("`")[1] for found in unmet] == ["shop.more.refund", "CHANGELOG.md", "docs"]
    assert unmet[0].path == "shop/more.py"
    written = {
        "docs/refund.md": "`refund(item)` gives back.\n",
        "CHANGELOG.md": "# Changelog\n\n## 0.2\n\n- `refund`.\n\n## 0.1\n\n- First.\n",
    }
    done = committed(mirror, head, written)
    assert Meeting(mirror, base, done).unmet(brief) == ()


@pytest.mark.parametrize(
    ("before", "after", "met"),
    [
        ("# C\n\n## Unreleased\n\n## 0.1\n- a\n", "# C\n\n## Unreleased\n- new\n\n## 0.1\n- a\n", True),
        ("# C\n\n## 0.2\n- b\n\n## 0.1\n- a\n", "# C\n\n## 0.2\n- b\n\n## 0.1\n- a\n- late\n", False),
        ("# C\n\n## 0.1\n- a\n", "# C\n\n## 0.2\n\n## 0.1\n- a\n", False),
        ("C\n=\n\n0.1\n---\n- a\n", "C\n=\n\n0.2\n---\n- new\n\n0.1\n---\n- a\n", True),
    ],
)
def test_an_entry_stands_in_the_newest_section(mirror: Mirror, first: str, before: str, after: str, met: bool) -> None:
    base = committed(mirror, first, {"CHANGES.rst": before, "a.py": "x = 1\n"})
    head = committed(mirror, base, {"CHANGES.rst": after, "a.py": "x = 2\n"})
    brief = documentation_brief(mirror, base, head)
    assert needs(brief) == {("changelog", "CHANGES.rst")}
    assert (Meeting(mirror, base, head).unmet(brief) == ()) is met


def test_fragments_are_the_changelog_where_they_are_kept(mirror: Mirror, first: str) -> None:
    toml = '[tool.towncrier]\ndirectory = "changes"\n'
    base = committed(mirror, first, {"pyproject.toml": toml, "changes/README.md": "x\n", "a.py": "x = 1\n"})
    head = committed(mirror, base, {"a.py": "x = 2\n"})
    brief = documentation_brief(mirror, base, head)
    assert needs(brief) == {("changelog", "changes")}
    assert Meeting(mirror, base, head).unmet(brief)
    assert not Meeting(mirror, base, committed(mirror, head, {"changes/12.feature": "New.\n"})).unmet(brief)


def test_installing_is_described_where_it_was(mirror: Mirror, first: str) -> None:
    toml = '[project]\nname = "a"\nrequires-python = ">=3.{}"\ndependencies = [{}]\n[project.scripts]\nshop = "a:b"\n'
    base = {"README.md": "Needs Python 3.10 and httpx. Run shop.\n", "pyproject.toml": toml.format(10, '"httpx"')}
    brief = brief_of(mirror, first, base, {"pyproject.toml": toml.format(12, '"httpx", "rich>=14"')})
    assert needs(brief) == {("install", "rich"), ("install", "Python 3.12"), ("stale", "Python 3.10")}
