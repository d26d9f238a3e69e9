"""Hearing the local forge: a worker of the workspace has every event sent to itself, and polls only for what it missed."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from roadcrew.assembly import Office
from roadcrew.intake import Intake
from roadcrew.placing import person_host
from roadcrew.webhooks import PATH, WebhookServer
from tools.codehost import CodeHostError

logger = logging.getLogger(__name__)

EVENTS = ("issues", "issue_comment", "pull_request", "pull_request_review", "pull_request_review_comment", "status")
FORMER = re.compile(rf"http://127\.0\.0\.1:\d+{re.escape(PATH)}")
"""Where a worker of this machine heard, or hears: the one that came last is told."""


@contextmanager
def hearing_the_forge(office: Office) -> Iterator[Callable[[], None]]:
    """Serve the webhook's end until the block ends; yields what sets the webhook of each repository that has none yet."""
    secret = office.workspace.secret("webhook")
    with WebhookServer(secret, Intake(office.engine), office.crew.threads) as server:
        told: set[str] = set()

        def tell() -> None:
            for repository in sorted({thread.repository for thread in office.crew.threads.every()} - told):
                _tell(office, repository, server.url, secret)
                told.add(repository)

        tell()
        yield tell


def _tell(office: Office, repository: str, url: str, secret: str) -> None:
    """Set one repository's webhook; where the forge refuses it, news are heard by polling alone."""
    try:
        person_host(office, repository).ensure_webhook(url, secret, EVENTS, replaces=FORMER)
    except CodeHostError as fault:
        logger.warning("the webhook of %s is not set, its news are asked for only: %s", repository, fault.message)
