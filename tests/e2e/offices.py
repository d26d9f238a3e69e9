"""An office for a test: the product as the commands build it, with the model's part played by a script."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from agents.engine import Engine
from agents.plays import PLAYS
from agents.threads import ENDED
from graph import Task
from local import Workspace
from roadcrew.approving import Approver
from roadcrew.assembly import Office, model_settings, open_office
from roadcrew.commands.run import deliver
from roadcrew.crewing import retry, working
from roadcrew.features import look_at
from roadcrew.jobs import WorkerSettings
from roadcrew.live import follow
from roadcrew.placing import Place, issue_of, person_host, place_of
from roadcrew.settings import Settings, Team
from roadcrew.standing import Standing
from tests.e2e.crewmates import Crewmates
from tools.codehost import CodeHost
from tools.model import ModelClient

QUICK = WorkerSettings(poll_seconds=0.3, tries=1, grace_seconds=60)
PATIENT = WorkerSettings(poll_seconds=0.3, grace_seconds=60)


@dataclass(frozen=True)
class Delivery:
    """One issue on its way."""

    office: Office
    place: Place
    number: int

    @property
    def thread(self) -> str:
        return f"{self.place.repository}/F-{self.number}"

    @property
    def host(self) -> CodeHost:
        return self.office.crew.desk(self.place.repository).host

    def begin(self) -> None:
        """Hand the issue to the team."""
        self.office.engine.start_feature(self.place.repository, self.number)

    def run(self, yes: bool = True) -> Standing:
        """Work until it ends or waits for somebody."""
        return deliver(self.office, self.place.repository, self.number, yes=yes, wait=False)

    def go_on(
        self, until: Callable[[Standing], bool] | None = None, yes: bool = True, settings: WorkerSettings = QUICK
    ) -> Standing:
        """Work until ``until`` says so, else until the delivery has ended or waits for more than a yes."""
        approver = Approver(self.office, self.thread)

        def ended(standing: Standing) -> bool:
            if standing.status in ("done", "stopped", "failed"):
                return True
            return standing.status == "waiting" and not (yes and approver.answer())

        with working(self.office, settings):
            return follow(self.look, until or ended)

    def retry(self) -> None:
        """Wake what stands still, as `roadcrew retry` does."""
        retry(self.office, self.thread)

    def person(self) -> CodeHost:
        """The code host as the person at the keyboard uses it."""
        return person_host(self.office, self.place.repository)

    def settle_children(self) -> None:
        """Have every task thread advanced now."""
        for child in self.office.crew.threads.children(self.thread):
            self.office.engine.advance(child.id)

    def look(self) -> Standing:
        return look_at(self.office, self.thread)

    def tasks(self) -> list[Task]:
        return sorted(self.office.crew.reader.tasks(self.thread), key=lambda task: task.key)

    def comments(self) -> list[str]:
        return [comment.body for comment in self.host.comments(self.number)]


@dataclass(frozen=True)
class TestOffice:
    """The office, and what makes deliveries in it."""

    __test__ = False

    office: Office
    mates: Crewmates

    def file(self, repository: Path, issue: str = "Compute averages\n\nOf the prices.") -> Delivery:
        """File an issue of a repository, as `roadcrew run` does."""
        place = place_of(self.office, str(repository))
        return Delivery(self.office, place, issue_of(self.office, place.repository, issue))


class MakeOffice(Protocol):
    def __call__(self, mates: Crewmates, **manners: Any) -> TestOffice: ...


@contextmanager
def open_test_office(
    settings: Settings, workspace: Workspace, mates: Crewmates, manners: dict[str, Any]
) -> Iterator[TestOffice]:
    """Open an office and stop, at its end, what is still under way, so that no other test meets it."""
    opencode = manners.pop("opencode", None)
    update = {"team": Team.model_validate(manners), "opencode": Path(opencode) if opencode else None}
    shaped = settings.model_copy(update=update)
    asking = model_settings(shaped, mates.base_url).model_copy(update={"backoff": 0.001})
    with (
        open_office(shaped, workspace, model_base_url=mates.base_url) as opened,
        ModelClient(asking) as model,
    ):
        crew = replace(opened.crew, model=model)
        office = replace(opened, crew=crew, engine=Engine(crew, opened.queue, PLAYS))
        yield TestOffice(office, mates)
        for thread in office.crew.threads.every():
            if thread.kind == "feature" and thread.status not in ENDED:
                office.engine.tell(thread.id, "stop", "stop:end", {})
                office.engine.advance(thread.id)
                for child in office.crew.threads.children(thread.id):
                    office.engine.advance(child.id)
