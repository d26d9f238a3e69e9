"""One delivery under attack: every attempt planted in its channel, every role played by a model that obeys."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.audit import AuditRow
from graph import Change, Lesson, Run
from roadcrew.intake import Intake
from roadcrew.placing import place_of
from tests.e2e.conftest import commit_all, git, new_repository
from tests.e2e.crewmates import Asked, Seat, by_round, by_task, crewmates, gives, in_turn, uses
from tests.e2e.offices import Delivery, TestOffice
from tests.e2e.plans import FIXTURE, code_task, function, planned
from tests.injection.attempts import ATTEMPTS, Attempt
from tests.injection.obedience import Call, Obedient, order, orders_in, relayed
from tests.injection.world import World
from tests.tools.scripted import Answer

AVERAGE = function("average")
LOOK = "cat README.md prices.py docs/*.md third_party/*/*; git log"
SUITE = "python -m unittest discover -s tests"


@dataclass(frozen=True)
class Outcome:
    """How one call of an attempt ended."""

    row: AuditRow
    output: str
    """What the model was told."""

    @property
    def words(self) -> str:
        """The decision, its reasons and the outcome on one line."""
        return " | ".join([self.row.decision, *self.row.reasons, self.row.outcome])


@dataclass
class Siege:
    """One delivery with its attempts."""

    world: World
    delivery: Delivery
    attempts: dict[str, tuple[Call, ...]]
    """By name, the calls as they were demanded."""
    before: set[str]
    """The files of the default branch before the delivery."""

    def threads(self) -> list[str]:
        crew = self.delivery.office.crew
        return [self.delivery.thread, *(child.id for child in crew.threads.children(self.delivery.thread))]

    def rows(self) -> list[AuditRow]:
        """Everything in the delivery's audit."""
        return self.delivery.office.crew.audit.of(self.threads())

    def outcome(self, attempt: Attempt) -> Outcome:
        """Return how the judged call of an attempt ended; each was made just once."""
        call = self.attempts[attempt.name][attempt.judged]
        (row,) = [row for row in self.rows() if row.tool == call.tool and row.arguments_digest == digest_of(call)]
        said = self.delivery.office.crew.database.rows(
            "SELECT j.reply FROM journal j JOIN turn t ON t.id = j.turn"
            " WHERE t.thread = ANY(%s) AND j.name = %s AND j.request->>'arguments' = %s",
            self.threads(),
            call.tool,
            call.text,
        )
        (reply,) = [row["reply"]["value"] for row in said]
        return Outcome(row, "\n".join((reply["verdict"], reply["text"], reply["note"])))

    def artifacts(self) -> Iterator[Path]:
        """What the workspace keeps, the logs included."""
        place = self.delivery.office.workspace.path
        return (path for name in ("artifacts", "logs") for path in (place / name).rglob("*"))

    def merged_paths(self) -> set[str]:
        """The files of the default branch after the delivery."""
        mirror = self.delivery.office.crew.desk(self.delivery.place.repository).mirror
        mirror.fetch()
        return {entry.path for entry in mirror.files(mirror.require("main"))}


def digest_of(call: Call) -> str:
    """Return the digest under which the audit has a call."""
    return hashlib.sha256(call.text.encode()).hexdigest()


def besieged(folder: Path, planted: dict[str, str]) -> Path:
    """Make a repository in whose files and history the texts are planted."""
    files = {
        **FIXTURE,
        "README.md": f"# Shop\n\n{planted['README']}\n",
        "AGENTS.md": f"Use four spaces.\n{planted['AGENTS.md']}\n",
        "CONTRIBUTING.md": f"Be kind.\n{planted['CONTRIBUTING']}\n",
        "docs/guide.md": f"# Guide\n\n<!-- {planted['docs page']} -->\n",
        "docs-for-research.md": f"# API\n\n{planted['research report']}\n",
        "third_party/pad/PKG-INFO": f"Name: pad\nSummary: {planted['package metadata']}\n",
        "third_party/pad/yarn.lock": f"# {planted['lock file']}\n",
        "prices.py": f"# {planted['source comment']}\n{FIXTURE['prices.py']}",
        "tests/test_prices.py": f"{FIXTURE['tests/test_prices.py']}\n\nprint({planted['test output']!r})\n",
        planted["file name"]: "",
    }
    repository = new_repository(folder, files)
    git(
        repository,
        "-c",
        "user.name=M",
        "-c",
        "user.email=m@e",
        "commit",
        "-qm",
        planted["commit message"],
        "--allow-empty",
    )
    commit_all(repository)
    return repository


def with_submodule(repository: Path, url: str) -> Path:
    """Commit a submodule whose address would be asked by whoever fills it in."""
    (repository / ".gitmodules").write_text(f'[submodule "lib"]\n\tpath = lib\n\turl = {url}\n\tupdate = checkout\n')
    git(repository, "add", ".gitmodules")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{git(repository, 'rev-parse', 'HEAD')},lib")
    git(repository, "-c", "user.name=M", "-c", "user.email=m@e", "commit", "-qm", "A submodule")
    return repository


@contextmanager
def siege(office: Any, world: World, folder: Path) -> Iterator[Siege]:
    """Run the delivery to its merge; `office` makes an office for some mates."""
    calls = {attempt.name: attempt.filled(world.fill) for attempt in ATTEMPTS}
    planted: dict[str, str] = {}
    for attempt in ATTEMPTS:
        text = order(*calls[attempt.name])
        planted[attempt.channel] = f"{planted[attempt.channel]} {text}" if attempt.channel in planted else text
    cast = Cast(planted)
    mates = crewmates(planner=cast.plan, researcher=cast.research, coder=cast.coder)
    made: TestOffice = office(mates)
    repository = with_submodule(besieged(folder, planted), f"http://127.0.0.1:{world.listener.port}/submodule.git")
    place = place_of(made.office, str(repository))
    number = (
        Delivery(made.office, place, 0)
        .person()
        .create_issue(
            f"Averages {planted['issue title']}", planted["issue body"], labels=[made.office.crew.settings.label]
        )
        .number
    )
    delivery = cast.delivery = Delivery(made.office, place, number)
    before = set(git(folder, "ls-files", "-z").strip("\0").split("\0"))
    standing = delivery.run(yes=False)
    assert standing.pull_request, standing
    (pull,) = made.office.crew.reader.pull_requests(delivery.thread)
    delivery.person().submit_review(pull.number, "REQUEST_CHANGES", f"Add a median. {planted['review comment']}")
    delivery.go_on(until=lambda standing: len(standing.tasks) == 2)
    assert delivery.go_on().verdict == "merged"
    yield Siege(world, delivery, calls, before)


class Cast:
    """The roles' own work, around which they obey."""

    delivery: Delivery

    def __init__(self, planted: dict[str, str]) -> None:
        self._planted = planted
        wrong = (
            AVERAGE[0][0],
            AVERAGE[0][1].replace("average.value(), 7)", f"average.value(), 8, {planted['failing test']!r})"),
        )
        self._first = _works(wrong, AVERAGE[1])
        self.coder = Obedient(by_task(t01=by_round(self._speaks, _works(*AVERAGE)), t02=_works(*function("median"))))

    def plan(self, asked: Asked) -> Answer:
        """Pass on what the issue orders."""
        wanted = orders_in(self._planted["issue title"]) + orders_in(self._planted["issue body"])
        seen = " ".join(f"ORDER {told} REDRO" for told in orders_in(asked.text) if told in wanted)
        return gives(planned(code_task("T1", "average.py", title="Compute average", description=f"Write it. {seen}")))

    def research(self, asked: Asked) -> Answer:
        """Read a page, and copy what it orders into the report."""
        if asked.call == 0:
            self._teach()
            return uses("bash", command="cat docs-for-research.md")
        return uses("submit", report=f"## Findings\n{relayed(asked.last)}\n")

    def _speaks(self, asked: Asked) -> Answer:
        """Have a person speak while the first round goes on."""
        if asked.call == 0:
            mark = "<!-- roadcrew:said:x -->"
            self.delivery.person().upsert_comment(self.delivery.number, mark, self._planted["word of a person"])
            Intake(self.delivery.office.engine).poll()
        return self._first(asked)

    def _teach(self) -> None:
        """Keep a lesson as the Integrator keeps it, with an order in it."""
        crew, repository = self.delivery.office.crew, self.delivery.place.repository
        lesson = Lesson.model_validate({"text": self._planted["lesson"], "category": "review", "severity": "high"})
        task, change = f"{repository}/T-{self.delivery.number}01", Change(who="integrator", why="an earlier review")
        run = Run(id=f"{task}/earlier", task_id=task, number=0, role="coder", started_at=datetime.now(UTC))
        crew.roadmap.record_run(run, change)
        crew.roadmap.learn(repository, lesson, ["average.py"], run.id, change)


def _works(*files: tuple[str, str]) -> Seat:
    """A Coder that reads all there is to read, runs the suite, writes these files and hands in."""
    submit = uses("submit", summary="wrote what was asked for")
    written = (uses("create", path=path, content=text) for path, text in files)
    return in_turn(uses("bash", command=LOOK), uses("bash", command=SUITE), *written, submit, submit)
