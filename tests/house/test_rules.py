"""The rules of the house find what they are for, and the house keeps them."""

import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts import architecture, embedded, locks, longest, rules
from scripts.source import ROOT


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """An empty checkout."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, timeout=60)
    (tmp_path / "graph").mkdir()
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def test_lock_files_are_hashed_without_addresses_and_in_step() -> None:
    assert locks.all_faults() == []


def test_lock_without_a_hash_is_found(tmp_path: Path) -> None:
    write(tmp_path, "lock.txt", "click==8.3.0\nrich==14.1.0 \\\n    --hash=sha256:aa\n")
    assert list(locks.faults(tmp_path / "lock.txt", [])) == ["lock.txt: click has no hash"]


def test_lock_with_an_address_is_found(tmp_path: Path) -> None:
    write(tmp_path, "lock.txt", "--index-url https://packages.example/\nclick==8.3.0 --hash=sha256:aa\n")
    assert "lock.txt holds an address: lock without --emit-index-url" in list(locks.faults(tmp_path / "lock.txt", []))


def test_lock_that_misses_or_contradicts_a_requirement_is_found(tmp_path: Path) -> None:
    write(tmp_path, "lock.txt", "click==8.1.0 \\\n    --hash=sha256:aa\n    # via roadcrew (pyproject.toml)\n")
    found = list(locks.faults(tmp_path / "lock.txt", [Requirement("rich>=14"), Requirement("click>=8.3")]))
    assert found == [
        "lock.txt does not pin rich: lock again (CONTRIBUTING.md)",
        "lock.txt pins click 8.1.0; pyproject.toml says >=8.3",
    ]


def test_lock_with_a_dropped_requirement_is_found(tmp_path: Path) -> None:
    write(tmp_path, "lock.txt", "click==8.3.0 \\\n    --hash=sha256:aa\n    # via roadcrew (pyproject.toml)\n")
    assert list(locks.faults(tmp_path / "lock.txt", [])) == [
        "lock.txt pins click, which pyproject.toml no longer names: lock again"
    ]


def test_module_map_is_in_step() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert architecture.with_map(page, architecture.module_map()) == page, "run python -m scripts.architecture"


def test_module_map_names_what_a_module_is_and_imports(house: Path) -> None:
    write(
        house,
        "graph/models.py",
        '"""Nodes of the roadmap.\n\nMore."""\n\nfrom local import Workspace\nimport graph.x\n',
    )
    assert "| `graph/models.py` | Nodes of the roadmap. | local |" in architecture.module_map(house)


def test_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="ARCHITECTURE.md lacks the line"):
        architecture.with_map("# no marks", "map")


def test_reading_the_environment_outside_settings_is_found(house: Path) -> None:
    write(house, "graph/store.py", "import os\n\nHOME = os.environ['HOME']\n")
    write(house, "graph/other.py", "from os import getenv\n")
    write(house, "graph/web.py", "def address(request):\n    return request.environ['REMOTE_ADDR']\n")
    write(house, "graph/settings.py", "import os\n\nHOME = os.environ['HOME']\n")
    assert list(rules.environment_reads(house)) == [
        "graph/other.py:1 reads the environment: take it from a settings object",
        "graph/store.py:3 reads the environment: take it from a settings object",
    ]


def test_vague_module_name_is_found(house: Path) -> None:
    write(house, "graph/utils.py", "")
    assert [breach.split()[0] for breach in rules.vague_names(house)] == ["graph/utils.py"]


@pytest.mark.parametrize("line", ["see /home/ann/notes", "index at pypi.org", "# TODO later", "/work/main/graph"])
def test_forbidden_text_is_found(house: Path, line: str) -> None:
    write(house, "docs/page.md", f"fine\n{line}\n")
    assert [breach.split()[0] for breach in rules.forbidden_words(house)] == ["docs/page.md:2"]


def test_silence_needs_a_reason(house: Path) -> None:
    write(house, "graph/a.py", "x = 1  # noqa: E501\ny = 2  # noqa: E501 - the address is long\n")
    assert [breach.split()[0] for breach in rules.unexplained_silence(house)] == ["graph/a.py:1"]


def test_longest_lists_are_sorted(house: Path) -> None:
    write(house, "graph/a.py", "def short():\n    pass\n\n\ndef long():\n    a = 1\n    return a\n")
    assert longest.function_lengths(house) == [(3, "graph/a.py:5 long"), (2, "graph/a.py:1 short")]
    assert longest.file_lengths(house) == [(7, "graph/a.py")]


def test_report_without_a_default_fails(tmp_path: Path) -> None:
    cases = "".join(
        f'<testcase classname="{package}.test_a" name="test_b"/>' for package in list(embedded.DEFAULTS.values())[1:]
    )
    write(tmp_path, "report.xml", f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    assert embedded.untested(tmp_path / "report.xml") == ["no test of the embedded servers passed (tests.local)"]


def test_skip_for_want_of_an_embedded_server_fails(tmp_path: Path) -> None:
    cases = "".join(f'<testcase classname="{package}.test_a" name="test_b"/>' for package in embedded.DEFAULTS.values())
    skip = '<testcase classname="tests.graph.c" name="t"><skipped message="no embedded graph"/></testcase>'
    write(tmp_path, "report.xml", f"<testsuites><testsuite>{cases}{skip}</testsuite></testsuites>")
    assert embedded.untested(tmp_path / "report.xml") == ["tests.graph.c.t was skipped: no embedded graph"]
