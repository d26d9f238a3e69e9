"""Known vulnerabilities of the packages that a repository has and that a plan adds: asked before the model is."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, JsonValue

from agents.crew import TurnContext
from agents.threads import Record
from policies import Action, KnownAdvisory
from tools.dispatch import Door, Tool
from tools.errors import ToolError
from tools.mirror import Mirror
from tools.observation import Observation
from tools.research.advisories import Advisories, Advisory, Pin
from tools.research.outside import OutsideSources
from tools.research.pins import ecosystems_of, may_pin, read_pins
from tools.research.settings import Ecosystem
from tools.research.versions import ecosystem_of

MOST_PINS = 3000
"""Versions that are asked about; a lock file rarely holds more."""
ROWS = 30
"""Advisories that a table shows."""


class Proposal(Record):
    """One dependency that the plan adds."""

    requirement: str
    pin: Pin | None = None
    """The version that would be installed; None where that cannot be told."""
    refusals: tuple[str, ...] = ()
    """Why policy will not let it in."""


class Checked(Record):
    """What was found out about the packages of a repository and of a plan."""

    present: int = 0
    """Versions that the repository fixes."""
    proposals: tuple[Proposal, ...] = ()
    known: Advisories | None = None
    """None where OSV was not asked, or did not answer."""
    problems: tuple[str, ...] = ()
    """What could not be asked, one line each."""

    @property
    def asked(self) -> int:
        """How many packages OSV was asked about."""
        return self.present + sum(proposal.pin is not None for proposal in self.proposals)


class _Packages(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    packages: tuple[str, ...]


def check_packages(context: TurnContext, outside: OutsideSources, commit: str, requirements: Sequence[str]) -> Checked:
    """Return what is known against every fixed version of a commit and every proposed package.

    Goes through the door like a tool of the role: policy decides and the audit holds it. What is down is a problem
    in words, not an error.
    """
    mirror = context.mirror_with(commit)
    present, problems = present_pins(mirror, commit), list[str]()
    ecosystem = usual_ecosystem(mirror, commit)
    door = _door(context, outside, ecosystem)

    def ask(tool: str, values: Sequence[str]) -> JsonValue:
        try:
            return door.call(context.turn.role, tool, {"packages": list(values)}).data
        except ToolError as fault:
            problems.append(fault.message)
            return None

    proposals = []
    for requirement in requirements:
        pin = ask("package", [requirement])
        proposals.append(Proposal(requirement=requirement, pin=Pin.model_validate(pin) if pin else None))
    asked = dict.fromkeys([*(one.pin for one in proposals if one.pin), *present])
    answer = (
        ask("advisories", [pin.model_dump_json() for pin in asked][:MOST_PINS]) if asked and outside.advising else None
    )
    known = Advisories.model_validate(answer) if answer else None
    return Checked(
        present=len(present),
        proposals=tuple(_judged(context, proposal, known) for proposal in proposals),
        known=known,
        problems=tuple(dict.fromkeys(problems)),
    )


def for_policy(advisory: Advisory) -> KnownAdvisory:
    """Return an advisory as policy is told of it."""
    return KnownAdvisory(
        package=advisory.pin.name,
        version=advisory.pin.version,
        id=advisory.id,
        aliases=advisory.aliases,
        score=advisory.score,
        fixed=advisory.fixed,
    )


def _judged(context: TurnContext, proposal: Proposal, known: Advisories | None) -> Proposal:
    """The proposal with what policy will say when a Coder asks for it."""
    against = [one for one in known.found if one.pin == proposal.pin] if known else []
    action = Action(
        role="coder",
        tool="request_dependency",
        repository=context.thread.repository,
        packages=(proposal.requirement,),
        advisories=tuple(map(for_policy, against)),
    )
    return proposal.model_copy(update={"refusals": context.policy.decide(action).reasons})


def _door(context: TurnContext, outside: OutsideSources, ecosystem: Ecosystem) -> Door:
    """The two questions, with the names of the tools by which the model asks them."""

    def would_install(asked: _Packages) -> Observation:
        pin = outside.would_install(*ecosystem_of(asked.packages[0], ecosystem))
        return Observation(verdict="told", data=pin.model_dump(mode="json") if pin else None)

    def known(asked: _Packages) -> Observation:
        found = outside.advisories([Pin.model_validate_json(pin) for pin in asked.packages])
        return Observation(verdict=f"{len(found.found)} known vulnerabilities", data=found.model_dump(mode="json"))

    tools = [
        Tool("package", _Packages, would_install, network="research"),
        Tool("advisories", _Packages, known, network="research"),
    ]
    return Door(context.policy, tools, context.audit, repository=context.thread.repository)


def usual_ecosystem(mirror: Mirror, commit: str) -> Ecosystem:
    """Return the ecosystem that a bare package name of this repository most likely means."""
    found = ecosystems_of(entry.path for entry in mirror.files(commit))
    return found[0] if found else "python"


def present_pins(mirror: Mirror, commit: str) -> tuple[Pin, ...]:
    """Return the versions that the files of a commit fix."""
    paths = [entry.path for entry in mirror.files(commit) if may_pin(entry.path)]
    return read_pins(mirror.read_many(commit, paths))


def advisory_lines(found: Sequence[Advisory]) -> list[str]:
    """Return one line for each advisory, gravest first."""
    lines = []
    for one in found[:ROWS]:
        mended = f"fixed in {', '.join(one.fixed)}" if one.fixed else "not fixed in any version"
        names = ", ".join([one.id, *one.aliases[:2]])
        lines.append(f"- {one.pin.name} {one.pin.version}: {names}, CVSS {one.severity}, {mended}: {one.summary}")
    if len(found) > ROWS:
        lines.append(f"- and {len(found) - ROWS} more, less grave")
    return lines
