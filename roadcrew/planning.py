"""The plan of a delivery at the command line: shown, edited, sent back."""

from __future__ import annotations

import uuid

from pydantic import JsonValue

from agents.plans import Plan, load_plan
from roadcrew.assembly import Office
from roadcrew.errors import Conflict, InputInvalid
from specs import PlanEdit, PlanProposal, SpecInvalid, edited, read_edit, validate_plan


def plan_of(office: Office, thread: str) -> Plan:
    """Return the plan in force of a delivery; raises `Conflict` before there is one."""
    try:
        return load_plan(office.crew, office.crew.threads.plan_result(thread))
    except LookupError as fault:
        raise Conflict(f"{thread} has no plan yet", "wait for the Planner; `roadcrew watch` shows it") from fault


def send_edit(office: Office, thread: str, text: str) -> PlanProposal:
    """Hand an edited plan to the team; return it as it will be. Raises `InputInvalid` with every problem."""
    proposal = _checked(plan_of(office, thread), text)
    _tell(office, thread, "edit", {"yaml": text})
    return proposal


def send_drop(office: Office, thread: str, keys: tuple[str, ...]) -> None:
    """Have tasks dropped from the plan; raises `InputInvalid` where the plan cannot do without them."""
    plan = plan_of(office, thread)
    try:
        edited(plan.proposal, PlanEdit(drop=list(keys)), plan.names)
    except SpecInvalid as fault:
        raise InputInvalid(_in_words(fault), fault.hint) from fault
    _tell(office, thread, "edit", {"drop": list(keys)})


def send_back(office: Office, thread: str, words: str) -> None:
    """Have it planned anew, or one more task added where the work is under way."""
    _tell(office, thread, "replan", {"text": words})


def say(office: Office, thread: str, words: str) -> None:
    """Say something to the team; each role hears it at its next step."""
    _tell(office, thread, "word", {"text": words})


def _checked(plan: Plan, text: str) -> PlanProposal:
    try:
        proposal = edited(plan.proposal, read_edit(text), plan.names)
    except SpecInvalid as fault:
        raise InputInvalid(_in_words(fault), fault.hint) from fault
    problems = validate_plan(proposal)
    if problems:
        raise InputInvalid(
            _in_words(SpecInvalid("the edited plan does not hold together", problems)), "mend what is named"
        )
    return proposal


def _in_words(fault: SpecInvalid) -> str:
    lines = [f"  {problem.path}: {problem.message} ({problem.hint})" for problem in fault.problems]
    return "\n".join([fault.message, *lines])


def _tell(office: Office, thread: str, kind: str, payload: dict[str, JsonValue]) -> None:
    state = office.crew.threads.get(thread)
    if state is not None and state.status in ("done", "stopped"):
        raise Conflict(f"{thread} has ended", "file a new issue")
    office.engine.tell(thread, kind, f"{kind}:{uuid.uuid4().hex}", {"by": "the person at the keyboard", **payload})
