"""The server behind the webhook's route: it ends while it is asked, and breaks nothing then."""

import http.client
import logging
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from roadcrew.intake import Intake
from roadcrew.webhooks import WebhookServer
from tests.e2e.crewmates import crewmates
from tests.e2e.offices import MakeOffice

ROUNDS = 20
CALLERS = 3


def ask_until_it_ends(url: str, answered: threading.Event) -> None:
    """Ask for its health, five times over each connection, until nobody answers."""
    parts = urlsplit(url)
    while True:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        try:
            for _ in range(5):
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                answered.set()
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()


def test_a_server_that_ends_while_it_is_asked_ends_without_a_fault(
    office: MakeOffice, repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault in a thread of the server would fail the test as a warning."""
    working = office(crewmates()).file(repository).office
    for _ in range(ROUNDS):
        with WebhookServer("secret", Intake(working.engine), working.crew.threads) as server:
            answered = [threading.Event() for _ in range(CALLERS)]
            callers = [threading.Thread(target=ask_until_it_ends, args=(server.url, each)) for each in answered]
            for caller in callers:
                caller.start()
            assert all(each.wait(30) for each in answered)
        for caller in callers:
            caller.join(30)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
