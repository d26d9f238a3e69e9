"""What the Reviewer is shown of a change, as a whole or part by part."""

from __future__ import annotations

from agents.crew import TurnContext
from agents.documented_feature import DocumentedFeature
from agents.findings import Finding
from agents.plans import PlannedTask
from agents.review_parts import Part, by_file, of_files, reading_of
from agents.sign_off import by_function
from agents.surroundings import Neighbourhood
from agents.threads import Record
from prompts import render
from tools.lint import LintReport
from tools.model import Message

SINCE_LIMIT = 120_000
"""Characters that a prompt shows of what has changed since the round before; the change itself is shown whole."""


class Material(Record):
    """What the Reviewer looks at."""

    diff: str
    """All that is read of the change."""
    changed: frozenset[str] = frozenset()
    """All paths in which it differs from its base."""
    since_diff: str
    lint: LintReport
    certain: tuple[Finding, ...] = ()
    """What sends the change back whatever the model says: high findings of the linters, more than can be read."""
    around: Neighbourhood
    documented: DocumentedFeature | None = None
    """What a documentation task documents."""
    unread: tuple[str, ...] = ()
    """What of the change nobody reads, each with the reason."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The change as it is read; one part where it fits."""
        return reading_of(by_file(self.diff)).parts or (Part(text=self.diff, names=()),)

    @property
    def bare(self) -> Material:
        """The change itself, without what stands around it."""
        less = {"since_diff": "", "around": Neighbourhood(tree="", wishes=""), "documented": None}
        return self.model_copy(update=less)


def told(context: TurnContext, key: str) -> tuple[str, ...]:
    """Return a list of what the Tester told: tests that prove the change, or commands that ended well."""
    test = context.turn.payload.get("test")
    found = test.get(key) if isinstance(test, dict) else None
    return tuple(str(name) for name in found) if isinstance(found, list) else ()


def messages_for(
    context: TurnContext, planned: PlannedTask, seen: Material, earlier: list[Finding], part: Part | None
) -> tuple[Message, ...]:
    """Return the prompt on the whole change, or on one part of it."""
    test = context.turn.payload.get("test")
    test = test if isinstance(test, dict) else {}
    well, service = told(context, "commands"), planned.task.service
    since = seen.since_diff if part is None else of_files(seen.since_diff, part.names)
    task = render(
        "reviewer_task",
        task={
            "key": planned.key,
            "title": planned.task.title,
            "description": planned.task.description,
            "done_when": planned.task.done_when,
        },
        feature={"title": context.crew.reader.feature(context.feature).title},  # type: ignore[union-attr]  # recorded before any task runs
        round=context.turn.round,
        test_verdict=test.get("verdict", "not tested"),
        proven_by=by_function(told(context, "proven_by")),
        commands=[command for command in well if service is None or command != service.run],
        served=service.run if service is not None and service.run in well else "",
        skipped=test.get("skipped") or [],
        documented=seen.documented.model_dump() if seen.documented else None,
        documentation=test.get("documentation"),
        suite_tail=test.get("tail") or "",
        lint_verdict=seen.lint.verdict,
        lint_findings=seen.lint.text,
        open_findings="\n".join(_in_a_line(finding) for finding in earlier),
        since_diff=_beginning(since, SINCE_LIMIT),
        diff=seen.diff if part is None else part.text,
        part=None if part is None else _about(part, seen),
        tree=seen.around.tree,
        wishes=seen.around.wishes,
    )
    system = render("reviewer_system", later_round=bool(earlier))
    return (Message(role="system", content=system), Message(role="user", content=task))


def _in_a_line(finding: Finding) -> str:
    return f"- {finding.id} ({finding.severity}) {finding.path}: {finding.title}. {finding.failure}"


def _about(part: Part, seen: Material) -> dict[str, str]:
    """What one part holds, and what the others hold or nobody reads."""
    others = sorted(seen.changed - set(part.names))
    return {
        "names": "\n".join(part.names),
        "others": "\n".join(others) or "(further pieces of the same files)",
        "unread": "\n".join(seen.unread),
    }


def _beginning(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}\n[… cut here; the change itself is shown whole]"
