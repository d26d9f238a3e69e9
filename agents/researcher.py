"""The Researcher: facts from the repository, its packages and outside sources, each with its source."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agents.citations import Evidence, faults_of, without
from agents.conversation import Answer, Conversation, Outcome
from agents.crew import TurnContext
from agents.journal import CommandResult
from agents.ledger import Ledger
from agents.manners import manners_at
from agents.plans import Plan, load_plan
from agents.research_report import Findings, written_report
from agents.research_tools import Documented, ResearchTools, ecosystems_of, fitting, links_of
from agents.surroundings import look_from
from agents.threads import Record
from agents.vulnerabilities import Checked, advisory_lines, check_packages
from agents.workbench import Start, Workbench
from prompts import render
from tools.chat import ToolCall
from tools.dispatch import Tool
from tools.errors import ToolError
from tools.observation import Observation
from tools.research.outside import OutsideSources
from tools.research.source import Reading, Source
from tools.worktools import BashArguments

STEPS = 25
"""Model calls of the Researcher at most; it stops by itself much earlier."""
HANDED_BACK = 2
"""Times that a report is handed back; after that, claims that do not hold are left out of it."""
SHOWN = 8
"""Faults that are told at once."""


class Report(BaseModel):
    """Hand in the research report and end the research."""

    model_config = ConfigDict(extra="forbid")

    report: str = Field(description="The whole report in Markdown", min_length=20, max_length=30_000)


class _Checkup(Record):
    """The check of all packages, as the journal keeps it."""

    checked: Checked
    source: Source | None


def research(context: TurnContext) -> dict[str, JsonValue]:
    """Return the reference of a stored, cited report."""
    payload = context.turn.payload
    plan_result, baseline = payload["plan"], payload["baseline"]
    if not isinstance(plan_result, dict) or not isinstance(baseline, dict):
        raise TypeError(f"turn {context.turn.key} has no plan or baseline")
    desk = ResearchDesk(context, load_plan(context.crew, plan_result), str(baseline["base"]))
    outcome = desk.run(str(baseline["verdict"]), str(baseline.get("tail") or ""))
    ref = context.crew.artifacts.put_version(f"features/{context.feature}/research.md", desk.report(outcome).encode())
    return {"research": ref.model_dump(mode="json"), "verdict": outcome.end}


class ResearchDesk:
    """One turn's research: the sources that were read, the commands that ran, the report."""

    def __init__(self, context: TurnContext, plan: Plan, base: str) -> None:
        self._context = context
        self._plan = plan
        self._base = base
        self._mirror = context.mirror_with(base)
        self._outside = _outside(context, base)
        self._ledger = Ledger()
        self._commands: list[str] = []
        self._refused = 0
        self._checked = Checked()
        self._packages = tuple(dependency.requirement for dependency in plan.proposal.new_dependencies)
        self._ecosystems = ecosystems_of(self._mirror, base, self._packages)
        self._check()
        self._bench = self._make_bench()

    def run(self, base_verdict: str, base_tail: str) -> Outcome:
        """Let the model research until it hands in; told of the suite on the base, and of its output where it is red."""
        with self._bench as bench:
            conversation = Conversation(self._context, bench.schemas(), self.act, steps=STEPS)
            return conversation.run(self._system(), self._task(base_verdict, base_tail))

    def report(self, outcome: Outcome) -> str:
        """Return the report as it is kept: the model's, and what we know ourselves."""
        found = outcome.submission.get("report") if isinstance(outcome.submission, dict) else None
        findings = Findings(
            report=str(found) if found else f"No report: {outcome.detail}.",
            left_out=_left_out(outcome.submission),
            sources=self._ledger.sources,
            checked=self._checked,
            unanswered=tuple(self._ledger.unanswered),
            asked=self._outside is not None,
        )
        return written_report(findings)

    def act(self, call: ToolCall) -> Answer:
        """Carry out one call; what its answer brings is noted also when it comes from the journal."""
        answer = self._bench.act(call)
        self._ledger.hear(answer)
        if call.name == "bash" and (command := _command_of(call)):
            self._commands.append(command)
        if call.name == "submit" and answer.failed:
            self._refused += 1
        return answer

    def _make_bench(self) -> Workbench:
        refused = {proposal.requirement for proposal in self._checked.proposals if proposal.refusals}
        packages = tuple(requirement for requirement in self._packages if requirement not in refused)
        start = Start(base=self._base, commit=self._base, packages=packages)
        tools = [Tool("submit", Report, self._hand_in)]
        if self._outside is None:
            return Workbench(self._context, start, tools, read_only=True)
        asking = ResearchTools(
            self._outside,
            self._ledger,
            lambda: self._bench.worktree,
            lambda: links_of(self._mirror, self._base),
            self._ecosystems,
        )
        return Workbench(self._context, start, [*asking.tools(), *tools], read_only=True)

    def _check(self) -> None:
        """Ask about every package before the model does; nothing is asked, or journaled, without outside sources."""
        outside = self._outside
        if outside is None:
            return
        request: JsonValue = {"base": self._base, "packages": list(self._packages)}
        kept = self._context.journal.command("packages", request, lambda: self._checkup(outside))
        checkup = _Checkup.model_validate(kept)
        self._checked = checkup.checked
        if checkup.source is not None:
            self._ledger.take({"sources": [checkup.source.model_dump(mode="json")]})
        for problem in checkup.checked.problems:
            self._ledger.note(problem)

    def _checkup(self, outside: OutsideSources) -> CommandResult:
        checked = check_packages(self._context, outside, self._base, self._packages)
        source = None
        if checked.known is not None:
            reading = Reading(
                kind="advisories",
                title=f"Known vulnerabilities of {checked.asked} packages",
                address=outside.settings.osv_url or "",
                text="\n".join(advisory_lines(checked.known.found)),
            )
            source = reading.as_source("S1", datetime.now(UTC).replace(microsecond=0))
        return CommandResult(reply=_Checkup(checked=checked, source=source).model_dump(mode="json"))

    def _system(self) -> str:
        outside = self._outside
        registries = fitting(outside.registries, self._ecosystems) if outside is not None else ()
        return render(
            "researcher_system",
            asking=outside is not None,
            searching=outside is not None and outside.searching,
            advising=outside is not None and outside.advising,
            registries=registries,
            documented=fitting(get_args(Documented), self._ecosystems),
            others=tuple(one for one in sorted(self._ecosystems) if one not in registries),
        )

    def _task(self, base_verdict: str, base_tail: str) -> str:
        plan = self._plan
        touched = [path for planned in plan.tasks for path in planned.task.touches]
        told = [plan.proposal.summary, *(planned.task.description for planned in plan.tasks)]
        known = self._checked.known
        return render(
            "researcher_task",
            feature={
                "key": self._context.turn.key.split("/")[0],
                "title": plan.proposal.title,
                "summary": plan.proposal.summary,
            },
            tasks=[{"key": t.key, "title": t.task.title, "description": t.task.description} for t in plan.tasks],
            new_dependencies=list(self._packages),
            base_verdict=base_verdict,
            base_tail=base_tail,
            tree=look_from(self._mirror, self._base, touched, told).tree,
            versions=[
                f"{one.requirement}: would install {one.pin.version}" for one in self._checked.proposals if one.pin
            ],
            checked=0 if known is None else self._checked.asked,
            advisories="\n".join(advisory_lines(known.found)) if known else "",
            unanswered="\n".join(self._checked.problems),
        )

    def _hand_in(self, report: Report) -> Observation:
        faults = faults_of(report.report, self._evidence(), self._lines_of)
        if faults and self._refused < HANDED_BACK:
            told = "\n".join(f"- line {fault.claim.first + 1}: {fault.words}" for fault in faults[:SHOWN])
            more = f"\n- and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
            raise ToolError(
                f"{len(faults)} claims do not hold by their citations",
                f"{told}{more}\nCite what was read for each of them, or leave them out, and submit the whole report again.",
            )
        text = without(report.report, faults)
        return Observation(verdict="handed in", data={"accepted": True, "report": text, "left_out": len(faults)})

    def _evidence(self) -> Evidence:
        strict = self._outside is not None
        return Evidence(sources=self._ledger.sources, commands=tuple(self._commands), strict=strict)

    def _lines_of(self, path: str) -> int | None:
        """How many lines a file of the base has; None where there is none."""
        if all(entry.path != path for entry in self._mirror.files(self._base)):
            return None
        return len(self._mirror.read(self._base, path).splitlines())


def _outside(context: TurnContext, base: str) -> OutsideSources | None:
    """The outside sources, unless the repository's own settings ask for none."""
    return context.crew.outside if manners_at(context.mirror_with(base), base)[0].research else None


def _command_of(call: ToolCall) -> str:
    try:
        return BashArguments.model_validate_json(call.arguments).command
    except ValueError:
        return ""


def _left_out(submission: JsonValue) -> int:
    count = submission.get("left_out") if isinstance(submission, dict) else None
    return count if isinstance(count, int) else 0
