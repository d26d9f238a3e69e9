"""The local forge tells a worker its news: the webhook is set by itself, once, and with the secret."""

import time
from pathlib import Path
from typing import Any

import pytest
import requests

from roadcrew.hearing import hearing_the_forge
from tests.e2e.conftest import new_repository
from tests.e2e.crewmates import crewmates
from tests.e2e.offices import Delivery, MakeOffice
from tests.e2e.plans import FIXTURE


@pytest.fixture
def delivery(office: MakeOffice, repository: Path) -> Delivery:
    """A delivery that has begun and that nobody works on."""
    made = office(crewmates()).file(repository)
    made.begin()
    return made


def ask(delivery: Delivery, method: str, route: str, body: object = None) -> Any:
    """Ask the forge as the person."""
    access = delivery.person().settings
    header = {"Authorization": f"Bearer {access.token.get_secret_value()}"}
    url = f"{access.api_url}/repos/{access.repository}{route}"
    answer = requests.request(method, url, json=body, headers=header, timeout=30)
    answer.raise_for_status()
    return answer.json()


def heard(delivery: Delivery) -> list[str]:
    """Return the kinds of letters that have come, waiting for the first."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if letters := delivery.office.crew.threads.unread(delivery.thread):
            return [letter.kind for letter in letters]
        time.sleep(0.05)
    return []


def test_comment_is_heard_without_a_poll(delivery: Delivery) -> None:
    with hearing_the_forge(delivery.office):
        ask(delivery, "POST", f"/issues/{delivery.number}/comments", {"body": "/roadcrew retry"})
        assert heard(delivery) == ["retry"]


def test_webhook_is_one_and_the_newest(delivery: Delivery) -> None:
    with hearing_the_forge(delivery.office) as tell:
        tell()
    with hearing_the_forge(delivery.office):
        (hook,) = ask(delivery, "GET", "/hooks")
        assert "issue_comment" in hook["events"]
        ask(delivery, "POST", f"/issues/{delivery.number}/comments", {"body": "/roadcrew retry"})
        assert heard(delivery) == ["retry"]


def test_repository_that_comes_later_is_told_too(delivery: Delivery, office: MakeOffice, tmp_path: Path) -> None:
    with hearing_the_forge(delivery.office) as tell:
        later = office(crewmates()).file(new_repository(tmp_path / f"later-{delivery.number}-{id(tell)}", FIXTURE))
        later.begin()
        assert ask(later, "GET", "/hooks") == []
        tell()
        assert len(ask(later, "GET", "/hooks")) == 1
