"""Stopping a delivery: it is carried through, also where the code host is away for a moment or for good."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from agents.crew import Desk
from agents.engine import Engine
from agents.plays import PLAYS
from tests.e2e.crewmates import crewmates
from tests.e2e.offices import Delivery, MakeOffice
from tools.codehost import CodeHost, CodeHostSettings, CodeHostUnavailable


@pytest.fixture
def delivery(office: MakeOffice, repository: Path) -> Delivery:
    """A delivery that has begun, and that nobody works on."""
    filed = office(crewmates()).file(repository)
    filed.begin()
    filed.office.engine.advance(filed.thread)
    return filed


def speaking_to(delivery: Delivery, **changes: object) -> Engine:
    """Return an engine like the delivery's own, for which the code host is another."""
    own = delivery.office.crew.desk(delivery.place.repository)
    settings = CodeHostSettings.model_validate({**own.host.settings.model_dump(), "max_retries": 0, **changes})
    desk = Desk(host=CodeHost(settings), mirror=own.mirror)
    return Engine(replace(delivery.office.crew, desk=lambda _: desk), delivery.office.queue, PLAYS)


def test_a_stop_while_the_code_host_is_away_is_told_when_it_is_back(delivery: Delivery) -> None:
    threads = delivery.office.crew.threads
    delivery.office.engine.tell(delivery.thread, "stop", "stop:1", {"by": "you"})
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = speaking_to(delivery, api_url=f"http://127.0.0.1:{nobody.getsockname()[1]}/api/v3", viewer="roadcrew")
        with pytest.raises(CodeHostUnavailable):
            away.advance(delivery.thread, last_try=False)
    delivery.office.engine.advance(delivery.thread)
    assert "is stopped" in delivery.comments()[-1]
    assert delivery.look().status == "stopped"
    assert threads.unread(delivery.thread) == []
    assert {turn.status for turn in delivery.office.crew.turns.of([delivery.thread])} == {"cancelled"}


def test_a_delivery_whose_repository_is_gone_can_be_stopped(delivery: Delivery) -> None:
    delivery.office.engine.tell(delivery.thread, "stop", "stop:1", {"by": "you"})
    speaking_to(delivery, repository="you/gone").advance(delivery.thread)
    assert delivery.look().status == "stopped"
