"""The lookout: finds the issues that were handed to the team while nobody listened, or where no webhook tells of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from agents.engine import Engine
from roadcrew.intake import Intake
from tools.codehost import CodeHost, CodeHostError, CodeHostUnavailable, Issue

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 20
"""Repositories that one look asks for; those left out come next."""
PATIENCE = 12
"""Looks at an issue whose label nobody is known to have set; a code host may tell that a moment later."""


class Lookout:
    """Asks repositories for open issues with the team's label that nobody works on, and starts those that may be.

    A repository in which nothing changed costs one conditional request a look.
    """

    def __init__(self, engine: Engine, named: Sequence[str] = ()) -> None:
        """Look at the repositories that were worked on before, and at those named."""
        self._crew = engine.crew
        self._intake = Intake(engine)
        self._named = tuple(named)
        self._looks = 0
        self._tags: dict[str, str] = {}
        self._judged: dict[tuple[str, int], datetime | None] = {}
        """When an issue that was not taken up had changed last: until it changes again there is nothing to judge."""
        self._asked: Counter[tuple[str, int]] = Counter()
        self._told: dict[str, str] = {}
        """What was last said of a repository that could not be asked."""

    def look(self) -> None:
        """Start what was handed over since; a repository that is gone or closed to us hides nothing of the others."""
        for repository in self._next_ones():
            try:
                self._look_at(repository)
                self._told.pop(repository, None)
            except CodeHostUnavailable as fault:
                logger.warning("new issues could not be looked for: %s", fault)
                return
            except CodeHostError as fault:
                level = logging.DEBUG if self._told.get(repository) == fault.message else logging.WARNING
                logger.log(level, "the code host tells no new issues of %s: %s", repository, fault)
                self._told[repository] = fault.message

    def _next_ones(self) -> list[str]:
        every = sorted({*self._named, *(thread.repository for thread in self._crew.threads.every())})
        start = self._looks * MOST_AT_ONCE % len(every) if len(every) > MOST_AT_ONCE else 0
        self._looks += 1
        return [*every[start:], *every[:start]][:MOST_AT_ONCE]

    def _look_at(self, repository: str) -> None:
        host, label = self._crew.desk(repository).host, self._crew.settings.label
        found = host.labelled(label, self._tags.get(repository, ""))
        if found is None:
            return
        known = {thread.issue for thread in self._crew.threads.every(repository) if thread.kind == "feature"}
        fresh = [issue for issue in found.issues if issue.number not in known]
        judged = [self._judge(host, repository, issue) for issue in fresh]
        if all(judged):
            self._tags[repository] = found.tag

    def _judge(self, host: CodeHost, repository: str, issue: Issue) -> bool:
        """Start an issue if whoever labelled it may hand it over; False when it has to be asked again who that was."""
        key, label = (repository, issue.number), self._crew.settings.label
        if key in self._judged and self._judged[key] == issue.updated_at:
            return True
        by = host.labelled_by(issue.number, label)
        if by is None:
            self._asked[key] += 1
            if self._asked[key] < PATIENCE:
                return False
            logger.warning(
                "nobody is known to have set %r on #%d of %s: set it anew, or say `/roadcrew plan` there",
                label,
                issue.number,
                repository,
            )
        del self._asked[key]
        if by is None or self._intake.issue(repository, issue.number, by) is None:
            self._judged[key] = issue.updated_at
        return True
