"""Lessons: what a review found, once it is answered, kept for whoever works on the same files next."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue, TypeAdapter

from agents.crew import ThreadContext, TurnContext
from agents.findings import Finding
from agents.threads import Record
from graph import Lesson

SHOWN = 8
"""Lessons that a Coder is shown at most."""
LONGEST = 400
"""Characters of one lesson: it is a reminder, and text that a model wrote."""


class Taught(Record):
    """One lesson of a review, on its way to the roadmap."""

    path: str
    text: str
    severity: str


TAUGHT: TypeAdapter[list[Taught]] = TypeAdapter(list[Taught])


def taught_by(earlier: Sequence[Finding], resolved: Sequence[str]) -> list[Taught]:
    """Return what a change was sent back for and has been mended: that is worth remembering, a mere claim is not."""
    return [
        Taught(path=finding.path, text=_one_line(f"{finding.title}: {finding.failure}"), severity=finding.severity)
        for finding in earlier
        if finding.blocks and finding.id in resolved
    ]


def keep(context: ThreadContext, lessons: JsonValue, learned_from: str) -> None:
    """Write the lessons of a review to the roadmap; the same one of the same review counts once."""
    for taught in TAUGHT.validate_python(lessons or []):
        lesson = Lesson.model_validate({"text": taught.text, "category": "review", "severity": taught.severity})
        why = f"a review found it and the work was mended: {taught.text[:80]}"
        context.crew.roadmap.learn(context.state.repository, lesson, [taught.path], learned_from, context.change(why))


def known_lessons(context: TurnContext, paths: Sequence[str]) -> tuple[str, ...]:
    """Return what earlier reviews taught about these files, the most frequent first."""
    found = context.crew.reader.lessons(context.thread.repository, list(paths), limit=SHOWN)
    return tuple(
        f"{', '.join(lesson.paths[:3])}: {lesson.text}" + (f" ({lesson.times} times)" if lesson.times > 1 else "")
        for lesson in found
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:LONGEST]
