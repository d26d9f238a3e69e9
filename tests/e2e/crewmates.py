"""A scripted model endpoint whose replies are chosen by who asks: one function for each role."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.tools.scripted import Answer, says


@dataclass(frozen=True)
class Asked:
    """One request, with what its header says of who asks."""

    feature: str
    task: str
    role: str
    round: int
    call: int
    """Number of the model's replies in this conversation so far."""
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All that the model is told, as one text."""
        return "\n".join(str(message.get("content") or "") for message in self.body["messages"])

    @property
    def last(self) -> str:
        """The newest message."""
        return str(self.body["messages"][-1].get("content") or "")


Seat = Callable[[Asked], Answer]


def uses(name: str, /, **arguments: Any) -> Answer:
    """A reply with one tool call."""
    return says("next", calls=[(name, json.dumps(arguments))])


def gives(value: object) -> Answer:
    """A structured reply."""
    return says(json.dumps(value))


def in_turn(*answers: Answer) -> Seat:
    """Give these answers one after the other in each conversation, the last one for ever."""
    return lambda asked: answers[min(asked.call, len(answers) - 1)]


def by_round(*seats: Seat) -> Seat:
    """Play another seat in each round, the last one for ever."""
    return lambda asked: seats[min(asked.round, len(seats)) - 1](asked)


def by_task(**seats: Seat) -> Seat:
    """Play another seat for each task, named by the two last digits of its key: `t01`."""
    return lambda asked: seats[f"t{asked.task[-2:]}"](asked)


def writes(*files: tuple[str, str]) -> Seat:
    """A Coder that writes these files, runs the suite and hands in."""
    submit = uses("submit", summary="wrote what was asked for")
    run = uses("bash", command="python -m unittest discover -s tests")
    return in_turn(*(uses("create", path=path, content=text) for path, text in files), run, submit, submit)


REPORT = "## Findings\n- none: the repository is small\n\n## Pitfalls\nNone found.\n\n## Not looked into\n"


def signs_off(asked: Asked, *resolved: str) -> Answer:
    """A Reviewer's sign-off: each point of the task with a changed line, and these findings resolved."""
    task = next(str(one["content"]) for one in asked.body["messages"] if one["role"] == "user")
    points = re.findall(r"^(\d+)\. ", task.partition("Done when:\n")[2].partition("\nFeature: ")[0], re.MULTILINE)
    lines = re.findall(
        r"^[+-](?![+-]{2}).*\w{3}.*$", task.rpartition("The whole change against its base:")[2], re.MULTILINE
    )
    return gives(
        {
            "summary": "fine",
            "done": [{"point": int(point), "quote": lines[0]} for point in points if lines],
            "earlier": [{"id": one, "state": "resolved", "reason": "mended"} for one in resolved],
            "findings": [],
        }
    )


@dataclass
class Crewmates:
    """The endpoint: a seat for each role, and what it was asked."""

    seats: dict[str, Seat]
    base_url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def of(self, role: str, round_: int | None = None) -> list[Asked]:
        """Return what a role asked."""
        return [one for one in self.asked if one.role == role and round_ in (None, one.round)]

    def answer(self, turn: str, body: dict[str, Any]) -> Answer:
        feature, task, role, round_, _step = turn.split("/")
        calls = sum(message["role"] == "assistant" for message in body["messages"])
        asked = Asked(feature, task, role, int(round_), calls, body)
        self.asked.append(asked)
        return self.seats[role](asked)


def crewmates(**seats: Seat) -> Crewmates:
    """Return mates that do their work at once and find nothing to say, save where another seat is given."""
    usual: dict[str, Seat] = {
        "researcher": in_turn(uses("submit", report=REPORT)),
        "reviewer": signs_off,
    }
    return Crewmates({**usual, **seats})


class _Handler(BaseHTTPRequestHandler):
    mates: Crewmates
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.mates.answer(self.headers["X-Roadcrew-Turn"], body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: answer.cut_after])
        self.close_connection = answer.cut_after is not None

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests look at what was asked."""


@contextmanager
def answering(mates: Crewmates) -> Iterator[Crewmates]:
    """Serve the mates while the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"mates": mates}))
    server.daemon_threads = True
    mates.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield mates
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
