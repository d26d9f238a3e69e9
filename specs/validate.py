"""A validator for specification folders in spec-kit's layout: which rules a file breaks, and on which line."""

from __future__ import annotations

import re
from pathlib import Path

from specs.errors import Problem, SpecInvalid
from specs.markdown import outside_fences
from specs.plan_rules import find_cycle
from specs.task import LARGEST, TaskSpec, parse_spec
from specs.tasks_file import parse_tasks, task_line_problems

SECTIONS = {
    "spec.md": (
        "## User Scenarios & Testing",
        "### Edge Cases",
        "## Requirements",
        "## Success Criteria",
        "## Assumptions",
    ),
    "plan.md": (
        "## Summary",
        "## Technical Context",
        "## Constitution Check",
        "## Project Structure",
        "## Complexity Tracking",
    ),
    "tasks.md": (),
}
FOLDER = re.compile(r"\d{3,}-[a-z0-9]+(-[a-z0-9]+)*")
STORY = re.compile(r"^### User Story (\d+) - \S.* \(Priority: P[1-9]\)")
STORY_PARTS = ("**Why this priority**", "**Independent Test**", "**Acceptance Scenarios**")
SCENARIO = re.compile(r"^\d+\. \*\*Given\*\* .+\*\*When\*\* .+\*\*Then\*\* .+")
NUMBERED = re.compile(r"^- \*\*(FR|SC)-(\d{3,})\*\*:")


def validate_tree(folder: Path) -> list[Problem]:
    """Return what is wrong in a `specs/NNN-slug` folder, or in every such folder below another."""
    if FOLDER.fullmatch(folder.resolve().name):
        return _feature_problems(folder)
    below = sorted(path for path in folder.rglob("*") if FOLDER.fullmatch(path.name) and path.is_dir())
    if not below:
        return [Problem(str(folder), "holds no NNN-slug folder", "name one such as specs/001-blog")]
    return [problem for path in below for problem in _feature_problems(path)]


def validate_file(file: Path) -> list[Problem]:
    """Return what is wrong in one file; YAML and JSON are task specs, Markdown is judged by its name."""
    try:
        if file.stat().st_size > LARGEST:
            return [
                Problem(str(file), f"is larger than {LARGEST // 1024} KiB", "keep specs short; link to long material")
            ]
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        return [Problem(str(file), f"cannot be read: {fault}", "give a UTF-8 text file")]
    if file.suffix in (".yaml", ".yml", ".json"):
        return _spec_problems(file, text)
    return _markdown_problems(file, text)


def _feature_problems(folder: Path) -> list[Problem]:
    problems: list[Problem] = []
    for name in (*SECTIONS, "research.md"):
        file = folder / name
        if file.is_file():
            problems += validate_file(file)
        elif name in SECTIONS:
            problems.append(Problem(str(file), "is missing", "`roadcrew spec new` writes a scaffold"))
    for file in sorted((folder / "tasks").glob("*.yaml")):
        problems += validate_file(file)
    return problems or _relation_problems(folder)


def _relation_problems(folder: Path) -> list[Problem]:
    """Return where the task list and the task specs do not fit together; each file by itself is valid."""
    files = sorted((folder / "tasks").glob("*.yaml"))
    if not files:
        return []
    listed = {task.key for task in parse_tasks((folder / "tasks.md").read_text(encoding="utf-8"))}
    specs = {file: parse_spec(file.read_text(encoding="utf-8")) for file in files}
    keys = {spec.id for spec in specs.values()}
    problems = [
        Problem(str(folder / "tasks.md"), f"{key} has no spec", f"write tasks/{key}.yaml")
        for key in sorted(listed - keys)
    ]
    for file, spec in specs.items():
        problems += _place_problems(file, spec, listed, keys)
    cycle = find_cycle({spec.id: list(spec.depends_on) for spec in specs.values()})
    if cycle:
        problems.append(
            Problem(str(folder / "tasks"), f"the dependencies go round: {' -> '.join(cycle)}", "remove one of them")
        )
    return problems


def _place_problems(file: Path, spec: TaskSpec, listed: set[str], keys: set[str]) -> list[Problem]:
    problems: list[Problem] = []
    if spec.id != file.stem:
        problems.append(Problem(str(file), f"has the id {spec.id!r}", f"call the file {spec.id}.yaml"))
    if spec.id not in listed:
        problems.append(Problem(str(file), f"{spec.id} is not in tasks.md", "add its line, or remove the file"))
    for other in spec.depends_on:
        if other not in keys:
            problems.append(Problem(f"{file}: depends_on", f"there is no task {other!r}", f"there are {_names(keys)}"))
    return problems


def _names(keys: set[str]) -> str:
    return ", ".join(sorted(keys)[:20])


def _spec_problems(file: Path, text: str) -> list[Problem]:
    try:
        parse_spec(text, str(file))
    except SpecInvalid as fault:
        listed = [Problem(f"{file}: {path}", message, hint) for path, message, hint in fault.problems]
        return listed or [Problem(str(file), fault.message, fault.hint)]
    return []


def _markdown_problems(file: Path, text: str) -> list[Problem]:
    lines = outside_fences(text)
    # Headings may carry a remark, such as *(mandatory)*.
    headings = {re.sub(r"\s*\*\(.*\)\*$", "", line).rstrip() for line in lines if line.startswith("#")}
    problems = [
        Problem(str(file), f"has no section {section!r}", "add it")
        for section in SECTIONS.get(file.name, ())
        if section not in headings
    ]
    problems += [
        Problem(f"{file}:{number}", "leaves a question open: [NEEDS CLARIFICATION", "answer it")
        for number, line in enumerate(text.splitlines(), start=1)
        if "[NEEDS CLARIFICATION" in line
    ]
    if file.name == "spec.md":
        problems += _story_problems(file, lines) + _number_problems(file, lines)
    if file.name == "tasks.md":
        problems += task_line_problems(str(file), text)
    return problems


def _story_problems(file: Path, lines: list[str]) -> list[Problem]:
    starts = [number for number, line in enumerate(lines) if line.startswith("### User Story")]
    if not starts:
        return [Problem(str(file), "has no user story", "add `### User Story 1 - Title (Priority: P1)`")]
    problems: list[Problem] = []
    for start in starts:
        ends = [n for n in range(start + 1, len(lines)) if lines[n].startswith(("### ", "## "))]
        problems += _one_story(f"{file}:{start + 1}", lines[start], lines[start + 1 : ends[0] if ends else len(lines)])
    numbers = [match[1] for match in (STORY.match(lines[start]) for start in starts) if match]
    if len(set(numbers)) < len(numbers):
        problems.append(Problem(str(file), "uses a story's number twice", "number the stories anew"))
    return problems


def _one_story(where: str, heading: str, body: list[str]) -> list[Problem]:
    problems: list[Problem] = []
    if not STORY.match(heading):
        problems.append(
            Problem(where, f"{heading!r} is no story heading", "write `User Story 1 - Title (Priority: P1)`")
        )
    problems += [
        Problem(where, f"the story has no {part}", "add it")
        for part in STORY_PARTS
        if not any(line.startswith(part) for line in body)
    ]
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
