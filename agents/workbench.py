"""The bench of one turn: a work tree behind the door, each call journaled, its files kept after each change.

The environment is opened when the first call really runs, on the files of the last snapshot: a turn that is taken
up again does not repeat what its journal holds.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

from agents.conversation import Answer
from agents.crew import TurnContext, decision_word
from agents.journal import CommandResult, SnapshotRef
from agents.judged_change import file_changes, new_packages
from agents.suites import suite_command
from devctl import LaunchRefused, PreparationFailed, Prepared
from policies import Action, Decision
from tools.artifacts import ArtifactRef
from tools.chat import ToolCall, ToolSchema
from tools.dispatch import AuditEvent, Door, Tool
from tools.docs import docstrings_only
from tools.errors import ToolError
from tools.observation import Observation, cut_middle
from tools.patch import Diff
from tools.patience import Patience
from tools.preparing import prepare_commit, take_locks
from tools.worktools import BashArguments, CreateArguments, EditArguments, ViewArguments, worktree_tools
from tools.worktree import WorkTree, open_worktree

logger = logging.getLogger(__name__)

CHANGING = frozenset({"bash", "edit", "create"})
"""Tools after which the files are kept."""
READING: dict[str, type[BaseModel]] = {"bash": BashArguments, "view": ViewArguments}
WRITING: dict[str, type[BaseModel]] = {**READING, "edit": EditArguments, "create": CreateArguments}


class Start(BaseModel):
    """Where a bench begins."""

    base: str
    """The commit that the work sits on; history inside ends there."""
    commit: str
    """Whose files lie in the work tree."""
    bundle: ArtifactRef | None = None
    """Carries the commit where the code host does not have it."""
    granted: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    """Requirements installed beyond what the repository declares."""


class Workbench:
    """Lets one role act in one work tree; a context manager that stops the environment at its end."""

    def __init__(
        self,
        context: TurnContext,
        start: Start,
        closing: Sequence[Tool[Any]],
        read_only: bool = False,
        programs: Sequence[Path] = (),
    ) -> None:
        """``programs`` are programs of this host that commands may run."""
        self.granted = list(start.granted)
        self._context = context
        self._start = start
        self._closing = tuple(closing)
        self._arguments = READING if read_only else WRITING
        self._programs = tuple(programs)
        self._worktree: WorkTree | None = None
        self._door: Door | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._close()

    def schemas(self) -> tuple[ToolSchema, ...]:
        """Return the tools as the model sees them."""
        own = [Tool(name, arguments, _never) for name, arguments in self._arguments.items()]
        return tuple(tool.schema() for tool in (*own, *self._closing))

    def act(self, call: ToolCall) -> Answer:
        """Carry out one call, or return what the journal says of it."""
        reply = self._context.journal.command(
            call.name, {"arguments": call.arguments}, lambda: self._run(call), before=self.open
        )
        answer = Answer.model_validate(reply)
        granted = answer.data.get("granted") if isinstance(answer.data, dict) else None
        if isinstance(granted, list):
            self.granted += [str(name) for name in granted]
        return answer

    @property
    def worktree(self) -> WorkTree:
        """The work tree; only while a call runs."""
        return self._opened()

    def change(self) -> Diff:
        """Return what differs from the base now; only while a call runs."""
        return self._opened().change()

    def commit(self) -> str:
        """Return the files as they stand as a commit in the mirror; only while a call runs."""
        return self._opened().snapshot().commit

    def judge(self, change: Diff) -> Decision:
        """Ask the policy about the whole change; only while a call runs."""
        worktree = self._opened()
        snapshot = worktree.snapshot()
        mirror = self._context.desk.mirror
        action = Action(
            role=self._context.turn.role,
            tool="submit",
            repository=self._context.thread.repository,
            arguments={
                "granted_packages": list(self.granted),
                "docstrings_only": docstrings_only(mirror, self._start.base, snapshot.commit),
            },
            paths=tuple(file.path for file in change.files),
            packages=new_packages(mirror, self._start.base, snapshot.commit),
            change=file_changes(mirror, self._start.base, snapshot.commit),
        )
        decision = self._context.policy.decide(action)
        what = f"{change.verdict}: {', '.join(action.paths)}"
        self._context.note("change", decision_word(decision), decision.reasons, outcome=what, about=snapshot.tree)
        return decision

    def prepare_again(self, packages: tuple[str, ...]) -> Observation:
        """Install what the dependency files ask for now, and go on in a fresh environment with the same files."""
        worktree = self._opened()
        snapshot = worktree.snapshot()
        try:
            prepared = self._prepare(snapshot.commit)
        except PreparationFailed as fault:
            raise ToolError(f"the packages cannot be installed: {fault.message}", shown=fault.log[-3000:]) from fault
        except LaunchRefused as fault:
            raise ToolError(f"the packages are refused: {fault.message}", "ask for others, or do without") from fault
        self._close()
        self._launch(snapshot.commit, prepared)
        text = "The environment is prepared again; files are as you left them."
        if locks := take_locks(self._opened(), prepared):
            text += f" Brought in step with what was installed: {', '.join(locks)}."
        return Observation(verdict=f"installed {', '.join(packages)}", note=text, data={"granted": list(packages)})

    def final_snapshot(self) -> SnapshotRef | None:
        """Return the work as it was last kept, or what the bench started from where that is work already."""
        last = self._context.journal.last_snapshot
        if last is None and self._start.commit != self._start.base:
            tree = self._context.desk.mirror.tree_of(self._start.commit)
            return SnapshotRef(tree=tree, commit=self._start.commit, bundle=self._start.bundle)
        return last if last is not None and last.commit != self._start.base else None

    def changed_paths(self) -> tuple[str, ...]:
        """Return the files in which the work, as it was last kept, differs from the base."""
        snapshot = self.final_snapshot()
        if snapshot is None:
            return ()
        mirror = self._context.mirror_with(self._start.base)
        if snapshot.bundle is not None and not mirror.has(snapshot.commit):
            mirror.unbundle(self._context.crew.artifacts.get(snapshot.bundle))
        return tuple(file.path for file in mirror.changed_files(self._start.base, snapshot.commit))

    def _run(self, call: ToolCall) -> CommandResult:
        assert self._door is not None  # noqa: S101 - `open` ran before
        try:
            observation = self._door.call(self._context.turn.role, call.name, call.arguments)
        except ToolError as fault:
            verdict = f"error: {fault.message.splitlines()[0][:200] if fault.message else 'refused'}"
            note = f"{fault.message}\n{fault.hint}".strip()
            answer = Answer(verdict=verdict, text=cut_middle(fault.shown), note=cut_middle(note), failed=True)
        else:
            answer = _answer(observation)
        snapshot = self.keep() if call.name in CHANGING else None
        return CommandResult(reply=answer.model_dump(mode="json"), snapshot=snapshot)

    def keep(self) -> SnapshotRef | None:
        """Keep the files, if they differ from what was kept last."""
        worktree, last = self._opened(), self._context.journal.last_snapshot
        snapshot = worktree.snapshot()
        if last is not None and last.tree == snapshot.tree:
            return last
        if not snapshot.changed:
            return SnapshotRef(tree=snapshot.tree, commit=snapshot.commit, bundle=None)
        data = worktree.bundle(snapshot)
        name = f"turns/{self._context.turn.id}/{snapshot.tree}.bundle"
        ref = self._context.crew.artifacts.put(name, data) if data else None
        return SnapshotRef(tree=snapshot.tree, commit=snapshot.commit, bundle=ref)

    def open(self) -> WorkTree:
        """Return the work tree, opened on the files of the last snapshot unless it is open."""
        if self._worktree is not None:
            return self._worktree
        last = self._context.journal.last_snapshot
        commit, bundle = (last.commit, last.bundle) if last else (self._start.commit, self._start.bundle)
        mirror = self._context.mirror_with(self._start.base)
        if bundle is not None and not mirror.has(commit):
            mirror.unbundle(self._context.crew.artifacts.get(bundle))
        self._launch(commit, self._prepare(commit if self.granted else self._start.base))
        return self._opened()

    def abandon(self) -> None:
        """Stop the environment with all that runs in it."""
        self._close()

    def _launch(self, commit: str, prepared: Prepared) -> None:
        context = self._context
        worktree = open_worktree(
            context.crew.launcher,
            context.desk.mirror,
            self._start.base,
            files_of=commit,
            prepared=prepared,
            labels={"feature": context.feature, "task": context.task_key, "role": context.turn.role},
            role=context.turn.role,
            repository=context.thread.repository,
            programs=self._programs,
        )
        settings = context.crew.settings
        patience = Patience(settings.command_seconds, settings.build_seconds)
        self._worktree = worktree
        own = [tool for tool in worktree_tools(worktree, patience) if tool.name in self._arguments]
        self._door = Door(context.policy, [*own, *self._closing], self.audit, repository=context.thread.repository)

    def _prepare(self, commit: str) -> Prepared:
        context, mirror = self._context, self._context.desk.mirror
        command = suite_command(context, mirror, commit)
        packages = (*(command.packages if command else ()), *self._start.packages)
        return prepare_commit(
            context.crew.launcher,
            mirror,
            commit,
            packages=packages,
            role=context.turn.role,
            repository=context.thread.repository,
        )

    def audit(self, event: AuditEvent) -> None:
        """Record what was done, or refused, in this turn: in a sandbox, so a lost power loses the deed as well."""
        self._context.audit(event, soon=True)

    def _opened(self) -> WorkTree:
        if self._worktree is None:
            raise RuntimeError("the bench is used outside a call")
        return self._worktree

    def _close(self) -> None:
        if self._worktree is not None:
            self._worktree.close()
            self._worktree = self._door = None


def _answer(observation: Observation) -> Answer:
    data = observation.data if isinstance(observation.data, dict) else {}
    return Answer(
        verdict=observation.verdict,
        text=observation.text,
        note=observation.note,
        failed=observation.verdict.startswith(("exit ", "timed out")) and observation.verdict != "exit 0",
        accepted=data.get("accepted") is True,
        data=data,
    )


def _never(_arguments: BaseModel) -> Observation:
    raise RuntimeError("a schema is not called")
