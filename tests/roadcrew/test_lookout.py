"""Issues that were labelled while nobody listened: they are found, judged as the webhook judges them, and cheap to look for."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from agents.ids import feature_of
from local import Workspace
from roadcrew.edges import CodeHostEnd
from roadcrew.intake import Intake
from roadcrew.lookout import PATIENCE, Lookout
from roadcrew.placing import watched
from roadcrew.settings import Settings, read_settings
from tests.conftest import clean_environment, running_workspace
from tests.e2e.conftest import git
from tests.e2e.crewmates import crewmates
from tests.e2e.offices import Delivery, MakeOffice
from tests.roadcrew.test_intake import stranger
from tools.codehost import CodeHost


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    """A workspace of these tests alone: a look asks for all repositories that were ever worked on in it, 20 at once."""
    with running_workspace() as workspace:
        yield workspace


@pytest.fixture(scope="module")
def settings(workspace: Workspace) -> Settings:
    return read_settings(workspace=workspace.path, folder=workspace.path, environment=clean_environment())


@pytest.fixture
def delivery(office: MakeOffice, repository: Path) -> Delivery:
    """An issue that its owner filed with our label, and of which nobody told the team."""
    return office(crewmates()).file(repository)


def lookout(delivery: Delivery) -> Lookout:
    return Lookout(delivery.office.engine, [delivery.place.repository])


def taken_up(delivery: Delivery) -> list[int]:
    """Return the issues of the repository that the team works on."""
    return sorted(thread.issue for thread in delivery.office.crew.threads.every(delivery.place.repository))


def ask(host: CodeHost, method: str, route: str, body: object = None) -> Any:
    """Ask the forge as whoever this host belongs to."""
    header = {"Authorization": f"Bearer {host.settings.token.get_secret_value()}"}
    url = f"{host.settings.api_url}{route}"
    answer = requests.request(method, url, json=body, headers=header, timeout=30)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def spent(delivery: Delivery) -> int:
    """Return how many requests the team has made, as the forge counts them."""
    return int(ask(delivery.host, "GET", "/rate_limit")["resources"]["core"]["used"])


def triager(delivery: Delivery) -> CodeHost:
    """Somebody who may label here and not write."""
    host, repository = stranger(delivery), delivery.place.repository
    ask(delivery.person(), "PUT", f"/repos/{repository}/collaborators/{host.viewer()}", {"permission": "triage"})
    return host


def refusals(delivery: Delivery, who: str, number: int) -> int:
    rows = delivery.office.crew.audit.of([feature_of(delivery.place.repository, number)])
    return sum(row.who == who and row.tool == "label" and row.decision == "denied" for row in rows)


def test_issue_labelled_while_nobody_listened_is_taken_up(delivery: Delivery) -> None:
    bare = delivery.person().create_issue("Not ours", "It has no label.")
    closed = delivery.person().create_issue("Closed", "It is over.", labels=["roadcrew"])
    delivery.person().close_issue(closed.number)
    later = delivery.person().create_issue("Labelled later", "By hand.", labels=["bug"])
    delivery.person().add_labels(later.number, "roadcrew")
    look = lookout(delivery)
    for _ in range(2):
        look.look()
    assert taken_up(delivery) == [delivery.number, later.number]
    assert bare.number not in taken_up(delivery)


def test_repository_that_was_worked_on_before_needs_no_name(delivery: Delivery) -> None:
    delivery.begin()
    second = delivery.person().create_issue("Second", "While the worker was stopped.", labels=["roadcrew"])
    Lookout(delivery.office.engine).look()
    assert taken_up(delivery) == [delivery.number, second.number]


def test_look_asks_for_the_list_of_issues_and_not_for_each(delivery: Delivery) -> None:
    for number in range(3):
        delivery.person().create_issue(f"Issue {number}", "More.", labels=["roadcrew"])
    before = spent(delivery)
    found = delivery.host.labelled("roadcrew")
    assert found is not None and len(found.issues) == 4
    assert spent(delivery) == before + 1


def test_look_at_what_has_not_changed_is_free(delivery: Delivery) -> None:
    look = lookout(delivery)
    look.look()
    look.look()
    before = spent(delivery)
    for _ in range(5):
        look.look()
    assert spent(delivery) == before


def test_label_of_somebody_without_write_permission_is_audited_once_and_asked_about_once(delivery: Delivery) -> None:
    person, other = delivery.person(), triager(delivery)
    issue = person.create_issue("Do my bidding", "Please.")
    other.add_labels(issue.number, "roadcrew")
    look = lookout(delivery)
    look.look()
    assert refusals(delivery, other.viewer(), issue.number) == 1
    person.upsert_comment(delivery.number, "<!-- roadcrew:said:x -->", "a change elsewhere makes the list new")
    before = spent(delivery)
    look.look()
    assert spent(delivery) == before + 1
    lookout(delivery).look()
    assert refusals(delivery, other.viewer(), issue.number) == 1
    assert taken_up(delivery) == [delivery.number]


def test_last_one_to_set_the_label_counts(delivery: Delivery) -> None:
    person, other = delivery.person(), triager(delivery)
    issue = person.create_issue("Asked for twice", "Please.")
    other.add_labels(issue.number, "roadcrew")
    look = lookout(delivery)
    look.look()
    assert taken_up(delivery) == [delivery.number]
    judged = person.issue(issue.number).updated_at
    while person.issue(issue.number).updated_at == judged:  # the forge's clock, like GitHub's, counts seconds
        time.sleep(0.2)
        person.remove_label(issue.number, "roadcrew")
        person.add_labels(issue.number, "roadcrew")
    look.look()
    assert taken_up(delivery) == [delivery.number, issue.number]


def test_both_ways_of_hearing_begin_one_delivery(delivery: Delivery) -> None:
    Intake(delivery.office.engine).issue(delivery.place.repository, delivery.number, "you")
    lookout(delivery).look()
    assert taken_up(delivery) == [delivery.number]


def test_label_that_nobody_is_known_to_have_set_is_given_up(
    delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    look, label = lookout(delivery), delivery.office.crew.settings.label
    found = delivery.host.labelled(label)
    assert found is not None
    unknown = found.issues[0].model_copy(update={"number": delivery.number + 1})
    made = delivery.person().create_issue("No label event", "As after a transfer.")
    assert made.number == unknown.number
    judged = [look._judge(delivery.host, delivery.place.repository, unknown) for _ in range(PATIENCE + 1)]
    assert judged == [False] * (PATIENCE - 1) + [True, True]
    assert caplog.text.count("nobody is known to have set") == 1


def test_repository_that_is_gone_hides_nothing_and_is_lamented_once(
    delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    look = Lookout(delivery.office.engine, ["a/gone", delivery.place.repository])
    for _ in range(3):
        look.look()
    assert taken_up(delivery) == [delivery.number]
    assert caplog.text.count("tells no new issues of a/gone") == 1


def test_many_repositories_take_turns(delivery: Delivery) -> None:
    named = [f"a/gone-{number}" for number in range(45)]
    look = Lookout(delivery.office.engine, named)
    asked = [look._next_ones() for _ in range(4)]
    assert all(len(each) == 20 for each in asked)
    assert {name for each in asked for name in each} >= set(named)


def test_worker_watches_what_the_settings_name_and_where_it_was_started(
    delivery: Delivery, repository: Path, tmp_path: Path
) -> None:
    office, end = delivery.office, CodeHostEnd("https://api.github.com", "token", is_local=False)
    access = office.settings.code_host.model_copy(update={"repositories": ("a/b",)})
    git(repository, "remote", "add", "origin", "git@github.com:owner/name.git")
    seen = {
        folder: watched(
            replace(
                office,
                host=end,
                settings=office.settings.model_copy(update={"code_host": access, "repository": folder}),
            )
        )
        for folder in (repository, tmp_path, None)
    }
    assert seen == {repository: ("a/b", "owner/name"), tmp_path: ("a/b",), None: ("a/b",)}
