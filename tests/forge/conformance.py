"""Every answer and webhook of the forge's tests, held against GitHub's published description.

A pytest plugin: it gathers what the test processes checked and says at the end how much that was, and which routes
no test asked for. Without the description (`scripts/ci-services` fetches it) nothing is checked, and that is said.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from tests.forge.description import Description

PREFIX = "/api/v3"
SHOWN = 8
"""Routes that are named at the end; a part of the tests leaves most of them out."""
OLD_ROUTES = {
    "/repos/<owner>/<name>/contents": "/repos/{owner}/{repo}/contents/{path}",
    "/repos/<owner>/<name>/git/refs": "/repos/{owner}/{repo}/git/matching-refs/{ref}",
    "/repos/<owner>/<name>/git/refs/<path:ref>": "/repos/{owner}/{repo}/git/ref/{ref}",
    "/repos/<owner>/<name>/statuses/<path:ref>": "/repos/{owner}/{repo}/commits/{ref}/statuses",
}
"""Routes for reading that GitHub serves and no longer describes, with the described one that answers alike."""


class Tally(BaseModel):
    """What was checked."""

    answers: Counter[str] = Field(default_factory=Counter)
    """How many answers were valid, by `METHOD route status`."""
    webhooks: Counter[str] = Field(default_factory=Counter)
    """How many payloads were valid, by `event action`."""
    routes: set[str] = Field(default_factory=set)
    """All routes that the forge has, as `METHOD route`."""
    asked: set[str] = Field(default_factory=set)
    """Those that a test asked for."""
    problems: list[str] = Field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take over what another process checked."""
        self.answers += other.answers
        self.webhooks += other.webhooks
        self.routes |= other.routes
        self.asked |= other.asked
        self.problems += other.problems

    @property
    def unasked(self) -> list[str]:
        """The routes that no test asked for."""
        return sorted(self.routes - self.asked)

    def lines(self) -> list[str]:
        """The figures in words."""
        operations = {name.rpartition(" ")[0] for name in self.answers}
        wrong = f"{len(self.problems)} NOT VALID" if self.problems else "all valid"
        return [
            f"forge: {len(operations)} operations with {len(self.answers)} kinds of answer, {self.answers.total()} "
            f"answers and {self.webhooks.total()} webhooks ({len(self.webhooks)} kinds) against GitHub's "
            f"description: {wrong}",
            f"forge: {len(self.routes & self.asked)} of {len(self.routes)} routes were asked for"
            + (f"; not {', '.join(self.unasked[:SHOWN])}" if self.unasked else "")
            + (f" and {len(self.unasked) - SHOWN} more" if len(self.unasked) > SHOWN else ""),
        ]


TALLY = Tally()
"""What this process checked, and at the end what all did."""


def check_answer(github: Description, line: dict[str, Any], tally: Tally) -> None:
    """Count one recorded answer, or note why it is not valid."""
    rule, method, status = line["rule"], line["method"], line["status"]
    if rule is not None:
        tally.asked.add(f"{method} {rule}")
    if not line["path"].startswith(PREFIX) or method == "HEAD":
        return
    body = json.loads(line["body"]) if line["body"] else None
    if rule is None:
        route, problem = "(no route)", github.refusal(status, body)
    else:
        route = rule.removeprefix(PREFIX)
        described = OLD_ROUTES.get(route, route) if method == "GET" else route
        kind = line["type"] if body is not None or line["type"] != "application/json" else None
        problem = github.problem(method, described, status, kind, body)
    if problem:
        tally.problems.append(f"{method} {line['path']} answered {status}: {problem}")
    else:
        tally.answers[f"{method} {route} {status}"] += 1


def check_webhook(github: Description, event: str, payload: Any, tally: Tally) -> None:
    """Count one webhook, or note why it is not valid."""
    action = payload.get("action")
    problem = github.webhook_problem(event, action, payload)
    if problem:
        tally.problems.append(f"webhook {event} {action or ''}: {problem}")
    else:
        tally.webhooks[f"{event} {action or ''}".strip()] += 1


class Log:
    """What one forge recorded, read on from where the last look ended."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._position = 0

    def check(self, github: Description, tally: Tally) -> None:
        """Check all that is new."""
        with self._file.open() as file:
            file.seek(self._position)
            for text in iter(file.readline, ""):
                if not text.endswith("\n"):
                    return
                line = json.loads(text)
                if "routes" in line:
                    tally.routes.update(" ".join(pair) for pair in line["routes"])
                elif "locked" in line:
                    git = " ".join(part for part in line["locked"] if "=" not in part and part != "-c")
                    tally.problems.append(f"nobody else could write to the database during {git}")
                else:
                    check_answer(github, line, tally)
                self._position = file.tell()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's tally to the process that started it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["forge"] = TALLY.model_dump_json()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over a worker's tally."""
    text = getattr(node, "workeroutput", {}).get("forge")
    if text:
        TALLY.add(Tally.model_validate_json(text))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was checked."""
    if TALLY.routes and not TALLY.answers:
        terminalreporter.write_line("forge: answers were not held against GitHub's description, which is not here")
    elif TALLY.routes:
        for line in TALLY.lines():
            terminalreporter.write_line(line)
