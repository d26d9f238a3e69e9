"""The demo's library act on servers of its own, worked by processes that can be killed.

Used by `bench/crash.py` and by the end-to-end tests: the model's side is replayed, everything else is real.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from agents.journal import journaled_calls
from local import ensure_replay, open_workspace, using
from roadcrew.approving import Approver
from roadcrew.assembly import Office, open_office
from roadcrew.demo.acts import Act, acts, lay_out
from roadcrew.demo.show import REQUIRED
from roadcrew.edges import graph_ends
from roadcrew.placing import issue_of, person_host, place_of
from roadcrew.settings import Settings
from roadcrew.standing import standing_of

ROOT = Path(__file__).resolve().parent.parent
HEARTBEAT = "0.5"
"""Seconds; a dead worker is noticed after four of them."""
GRAPH_QUERY = (
    "MATCH (f:Feature)-[:HAS_TASK]->(t:Task) OPTIONAL MATCH (t)-[:DEPENDS_ON]->(d:Task) "
    "OPTIONAL MATCH (f)-[:DELIVERED_BY]->(p:PullRequest) "
    "RETURN f.key AS feature, f.status AS feature_status, t.key AS task, t.title AS title, t.status AS status, "
    "t.assignee AS role, collect(DISTINCT d.key) AS after, collect(DISTINCT p.state) AS pulls ORDER BY task"
)


class Outcome(NamedTuple):
    """What a delivery left, without ids and times."""

    graph: tuple[tuple[Any, ...], ...]
    branches: int
    kickoff_comments: int
    pull_requests: int
    tree: str
    """Git's id of the tree that was merged."""
    feature_commits: tuple[str, ...]
    """Subjects of the feature branch's commits, sorted: of two parallel tasks either may be merged first."""
    lost_calls: int
    """Answers of the model beyond the first for the same call."""


class StandsStill(Exception):
    """The delivery waits for a person; the message is the failure's."""


class ReplayedDelivery:
    """One delivery of the library act; a context manager that stops its servers at its end."""

    def __init__(self, folder: Path, environments: Path, transcript: Path | None = None) -> None:
        self._act = next(act for act in acts() if act.name == "library")
        if transcript is not None:
            self._act = Act.model_validate(self._act.model_dump() | {"transcript": transcript})
        self.folder = folder
        self.environments = environments
        self._stack = ExitStack()
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        settings = Settings(workspace=self.folder / "w", environments_folder=self.environments)
        workspace = open_workspace(settings.workspace)
        self._stack.enter_context(using(workspace))
        self.replay = ensure_replay(workspace, self._act.transcript)
        self.office: Office = self._stack.enter_context(open_office(settings, workspace, model_base_url=self.replay))
        place = place_of(self.office, str(lay_out(self._act, self.folder / "repositories")))
        self.repository = place.repository
        person_host(self.office, self.repository).protect("main", REQUIRED, approvals=1)
        self.issue = issue_of(self.office, self.repository, self._act.issue)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            self.kill(process)
        self._stack.close()

    def start(self) -> str:
        """Hand the issue to the team; return the thread."""
        self.thread = self.office.engine.start_feature(self.repository, self.issue)
        return self.thread

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a worker."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
        return kept | {
            "PYTHONPATH": str(ROOT),
            "OPENAI_BASE_URL": self.replay,
            "OPENAI_API_KEY": "replay",
            "ROADCREW_MODEL": "recorded",
            "ROADCREW_SEARCH_URL": "",  # the recording asked nothing outside
            "ROADCREW_OSV_URL": "",
            "ROADCREW_PYPI_URL": "",
            "ROADCREW_NPM_URL": "",
            "ROADCREW_GO_URL": "",
            "DEVCTL_FOLDER": str(self.environments),
            **more,
        }

    def worker(self, *arguments: str, workspace: Path | None = None, **more: str) -> subprocess.Popen[bytes]:
        """Start a worker process."""
        command = [sys.executable, "-P", "-m", "roadcrew.cli", "-v", "--workspace"]
        command += [str(workspace or self.office.settings.workspace), "worker", "--heartbeat", HEARTBEAT, *arguments]
        log = (self.folder / f"worker-{len(self._processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                command,
                env=self.environment(**more),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a worker and everything that it started, at once."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def rows(self) -> int:
        """Return how many writes the journal has seen: intents and replies."""
        found = self.office.crew.database.rows("SELECT count(*) + count(reply) AS rows FROM journal")
        return int(found[0]["rows"])

    def running(self) -> list[str]:
        """Return the keys of the turns at work that have written to their journal, `feature/task/role/round`."""
        query = "SELECT key FROM turn WHERE status = 'running' AND id IN (SELECT turn FROM journal) ORDER BY id"
        return [str(row["key"]) for row in self.office.crew.database.rows(query)]

    def holders(self) -> dict[str, set[int]]:
        """Return the ids of the processes that held the turns last, by role."""
        found: dict[str, set[int]] = {}
        for row in self.office.crew.database.rows("SELECT role, holder FROM turn WHERE holder IS NOT NULL"):
            found.setdefault(str(row["role"]), set()).add(int(row["holder"].rpartition(":")[2]))
        return found

    def shared_servers(self) -> dict[str, str]:
        """Return the environment of a worker elsewhere: the servers' addresses and the team's token, no folder."""
        office = self.office
        ends = graph_ends(office.settings, office.workspace)
        assert office.people is not None  # noqa: S101 - the office was opened on the local forge
        return {
            "DATABASE_URL": office.url,
            "NEO4J_URI": ends.writer.uri,
            "NEO4J_USER": ends.writer.user,
            "NEO4J_PASSWORD": ends.writer.password,
            "NEO4J_DATABASE": ends.writer.database or "neo4j",
            "NEO4J_READER_USER": ends.reader.user,
            "NEO4J_READER_PASSWORD": ends.reader.password,
            "GITHUB_API_URL": office.host.api_url,
            "GITHUB_TOKEN": office.people.team().token.get_secret_value(),
            "ROADCREW_ARTIFACTS": (office.workspace.path / "artifacts").as_uri(),
        }

    def wait(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Wait for the end, approving what waits; True when merged, False when ``until`` said so first.

        Raises `StandsStill` when only a person could help.
        """
        approver, deadline, look = Approver(self.office, self.thread), time.monotonic() + seconds, 0.0
        while time.monotonic() < deadline:
            if until is not None and until():
                return False
            if time.monotonic() < look:
                time.sleep(0.005 if until is not None else 0.05)
                continue
            look = time.monotonic() + 0.2
            state = self.office.crew.threads.get(self.thread)
            if state is not None and state.status == "done":
                return True
            if state is not None and (standing := standing_of(self.office.crew, state)).status in ("waiting", "failed"):
                if standing.status == "failed":
                    raise StandsStill(str(standing.failure))
                approver.answer()
        raise AssertionError(f"the delivery did not end in {seconds} s; see {self.folder}/worker-*.log")

    def outcome(self) -> Outcome:
        """Return what the delivery left."""
        host, mirror = self.office.crew.desk(self.repository).host, self.office.crew.desk(self.repository).mirror
        mirror.fetch("*")  # a branch too many must not stay unseen
        branch = mirror.require(f"feature/F-{self.issue}")
        comments = [comment for comment in host.comments(self.issue) if "roadcrew:kickoff" in comment.body]
        rows = self.office.crew.reader.query(GRAPH_QUERY).rows
        return Outcome(
            graph=tuple(tuple(_steady(value) for value in row) for row in rows),
            branches=len([name for name in mirror.branches() if name != "main"]),
            kickoff_comments=len(comments),
            pull_requests=len(self.office.crew.reader.pull_requests(self.thread)),
            tree=mirror.tree_of(mirror.require("main")),
            feature_commits=tuple(sorted(commit.message.partition("\n")[0] for commit in mirror.log(branch))),
            lost_calls=sum(count - 1 for count in self.served().values()),
        )

    def served(self) -> dict[str, int]:
        """Return how often the replay answered each call, by the call's turn header."""
        with urllib.request.urlopen(self.replay.removesuffix("/v1") + "/replay/report", timeout=10) as answer:  # noqa: S310 - loopback
            served = json.load(answer)["served"]
        return {str(turn): int(count) for turn, count in served.items()}

    def journaled(self) -> set[str]:
        """Return the calls whose replies the journal holds, by their turn headers."""
        children = [child.id for child in self.office.crew.threads.children(self.thread)]
        return {call.turn for call in journaled_calls(self.office.crew.database, [self.thread, *children])}


def _steady(value: object) -> str:
    """Return a cell of the graph as text; collections come in no order."""
    return json.dumps(sorted(value) if isinstance(value, list) else value)


UNWANTED = ("OPENAI_", "GITHUB_", "NEO4J_", "OPA_", "DATABASE_URL", "ROADCREW_", "DEVCTL_")
