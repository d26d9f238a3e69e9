"""`roadcrew spec`: what is checked, and how it is told."""

import json
from pathlib import Path

import pytest

from roadcrew.cli import main
from roadcrew.errors import Exit
from scripts.source import ROOT


def test_seed_example_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spec", "validate", str(ROOT / "specs" / "examples" / "create-blog.yaml")]) == Exit.DONE
    assert capsys.readouterr().out == "0 problems\n"


def test_problem_is_told_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "blog.yaml"
    spec.write_text("id: t-1\ntitle: Blog\n", encoding="utf-8")
    assert main(["spec", "validate", str(spec), "--json"]) == Exit.FAILED
    said = json.loads(capsys.readouterr().out)
    assert len(said["data"]["problems"]) == 1
    assert "tests" in json.dumps(said["data"]["problems"])


def test_new_scaffold_is_valid_and_numbered_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spec", "new", "A blog: with /posts", "--in", str(tmp_path)]) == Exit.DONE
    assert main(["spec", "new", "Second", "--in", str(tmp_path), "--json"]) == Exit.DONE
    folders = sorted(path.name for path in (tmp_path / "specs").iterdir())
    assert folders == ["001-a-blog-with-posts", "002-second"]
    capsys.readouterr()
    assert main(["spec", "validate", str(tmp_path / "specs")]) == Exit.DONE, capsys.readouterr().out


def test_scaffold_is_never_written_over(tmp_path: Path) -> None:
    arguments = ["spec", "new", "Blog", "--number", "7", "--in", str(tmp_path)]
    assert main(arguments) == Exit.DONE
    assert main(arguments) == Exit.CONFLICT


def test_schema_is_the_file_in_the_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spec", "schema"]) == Exit.DONE
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((ROOT / "specs" / "task.schema.json").read_text(encoding="utf-8"))
