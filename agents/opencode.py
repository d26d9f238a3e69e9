"""The Coder's other seat: the opencode program does a round of work, inside the environment.

Its network stays closed but for our model proxy, so each of its model calls is journaled and counted like any other.
What it left in the files is judged, never its words or its exit status.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
from pathlib import Path

from pydantic import JsonValue

from agents.caps import CapWatch
from agents.coder import Start, begin, hand_over, task_prompt
from agents.conversation import End, Outcome
from agents.crew import TurnContext
from agents.errors import SeatUnavailable
from agents.handover import earlier_work
from agents.journal import CommandResult
from agents.tasks import planned_task
from agents.threads import Record
from agents.words import Listener
from agents.workbench import Start as BenchStart
from agents.workbench import Workbench
from devctl import INSIDE_PORT, ExecResult
from prompts import render
from tools.dispatch import AuditEvent
from tools.errors import ProxyRefused
from tools.model import ModelReply, ModelRequest
from tools.model_proxy import ModelProxy
from tools.worktree import WorkTree

logger = logging.getLogger(__name__)

STEP = "opencode"
"""Name of the journal's step that ends one run of the program."""
RUNS = 3
"""Runs in one round: the work itself, and twice to mend what policy refuses."""
PROGRAMS = "/opt/devctl/programs"
EVENT_KINDS = frozenset({"tool_use", "error"})
ENDS: dict[str, End] = {"steps": "steps", "time": "time", "tokens": "tokens", "cost": "cost"}


class Run(Record):
    """One run of the program, as the journal keeps it."""

    exit_code: int
    end: End
    detail: str
    refused: tuple[str, ...] = ()
    """Why policy does not take the change as it is."""
    changed: bool
    events: int


def find_program(given: Path | None) -> Path:
    """Return the program; raises `SeatUnavailable` where it is not installed."""
    found = str(given) if given is not None else shutil.which("opencode")
    if found is None or not Path(found).exists():
        raise SeatUnavailable(
            "the Coder's seat is opencode, and that program is not there",
            "install the npm package opencode-ai, or set ROADCREW_OPENCODE to the program; or take the usual seat",
        )
    return Path(found).resolve()


def work(context: TurnContext) -> dict[str, JsonValue]:
    """Do one round of a task with opencode and return the handover."""
    program = find_program(context.crew.settings.opencode)
    start = Start.model_validate(
        context.journal.command("start", context.turn.payload, lambda: CommandResult(reply=begin(context).as_json))
    )
    before = earlier_work(context.turn.payload)
    place = BenchStart(
        base=start.base, commit=start.commit, bundle=start.bundle, granted=before.granted if before else ()
    )
    task = task_prompt(context, planned_task(context), start)
    with Workbench(context, place, [], programs=(program,)) as bench:
        seat = OpencodeSeat(context, bench, program.name)
        outcome = seat.sit(task)
        snapshot = bench.final_snapshot()
    return hand_over(context, start, before, outcome, snapshot, tuple(bench.granted))


class OpencodeSeat:
    """Runs the program until its work can be handed in, or a cap is reached."""

    def __init__(self, context: TurnContext, bench: Workbench, program: str) -> None:
        self._context = context
        self._bench = bench
        self._program = program
        self._caps = CapWatch(context)
        self._listener = Listener(context)

    def sit(self, task: str) -> Outcome:
        """Do the work and return how it ended."""
        news = self._listener.news()
        said = (news.content or "") if news else ""
        prompt = render("opencode_task", task=f"{task}\n\n{said}".strip(), refused="", no_change=False)
        run = self._run(1, prompt)
        for number in range(2, RUNS + 1):
            if run.end != "submitted" or (run.changed and not run.refused):
                break
            reasons = "\n".join(run.refused)
            run = self._run(number, render("opencode_task", task="", refused=reasons, no_change=not run.changed))
        calls = self._context.journal.spent.model_calls
        if run.refused:
            return Outcome(end="stuck", detail=f"refused: {'; '.join(run.refused)}", model_calls=calls)
        return Outcome(end=run.end, detail=run.detail, model_calls=calls)

    def _run(self, number: int, prompt: str) -> Run:
        journal, step = self._context.journal, f"{STEP}:{number}"
        if not journal.skip_to(step):
            self._bench.open()
            with ModelProxy(self._context.model) as proxy:
                made = self._converse(proxy, number, prompt)
            return Run.model_validate(journal.command(step, None, lambda: self._result(number, made, proxy)))
        return Run.model_validate(journal.command(step, None, lambda: CommandResult(reply=None)))

    def _converse(self, proxy: ModelProxy, number: int, prompt: str) -> ExecResult:
        """Run the program in a thread of its own while this one answers for the model."""
        ended, results, faults = threading.Event(), list[ExecResult](), list[Exception]()
        tree = self._bench.open()

        def execute() -> None:
            try:
                results.append(self._execute(tree, proxy, number, prompt))
            except Exception as fault:  # noqa: BLE001 - raised again by the thread that waits for this one
                faults.append(fault)
            finally:
                ended.set()

        thread = threading.Thread(target=execute, name="opencode", daemon=True)
        thread.start()
        try:
            proxy.answer(self._answer, ended)
        except BaseException:
            self._bench.abandon()
            raise
        finally:
            thread.join()
        if faults:
            raise faults[0]
        return results[0]

    def _execute(self, tree: WorkTree, proxy: ModelProxy, number: int, prompt: str) -> ExecResult:
        again = ("--continue",) if number > 1 else ()
        argv = (
            *(f"{PROGRAMS}/{self._program}", "run", "--format", "json", "--pure", "--auto", *again),
            *("--title", self._context.task_key, "--model", "roadcrew/default"),
        )
        env = {
            "OPENCODE_CONFIG_CONTENT": json.dumps(configuration(proxy.key)),
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
        }
        return tree.environment.exec(argv, seconds=self._caps.seconds_left, env=env, stdin=prompt, host_port=proxy.port)

    def _answer(self, request: ModelRequest) -> ModelReply:
        cap = self._caps.reached()
        if cap is not None:
            raise ProxyRefused(f"the cap on {cap} is reached: stop here")
        return self._context.journal.model(request)

    def _result(self, number: int, made: ExecResult, proxy: ModelProxy) -> CommandResult:
        """Judge what lies in the files now, and keep it with the program's events."""
        events = read_events(made.output)
        self._store(number, made.output, events)
        change = self._bench.change()
        decision = self._bench.judge(change) if change.files else None
        end: End = (
            "time"
            if made.timed_out
            else next((ENDS[cap] for cap in ENDS if f"cap on {cap}" in proxy.refused), "submitted")
        )
        run = Run(
            exit_code=made.exit_code,
            end=end,
            detail=_last_words(events) if end == "submitted" else f"the cap on {end} was reached",
            refused=() if decision is None or decision.allowed else decision.reasons,
            changed=bool(change.files),
            events=len(events),
        )
        return CommandResult(reply=run.model_dump(mode="json"), snapshot=self._bench.keep())

    def _store(self, number: int, output: str, events: list[dict[str, JsonValue]]) -> None:
        name = f"turns/{self._context.turn.id}/opencode-{number}.jsonl"
        self._context.crew.artifacts.put(name, output.encode())
        for event in events:
            if event.get("type") in EVENT_KINDS:
                self._bench.audit(_audit_event(event))


def configuration(key: str) -> dict[str, JsonValue]:
    """Return opencode's own settings: our proxy as its only provider, nothing from outside, nothing asked."""
    model: dict[str, JsonValue] = {
        "name": "default",
        "tool_call": True,
        "limit": {"context": 200_000, "output": 32_000},
    }
    provider: dict[str, JsonValue] = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Roadcrew",
        "options": {"baseURL": f"http://127.0.0.1:{INSIDE_PORT}/v1", "apiKey": key},
        "models": {"default": model},
    }
    return {
        "model": "roadcrew/default",
        "small_model": "roadcrew/default",
        "enabled_providers": ["roadcrew"],
        "provider": {"roadcrew": provider},
        "permission": {"edit": "allow", "bash": "allow", "webfetch": "deny", "websearch": "deny"},
        "autoupdate": False,
        "share": "disabled",
        "lsp": False,
        "snapshot": False,
    }


def read_events(output: str) -> list[dict[str, JsonValue]]:
    """Return the program's events; lines that are none are left out: it is not our program, and may print anything."""
    events = []
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and isinstance(event.get("type"), str):
            events.append(event)
    return events


def _last_words(events: list[dict[str, JsonValue]]) -> str:
    """Return the last text that the program's model said, on one line."""
    for event in reversed(events):
        part = event.get("part")
        if event.get("type") == "text" and isinstance(part, dict) and isinstance(part.get("text"), str):
            return " ".join(str(part["text"]).split())[:500]
    return "ended without words"


def _audit_event(event: dict[str, JsonValue]) -> AuditEvent:
    """Return what the program did inside its sandbox as an event; it asked no policy there, only the diff is judged."""
    part = event.get("part")
    part = part if isinstance(part, dict) else {}
    state = part.get("state")
    state = state if isinstance(state, dict) else {}
    return AuditEvent.inside(who="opencode", tool=str(part.get("tool") or event["type"]), arguments=state.get("input"))
