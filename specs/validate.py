"""A validator for specification folders in spec-kit's layout: which rules a file breaks, and on which line."""

from __future__ import annotations

import re
from pathlib import Path

from specs.errors import Problem, SpecInvalid
from specs.task import parse_spec

SECTIONS = {
    "spec.md": (
        "## User Scenarios & Testing",
        "### Edge Cases",
        "## Requirements",
        "## Success Criteria",
        "## Assumptions",
    ),
    "plan.md": ("## Summary", "## Technical Context", "## Constitution Check", "## Project Structure"),
    "tasks.md": (),
}
STORY = re.compile(r"^### User Story (\d+) - .+ \(Priority: P[1-9]\)$")
STORY_PARTS = ("**Why this priority**", "**Independent Test**", "**Acceptance Scenarios**")
SCENARIO = re.compile(r"^\d+\. \*\*Given\*\* .+\*\*When\*\* .+\*\*Then\*\* .+")
NUMBERED = re.compile(r"^- \*\*(FR|SC)-(\d+)\*\*:")
TASK = re.compile(r"^- \[[ xX]\] T\d{3,} (\[P\] )?(\[US\d+\] )?.*\S+\.?\S+")
STORY_PHASE = re.compile(r"^## Phase \d+: User Story \d+")
SHARED_PHASE = re.compile(r"^## Phase \d+: (Setup|Foundational|Polish)")


def validate_tree(folder: Path) -> list[Problem]:
    """Return what is wrong in a `specs/NNN-slug` folder, or in every such folder below."""
    if not re.fullmatch(r"\d{3,}-[a-z0-9-]+", folder.name):
        below = sorted(
            path for path in folder.glob("**/*") if path.is_dir() and re.fullmatch(r"\d{3,}-[a-z0-9-]+", path.name)
        )
        if not below:
            return [Problem(str(folder), "holds no NNN-slug folder", "name one such as specs/001-blog")]
        return [problem for path in below for problem in validate_tree(path)]
    problems: list[Problem] = []
    for name in SECTIONS:
        file = folder / name
        if file.is_file():
            problems += validate_file(file)
        else:
            problems.append(Problem(str(file), "is missing", "`roadcrew spec new` writes a scaffold"))
    for file in sorted((folder / "tasks").glob("*.yaml")):
        problems += validate_file(file)
    return problems


def validate_file(file: Path) -> list[Problem]:
    """Return what is wrong in one file; YAML and JSON are task specs, Markdown is judged by its name."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        return [Problem(str(file), f"cannot be read: {fault}", "give a UTF-8 text file")]
    if file.suffix in (".yaml", ".yml", ".json"):
        return _spec_problems(file, text)
    lines = text.splitlines()
    problems = [
        Problem(str(file), f"has no section {section!r}", "add it")
        for section in SECTIONS.get(file.name, ())
        if section not in lines
    ]
    problems += _leftovers(file, lines)
    if file.name == "spec.md":
        problems += _story_problems(file, lines) + _number_problems(file, lines)
    if file.name == "tasks.md":
        problems += _task_problems(file, lines)
    return problems


def _spec_problems(file: Path, text: str) -> list[Problem]:
    try:
        parse_spec(text, str(file))
    except SpecInvalid as fault:
        listed = [Problem(f"{file}: {path}", message, hint) for path, message, hint in fault.problems]
        return listed or [Problem(str(file), fault.message, fault.hint)]
    return []


def _leftovers(file: Path, lines: list[str]) -> list[Problem]:
    return [
        Problem(f"{file}:{number}", "leaves a question open: [NEEDS CLARIFICATION", "answer it")
        for number, line in enumerate(lines, start=1)
        if "[NEEDS CLARIFICATION" in line
    ]


def _story_problems(file: Path, lines: list[str]) -> list[Problem]:
    starts = [number for number, line in enumerate(lines) if line.startswith("### User Story")]
    problems: list[Problem] = []
    if not starts:
        problems.append(Problem(str(file), "has no user story", "add `### User Story 1 - Title (Priority: P1)`"))
    for start in starts:
        ends = [n for n in range(start + 1, len(lines)) if lines[n].startswith(("### ", "## "))]
        body = lines[start + 1 : ends[0] if ends else len(lines)]
        where = f"{file}:{start + 1}"
        if not STORY.match(lines[start]):
            problems.append(Problem(where, f"{lines[start]!r} is no story heading", "end it with `(Priority: P1)`"))
        for part in STORY_PARTS:
            if not any(line.startswith(part) for line in body):
                problems.append(Problem(where, f"the story has no {part}", "add it"))
        if not any(SCENARIO.match(line) for line in body):
            problems.append(Problem(where, "the story has no scenario", "add `1. **Given** … **When** … **Then** …`"))
    return problems


def _number_problems(file: Path, lines: list[str]) -> list[Problem]:
    found = [match.groups() for match in map(NUMBERED.match, lines) if match]
    problems: list[Problem] = []
    for kind in ("FR", "SC"):
        numbers = [int(number) for name, number in found if name == kind]
        if not numbers:
            problems.append(Problem(str(file), f"has no {kind}-001", f"add `- **{kind}-001**: …`"))
        elif len(set(numbers)) < len(numbers):
            problems.append(Problem(str(file), f"uses a number of {kind} twice", "number them anew"))
    return problems


def _task_problems(file: Path, lines: list[str]) -> list[Problem]:
    problems: list[Problem] = []
    in_story: bool | None = None
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if line.startswith("## "):
            in_story = True if STORY_PHASE.match(line) else False if SHARED_PHASE.match(line) else None
        if not line.startswith("- ["):
            continue
        where = f"{file}:{number}"
        if not TASK.match(line):
            problems.append(
                Problem(where, f"{line[:60]!r} is no task line", "write `- [ ] T001 [P] [US1] Title in path`")
            )
            continue
        key = line.split()[3] if line.startswith("- [ ]") else line.split()[2]
        if key in seen:
            problems.append(Problem(where, f"{key} is there twice", "number the tasks anew"))
        seen.add(key)
        if in_story is not None and in_story != ("[US" in line):
            what = "needs" if in_story else "must not have"
            problems.append(
                Problem(where, f"{key} {what} a [US] mark here", "story phases have it, shared phases do not")
            )
    if not seen:
        problems.append(Problem(str(file), "has no tasks", "add `- [ ] T001 [US1] Title in path`"))
    return problems
