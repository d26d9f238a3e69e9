"""Where a delivery stands: one record for the terminal, for JSON and for the issue."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from agents.crew import Crew
from agents.ids import feature_key, key_of
from agents.pull_request_text import cell
from agents.threads import Failure, ThreadState
from agents.turns import TurnState
from graph import Task


class TaskStanding(BaseModel):
    """Where one task stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    title: str
    assignee: str
    status: str
    depends_on: tuple[str, ...]
    stage: str
    """The role at work, or what the task waits for."""
    round: int
    calls: int
    tokens: int
    cost_usd: float | None
    seconds: float


class Standing(BaseModel):
    """Where a feature stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    key: str
    title: str
    status: str
    """The thread's status: active, waiting, failed, done or stopped."""
    stage: str
    waits_for: str
    failure: Failure | None
    pull_request: str | None
    tasks: tuple[TaskStanding, ...]
    calls: int
    tokens: int
    cost_usd: float | None
    verdict: str


def standing_of(crew: Crew, thread: ThreadState) -> Standing:
    """Put together where a feature stands from its threads, its turns and the roadmap."""
    children = {child.id: child for child in crew.threads.children(thread.id)}
    turns = crew.turns.of([thread.id, *children])
    feature = crew.reader.feature(thread.id)
    pulls = crew.reader.pull_requests(thread.id) if feature else []
    tasks = tuple(
        _task_standing(task, children.get(task.id), [turn for turn in turns if turn.thread == task.id])
        for task in (sorted(crew.reader.tasks(thread.id), key=lambda task: task.key) if feature else [])
    )
    own = [turn for turn in turns if turn.thread == thread.id]
    failures = [child.failure for child in children.values() if child.failure is not None]
    return Standing(
        id=thread.id,
        key=feature_key(thread.issue),
        title=feature.title if feature else f"issue #{thread.issue}",
        status=_status(thread, list(children.values())),
        stage=_stage(own),
        waits_for=thread.waits_for,
        failure=thread.failure or (failures[0] if failures else None),
        pull_request=pulls[-1].url if pulls else None,
        tasks=tasks,
        calls=sum(turn.model_calls for turn in turns),
        tokens=sum(turn.tokens for turn in turns),
        cost_usd=_cost(turns),
        verdict=str((thread.outcome or {}).get("verdict", "")),
    )


def standing_text(crew: Crew, thread: ThreadState) -> str:
    """Return where a feature stands as Markdown, for the issue."""
    return standing_markdown(standing_of(crew, thread))


def standing_markdown(standing: Standing) -> str:
    """Return a standing as Markdown; titles and verdicts are a model's words and reach nobody by themselves."""
    said = cell(standing.waits_for or standing.verdict)
    state = f"{standing.status}, {said}" if said else standing.status
    lines = [f"**{standing.key}** {cell(standing.title)}: {state}", ""]
    lines += ["| task | status | stage | round | calls | tokens |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {task.key} | {task.status} | {cell(task.stage)} | {task.round} | {task.calls} | {task.tokens:,} |"
        for task in standing.tasks
    ]
    return "\n".join([*lines, "", f"{standing.calls} model calls, {standing.tokens:,} tokens."])


def _task_standing(task: Task, child: ThreadState | None, turns: list[TurnState]) -> TaskStanding:
    waiting = child is not None and child.status in ("waiting", "failed")
    return TaskStanding(
        key=task.key,
        title=task.title,
        assignee=str(task.assignee),
        status=str(task.status),
        depends_on=tuple(key_of(other) for other in task.depends_on),
        stage=child.waits_for if child is not None and waiting else _stage(turns),
        round=max((turn.round for turn in turns), default=0),
        calls=sum(turn.model_calls for turn in turns),
        tokens=sum(turn.tokens for turn in turns),
        cost_usd=_cost(turns),
        seconds=sum(turn.seconds for turn in turns),
    )


def _status(thread: ThreadState, children: list[ThreadState]) -> str:
    """Return the feature's status; it waits or failed as soon as nothing below it moves any more."""
    if thread.status != "active":
        return thread.status
    moving = [child for child in children if child.status == "active"]
    halted = [child for child in children if child.status in ("failed", "waiting")]
    return halted[0].status if halted and not moving else "active"


def _stage(turns: list[TurnState]) -> str:
    running = [turn for turn in turns if turn.status in ("running", "wanted")]
    return running[-1].role if running else ""


def _cost(turns: list[TurnState]) -> float | None:
    costs = [turn.cost_usd for turn in turns if turn.cost_usd is not None]
    return sum(costs) if costs else None
