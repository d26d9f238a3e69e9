"""Playing the demo: each act on the workspace's real servers, then what it left."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

from agents.journal import journaled_calls
from devctl import ServeFailed
from local import Workspace, ensure_replay, stop
from local.transcript import TranscriptEntry, write_transcript
from roadcrew.assembly import Office, need_model, open_office
from roadcrew.command import note
from roadcrew.commands.run import deliver
from roadcrew.demo.acts import Act, lay_out
from roadcrew.errors import RoadcrewError
from roadcrew.placing import issue_of, person_host, place_of
from roadcrew.settings import Settings
from roadcrew.standing import Standing
from tools.completions import transcript_entry
from tools.model import ModelRequest
from tools.preparing import prepare_commit
from tools.research.settings import NO_RESEARCH
from tools.worktree import open_worktree

QUERY = (
    "MATCH (f:Feature)-[:HAS_TASK]->(t:Task) OPTIONAL MATCH (t)-[:DEPENDS_ON]->(d:Task) "
    "RETURN f.repository AS repository, t.key AS task, t.title AS title, t.assignee AS role, t.status AS status, "
    "collect(d.key) AS after ORDER BY repository, task"
)
PORT = 8000
"""Where a demo's page is asked for inside its environment."""
REQUIRED = ("roadcrew/tests", "roadcrew/review")


class Played(NamedTuple):
    """What an act left."""

    act: Act
    standing: Standing
    page: str


class DemoFailed(RoadcrewError):
    """An act did not end in a merged pull request."""


def play(settings: Settings, workspace: Workspace, act: Act, live: bool, record: Path | None) -> Played:
    """Deliver one act's issue; raises `DemoFailed` when it does not end merged."""
    with _office(settings, workspace, act, live) as office:
        folder = lay_out(act, workspace.path / "repositories")
        place = place_of(office, str(folder))
        if office.people is not None:
            person_host(office, place.repository).protect("main", REQUIRED, approvals=1)
        number = issue_of(office, place.repository, act.issue)
        note(f"\n{act.name}: {act.about}")
        note(f"  issue  {office.crew.desk(place.repository).host.issue(number).url}")
        standing = deliver(office, place.repository, number, yes=True, wait=False)
        if record is not None:
            _record(office, standing.id, record / act.name / "transcript.jsonl")
        if standing.verdict != "merged":
            failure = standing.failure
            raise DemoFailed(
                f"{act.name} did not end merged: {failure.message if failure else standing.waits_for or standing.status}",
                failure.hint if failure else "look into the workspace's logs",
            )
        page = _page(office, place.repository) if act.name == "blog" else ""
    return Played(act, standing, page)


@contextmanager
def _office(settings: Settings, workspace: Workspace, act: Act, live: bool) -> Iterator[Office]:
    """Open the office with the act's replay in the model's place, or with a real endpoint.

    Nothing outside is asked: a recording has to be played again where there is no network.
    """
    settings = settings.model_copy(update={"research": NO_RESEARCH})
    if live:
        need_model(settings)
        with open_office(settings, workspace) as office:
            yield office
        return
    stop(workspace, ["replay"])
    with open_office(settings, workspace, model_base_url=ensure_replay(workspace, act.transcript)) as office:
        yield office


def _record(office: Office, feature: str, target: Path) -> None:
    """Export the journal of a delivery as a transcript."""
    threads = [feature, *(child.id for child in office.crew.threads.children(feature))]
    entries = []
    for call in journaled_calls(office.crew.database, threads):
        request = ModelRequest.model_validate(call.model_dump(exclude={"reply"}))
        entries.append(without_home(transcript_entry(request, call.reply)))
    target.parent.mkdir(parents=True, exist_ok=True)
    write_transcript(target, entries)
    note(f"recorded {len(entries)} calls in {target}")


def without_home(entry: TranscriptEntry) -> TranscriptEntry:
    """Return an entry that does not name the home of whoever recorded it, where a Python may lie; a replay reads no paths."""
    return TranscriptEntry.model_validate_json(entry.model_dump_json().replace(f"{Path.home()}/", "/people/you/"))


def _page(office: Office, repository: str) -> str:
    """Serve the merged blog in an environment without network, ask for its front page, and return what came."""
    mirror = office.crew.desk(repository).mirror
    mirror.fetch()
    head = mirror.require("main")
    command = _start_command(mirror.read(head, "README.md").decode())
    launcher = office.crew.launcher
    prepared = prepare_commit(launcher, mirror, head, role="tester", repository=repository)
    with open_worktree(launcher, mirror, head, prepared=prepared, role="tester", repository=repository) as worktree:
        try:
            with (
                worktree.environment.serve(command, PORT) as served,
                urllib.request.urlopen(served.url, timeout=20) as answer,  # noqa: S310 - our own loopback address  # nosec B310 - our own loopback address
            ):
                body = answer.read().decode("utf-8", "replace")
                return f"GET / -> {answer.status}, {len(body)} characters: {' '.join(body.split())[:90]}"
        except (ServeFailed, URLError) as fault:
            raise DemoFailed(f"the merged blog does not answer: {fault}", f"it was started with {command}") from fault


def _start_command(readme: str) -> list[str]:
    """Return the command that the blog's own README says starts it, on our port."""
    for line in readme.splitlines():
        words = line.strip().strip("`$ ").split()
        if (
            len(words) >= 2
            and words[0] in ("python", "python3")
            and ("serve" in line or "blog" in line)
            and "test" not in line
        ):
            if "--port" in words:
                words[words.index("--port") + 1] = str(PORT)
            return words
    raise DemoFailed("the blog's README names no command that starts it", "it should have a line `python …`")
