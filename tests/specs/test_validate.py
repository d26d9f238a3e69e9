"""The validator: each rule breaks with one change to a valid folder, and names the place."""

from pathlib import Path

import pytest

from specs import parse_tasks, to_task_specs, validate_file, validate_tree, write_feature_specs
from tests.specs.plans import plan, task


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    proposal = plan(task("T1"), task("T2", depends_on=["T1"]), task("T3", kind="docs", assignee="docgen"))
    for name, text in write_feature_specs("F-1", "blog", proposal, to_task_specs(proposal, 1, "a/b"), "").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "specs" / "001-blog"


def test_folder_and_the_folders_above_are_valid(folder: Path) -> None:
    assert validate_tree(folder) == validate_tree(folder.parent) == validate_tree(folder.parent.parent) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("spec.md", "## Assumptions", "## Guesses", "has no section '## Assumptions'"),
        ("spec.md", "## Requirements", "```\n## Requirements\n```", "has no section '## Requirements'"),
        ("spec.md", "**Why this priority**", "Why", "the story has no **Why this priority**"),
        ("spec.md", "1. **Given**", "1. Given", "the story has no scenario"),
        ("spec.md", "(Priority: P1)", "", "is no story heading"),
        ("spec.md", "### User Story 1", "### Story", "has no user story"),
        ("spec.md", "**FR-001**", "**FR-1**", "has no FR-001"),
        ("spec.md", "- **SC-001**", "- **SC-001**: x\n- **SC-001**", "uses a number of SC twice"),
        ("spec.md", "Planned", "[NEEDS CLARIFICATION: when?]", "leaves a question open"),
        ("plan.md", "## Constitution Check", "", "has no section '## Constitution Check'"),
        ("plan.md", "## Complexity Tracking", "", "has no section '## Complexity Tracking'"),
        ("tasks.md", "- [ ] T101 [P] [US1]", "- [ ] T101 [P]", "T-101 has no story mark"),
        ("tasks.md", "- [ ] T103 [P]", "- [ ] T103 [P] [US1]", "T-103 has a story mark in a shared phase"),
        ("tasks.md", "- [ ] T102", "- [ ] T101", "T-101 is there twice"),
        ("tasks.md", "- [ ] T102", "- [] T102", "is no task line"),
        ("tasks.md", "- [ ] T102", "* T102", "T-102 is not in tasks.md"),
        ("tasks.md", "- [ ] T103 [P]", "- [ ] T109 [P]", "T-109 has no spec"),
        ("tasks/T-101.yaml", "id: T-101", "id: T-7", "call the file T-7.yaml"),
        ("tasks/T-102.yaml", "- T-101", "- T-9", "there is no task 'T-9'"),
        ("tasks/T-102.yaml", "- T-101", "- T-102", "the dependencies go round: T-102 -> T-102"),
        ("tasks/T-101.yaml", "tests:", "trials:", "is not a field"),
        ("research.md", "None.", "[NEEDS CLARIFICATION: x]", "leaves a question open"),
    ],
)
def test_one_broken_rule_is_named(folder: Path, file: str, old: str, new: str, words: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    problems = validate_tree(folder)
    assert any(words in f"{problem.message} {problem.hint}" for problem in problems), problems
    assert all(str(folder) in problem.path and problem.hint for problem in problems)


def test_missing_file_is_named(folder: Path) -> None:
    (folder / "plan.md").unlink()
    assert [problem.message for problem in validate_tree(folder)] == ["is missing"]


def test_files_that_cannot_be_read_are_named(folder: Path) -> None:
    (folder / "spec.md").write_bytes(b"\xff\xfe")
    (folder / "plan.md").write_bytes(b"x" * 300_000)
    messages = " ".join(problem.message for problem in validate_tree(folder))
    assert "cannot be read" in messages
    assert "larger than 256 KiB" in messages


def test_empty_folder_is_named(tmp_path: Path) -> None:
    assert "holds no NNN-slug folder" in validate_tree(tmp_path)[0].message


def test_headings_may_carry_spec_kits_remarks(folder: Path) -> None:
    path = folder / "spec.md"
    text = path.read_text(encoding="utf-8").replace("## Requirements", "## Requirements *(mandatory)*")
    path.write_text(text, encoding="utf-8")
    assert validate_file(path) == []


def test_task_lines_are_read_as_spec_kit_writes_them() -> None:
    text = (
        "## Phase 1: Setup (Shared Infrastructure)\n\n- [X] T001 Create project structure per implementation plan\n"
        "## Phase 3: User Story 1 - Title (Priority: P1)\n\n- [ ] T012 [P] [US1] Create User model in src/models/user.py\n"
        "```\n- [ ] T999 not a task\n```\n"
    )
    assert [(line.key, line.done, line.parallel, line.story, line.in_story) for line in parse_tasks(text)] == [
        ("T-001", True, False, None, False),
        ("T-012", False, True, 1, True),
    ]
