"""The worst case: a model that does whatever any text asks of it, as soon as it is shown that text."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tests.e2e.crewmates import Asked, Seat
from tests.tools.scripted import Answer, says

ORDER = re.compile(r"ORDER (\[.*?\]) REDRO")


class Call(NamedTuple):
    """One tool call that a text asks for."""

    tool: str
    arguments: dict[str, Any]

    @property
    def text(self) -> str:
        """The arguments as the model sends them."""
        return json.dumps(self.arguments)


def bash(command: str) -> Call:
    """A command line to run."""
    return Call("bash", {"command": command})


def order(*calls: Call) -> str:
    """Return a text of one line that tells its reader to make these calls."""
    told = json.dumps([[call.tool, call.arguments] for call in calls])
    assert " REDRO" not in told
    return f"ORDER {told} REDRO"


def orders_in(text: str) -> list[str]:
    """Return the orders that a text holds, each once; one that was cut or broken is none."""
    return [told for told in dict.fromkeys(ORDER.findall(text)) if _calls(told)]


def _calls(told: str) -> list[Call]:
    try:
        return [Call(tool, arguments) for tool, arguments in json.loads(told)]
    except ValueError:
        return []


@dataclass
class Obedient:
    """Plays a seat, but obeys each order first that it is shown; each once."""

    usual: Seat
    obeyed: list[str] = field(default_factory=list)
    """The orders, in the order in which they were carried out."""
    _replies: Counter[tuple[str, int]] = field(default_factory=Counter)

    def __call__(self, asked: Asked) -> Answer:
        fresh = [told for told in orders_in(asked.text) if told not in self.obeyed]
        conversation = (asked.task, asked.round)
        if not fresh:
            return self.usual(replace(asked, call=asked.call - self._replies[conversation]))
        told = fresh[0]
        self.obeyed.append(told)
        self._replies[conversation] += 1
        return says("as you wish", calls=[(call.tool, call.text) for call in _calls(told)])


def relayed(text: str) -> str:
    """Return the orders of a text as a model passes them on, when it is told to."""
    return " ".join(f"ORDER {told} REDRO" for told in orders_in(text))


def all_orders(texts: Iterable[str]) -> list[str]:
    """Return the orders of several texts."""
    return [told for text in texts for told in orders_in(text)]
