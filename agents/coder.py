"""The Coder's seat, which the Tester takes too where a task is its own: one strong worker with a shell."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from agents.advisory_gate import known_against
from agents.conversation import Answer, Conversation, Outcome
from agents.crew import TurnContext
from agents.feedback_text import round_feedback
from agents.handover import Handover, earlier_work
from agents.journal import CommandResult, SnapshotRef
from agents.lessons import known_lessons
from agents.plans import PlannedTask
from agents.suites import suite_at, suite_command
from agents.surroundings import look_from
from agents.tasks import feature_plan, planned_task
from agents.threads import Record
from agents.workbench import Start as BenchStart
from agents.workbench import Workbench
from prompts import render
from tools.artifacts import ArtifactRef
from tools.chat import ToolCall
from tools.dispatch import Tool
from tools.errors import ToolError
from tools.observation import Observation
from tools.patch import Diff, DiffLimits

SO_FAR = DiffLimits(characters=20_000, file_characters=8_000)
"""How much of its own change a Coder is shown when it came back."""
RESEARCH_LIMIT = 12_000
"""Characters of the research report that a Coder is shown."""
CHECKLIST = """Before you hand this in, check:
1. Is every point of "done when" met? Prove each with a command if you have not.
2. Is there a test that fails without your change and passes with it (code tasks)?
3. Does the whole suite pass?
4. Is there anything in the diff that does not belong: debug output, stray files, unrelated edits?
"""
CHECKLIST_END = "Mend what is not right, then call `submit` again to hand it in."
DEPENDENCY_FILES = "`pyproject.toml`, `requirements.txt`, `package.json`, `go.mod`, `Cargo.toml`, `pom.xml`"


class Submission(BaseModel):
    """Hand in the work. The first call shows the diff and a checklist, the second hands it in."""

    model_config = ConfigDict(extra="forbid")

    summary: str = Field(description="what was done, in two or three sentences", min_length=10, max_length=4000)


class DependencyRequest(BaseModel):
    """Have the environment prepared again after new packages were written into a dependency file."""

    model_config = ConfigDict(extra="forbid")

    packages: list[str] = Field(
        description="names of the new packages, without versions; those of other registries than Python's with the "
        "registry in front: `npm:left-pad`, `go:example.com/module`, `cargo:serde`, `maven:group:artifact`",
        min_length=1,
        max_length=10,
    )
    reason: str = Field(description="what they are needed for", min_length=5, max_length=500)


class Start(Record):
    """Where a round of work starts."""

    base: str
    """The head of the feature branch that the work will sit on."""
    commit: str
    """What lies in the work tree: the base, or the work of the round before on it."""
    conflicts: tuple[str, ...] = ()
    suite: str
    """The command that runs the suite."""
    verdict: str
    """The suite's verdict on the base."""
    tree: str
    """The list of files, and the map of what matters among them."""
    so_far: str = ""
    """The change of the rounds before as a diff, where it sits on the base."""
    lessons: tuple[str, ...] = ()
    """What reviews taught about these files before, the most frequent first."""
    wishes: str
    """What AGENTS.md and its like ask of those who touch the task's files."""
    bundle: ArtifactRef | None = None
    """Carries the commit where it is not on the code host."""

    @property
    def as_json(self) -> dict[str, JsonValue]:
        """The start as a journal keeps it."""
        return self.model_dump(mode="json")


def work(context: TurnContext) -> dict[str, JsonValue]:
    """Do one round of a task and return the handover."""
    start = Start.model_validate(
        context.journal.command("start", context.turn.payload, lambda: CommandResult(reply=begin(context).as_json))
    )
    planned = planned_task(context)
    before = earlier_work(context.turn.payload)
    granted = before.granted if before else ()
    place = BenchStart(base=start.base, commit=start.commit, bundle=start.bundle, granted=granted)
    seat = Seat(context, place)
    with seat.bench as bench:
        outcome = Conversation(context, bench.schemas(), seat.act, changed=bench.changed_paths).run(
            *_prompts(context, planned, start)
        )
        snapshot = bench.final_snapshot()
    return hand_over(context, start, before, outcome, snapshot, tuple(bench.granted))


class Seat:
    """A bench with the two closing tools."""

    def __init__(self, context: TurnContext, start: BenchStart) -> None:
        closing: list[Tool[Any]] = [Tool("submit", Submission, self._submit)]
        if context.turn.role == "coder":
            request = Tool(
                "request_dependency",
                DependencyRequest,
                self._request,
                packages=lambda asked: tuple(asked.packages),
                advisories=lambda asked: known_against(context, self.bench.commit(), asked.packages),
            )
            closing.insert(0, request)
        self.bench = Workbench(context, start, closing)
        self._shown = False

    def act(self, call: ToolCall) -> Answer:
        """Carry out one call; what it says of the submission holds also when it comes from the journal."""
        answer = self.bench.act(call)
        if call.name == "submit" and isinstance(answer.data, dict) and answer.data.get("shown"):
            self._shown = True
        return answer

    def _submit(self, submission: Submission) -> Observation:
        change = self.bench.change()
        if not change.files:
            raise ToolError("nothing is changed yet", "do the task first; look with `git status`")
        decision = self.bench.judge(change)
        if not decision.allowed:
            reasons = "; ".join(decision.reasons)
            raise ToolError(f"the change is refused: {reasons}", "take these parts back, then submit again")
        first = self.first_look(change)
        return first or Observation(verdict="handed in", data={"accepted": True, "summary": submission.summary})

    def first_look(self, change: Diff) -> Observation | None:
        """Return what is shown in place of handing in, or None when it was shown before."""
        if self._shown:
            return None
        note = f"This is your change ({change.verdict}).\n\n{CHECKLIST}{CHECKLIST_END}"
        return Observation(verdict="not handed in yet", text=change.text, note=note, data={"shown": True})

    def _request(self, request: DependencyRequest) -> Observation:
        return self.bench.prepare_again(tuple(request.packages))


def begin(context: TurnContext) -> Start:
    """Find the base, the commit to start from and the suite's verdict there."""
    mirror = context.desk.mirror
    mirror.fetch()
    before, integration = earlier_work(context.turn.payload), context.turn.payload.get("integration")
    integration = integration if isinstance(integration, dict) else {}
    head = mirror.require(f"feature/{context.turn.key.split('/')[0]}")
    conflicts: tuple[str, ...] = ()
    bundle: ArtifactRef | None = None
    base, commit = head, head
    if integration.get("onto"):
        base, commit = str(integration["onto"]), str(integration["commit"])
        conflicts = TypeAdapter(tuple[str, ...]).validate_python(integration.get("conflicts") or ())
        bundle = ArtifactRef.model_validate(integration["bundle"])
    elif before is not None:
        base, commit, bundle = before.base, before.commit, before.bundle
    if bundle is not None and not mirror.has(commit):
        mirror.unbundle(context.crew.artifacts.get(bundle))
    command = suite_command(context, mirror, base)
    task = planned_task(context).task
    around = look_from(mirror, commit, task.touches, [task.title, task.description], base)
    return Start(
        base=base,
        commit=commit,
        conflicts=conflicts,
        suite=command.all_text if command else "(there is none yet)",
        verdict=suite_at(context, mirror, base).verdict,
        tree=around.tree,
        wishes=around.wishes,
        so_far=mirror.diff(base, commit, SO_FAR) if commit != base and not conflicts else "",
        lessons=known_lessons(context, task.touches),
        bundle=bundle,
    )


def _prompts(context: TurnContext, planned: PlannedTask, start: Start) -> tuple[str, str]:
    task = task_prompt(context, planned, start)
    system = render("coder_system", **limits_of(context), dependency_files=DEPENDENCY_FILES)
    return system, task


def task_prompt(context: TurnContext, planned: PlannedTask, start: Start) -> str:
    """Return what the Coder is told of its task, whichever seat it takes."""
    packages = [new.requirement for new in feature_plan(context).proposal.new_dependencies]
    return render("coder_task", **material(context, planned, start), new_packages=packages, so_far=start.so_far)


def limits_of(context: TurnContext) -> dict[str, int]:
    """Return the time limits of commands, as prompts tell them."""
    settings = context.crew.settings
    return {"command_seconds": int(settings.command_seconds), "build_seconds": int(settings.build_seconds)}


def material(context: TurnContext, planned: PlannedTask, start: Start) -> dict[str, Any]:
    """Return what everybody who takes this seat is told, as the variables of their prompts."""
    plan = feature_plan(context)
    others = [
        {"key": task.key, "status": str(task.status), "title": task.title}
        for task in sorted(context.crew.reader.tasks(context.feature), key=lambda task: task.key)
        if task.key != planned.key
    ]
    siblings = _as_first_seen(context, others)
    return {
        "task": {"key": planned.key, **planned.task.model_dump()},
        "feature": {
            "key": context.turn.key.split("/")[0],
            "title": plan.proposal.title,
            "summary": plan.proposal.summary,
        },
        "siblings": siblings,
        "research": _research(context),
        "suite_command": start.suite,
        "base_verdict": start.verdict,
        "feedback": round_feedback(context),
        "round": context.turn.round,
        "conflicts": list(start.conflicts),
        "tree": start.tree,
        "wishes": start.wishes,
        "lessons": "\n".join(f"- {lesson}" for lesson in start.lessons),
    }


def _as_first_seen(context: TurnContext, siblings: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the other tasks as they stood when the turn began: a resumed turn must ask the same questions."""
    seen = context.journal.command(
        "siblings", None, lambda: CommandResult(reply=[dict[str, JsonValue](item) for item in siblings])
    )
    return TypeAdapter(list[dict[str, str]]).validate_python(seen)


def _research(context: TurnContext) -> str:
    found = context.crew.threads.last_result(context.feature, "researcher")
    if found is None:
        return ""
    return context.crew.artifacts.get(ArtifactRef.model_validate(found["research"])).decode("utf-8", "replace")[
        :RESEARCH_LIMIT
    ]


def hand_over(
    context: TurnContext,
    start: Start,
    before: Handover | None,
    outcome: Outcome,
    snapshot: SnapshotRef | None,
    granted: tuple[str, ...],
) -> dict[str, JsonValue]:
    """Return the turn's result; without a snapshot there is nothing to test."""
    if snapshot is None or snapshot.bundle is None:
        return {"commit": None, "verdict": f"no change: {outcome.detail}", "end": outcome.end}
    review = context.turn.payload.get("review")
    last_review = review.get("review") if isinstance(review, dict) else None
    handover = Handover(
        base=start.base,
        commit=snapshot.commit,
        bundle=snapshot.bundle,
        granted=granted,
        previous=before.commit if before and before.base == start.base else None,
        previous_bundle=before.bundle if before and before.base == start.base else None,
        last_review=ArtifactRef.model_validate(last_review) if last_review else before.last_review if before else None,
        verdict=outcome.detail,
        end=outcome.end,
    )
    return handover.model_dump(mode="json")
