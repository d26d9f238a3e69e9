"""The task list of a specification, `tasks.md`: read back with its check marks, and judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from specs.errors import Problem
from specs.markdown import outside_fences

LINE = re.compile(r"^- \[(?P<mark>[ xX])\] (?P<id>T\d{3,}) (?P<p>\[P\] )?(?:\[US(?P<story>\d+)\] )?(?P<text>\S.*)$")
PATH = re.compile(r"`[^`]+`|[\w*.-]+/[\w*./-]*|[\w*-]*\.\w+")
"""What reads as a path: in back-ticks, or with a slash or an ending."""
STORY_PHASE = re.compile(r"^## Phase [\dN]+: User Story \d+")
SHARED_PHASE = re.compile(r"^## Phase [\dN]+: (Setup|Foundational|Polish)")
ASIDE = re.compile(r"^\s*[-*] \[(?![ xX]\] T\d{3,} )[^\]]?\]")
"""A check box that is no task line."""


class TaskLine(NamedTuple):
    """One task of the list."""

    number: int
    """Its line, from 1."""
    key: str
    """`T-101` for `T101`."""
    done: bool
    parallel: bool
    story: int | None
    text: str
    in_story: bool | None
    """Whether the phase around it belongs to a story; None under other headings."""


def parse_tasks(text: str) -> list[TaskLine]:
    """Return the tasks of a `tasks.md` in order; lines of another form are left out."""
    return list(_tasks(outside_fences(text)))


def task_line_problems(name: str, text: str) -> list[Problem]:
    """Return what is wrong with the task lines of a `tasks.md`."""
    lines = outside_fences(text)
    problems = [
        Problem(
            f"{name}:{number}", f"{line.strip()[:60]!r} is no task line", "write `- [ ] T001 [P] [US1] Title in path`"
        )
        for number, line in enumerate(lines, start=1)
        if ASIDE.match(line)
    ]
    seen: set[str] = set()
    for task in _tasks(lines):
        where = f"{name}:{task.number}"
        if task.key in seen:
            problems.append(Problem(where, f"{task.key} is there twice", "number the tasks anew"))
        seen.add(task.key)
        problems += _phase_problems(where, task)
    if not seen:
        problems.append(Problem(name, "has no tasks", "add `- [ ] T001 [US1] Title in path` under a phase"))
    return problems


def _tasks(lines: list[str]) -> Iterator[TaskLine]:
    in_story: bool | None = None
    for number, line in enumerate(lines, start=1):
        if line.startswith("## "):
            in_story = True if STORY_PHASE.match(line) else False if SHARED_PHASE.match(line) else None
        found = LINE.match(line)
        if found:
            yield TaskLine(
                number=number,
                key=f"T-{found['id'][1:]}",
                done=found["mark"] != " ",
                parallel=found["p"] is not None,
                story=int(found["story"]) if found["story"] else None,
                text=found["text"],
                in_story=in_story,
            )


def _phase_problems(where: str, task: TaskLine) -> list[Problem]:
    problems: list[Problem] = []
    if task.in_story and task.story is None:
        problems.append(Problem(where, f"{task.key} has no story mark", "add [US1], with the story's number"))
    if task.in_story is False and task.story is not None:
        problems.append(Problem(where, f"{task.key} has a story mark in a shared phase", "take [US] away, or move it"))
    if task.in_story and not PATH.search(task.text):
        problems.append(Problem(where, f"{task.key} names no path", "say in which file, as in `src/shop.py`"))
    return problems
