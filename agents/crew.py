"""What the team works with: every edge, built by the program and passed down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from agents.audit import Audit, judged
from agents.database import Database
from agents.ids import branch_of, feature_key, feature_of, key_of
from agents.journal import TurnJournal
from agents.settings import CrewSettings
from agents.threads import Lease, Threads, ThreadState
from agents.turns import Turn, Turns, renew_turn
from devctl import Launcher
from graph import Change, Fence, Roadmap, RoadmapReader
from policies import Decision, PolicyEngine, RepositoryRules
from tools.artifacts import ArtifactStore
from tools.codehost import CodeHost
from tools.dispatch import AuditDecision, AuditEvent
from tools.mirror import Mirror
from tools.model import ModelClient
from tools.research.outside import OutsideSources


@dataclass(frozen=True)
class Desk:
    """One repository's edges: its code host and this process's mirror of it."""

    host: CodeHost
    mirror: Mirror


@dataclass(frozen=True)
class Crew:
    """All edges of one process; safe to share between threads."""

    settings: CrewSettings
    database: Database
    roadmap: Roadmap
    """The writing handle; only the Planner's and the Integrator's code may use it."""
    reader: RoadmapReader
    model: ModelClient
    launcher: Launcher
    artifacts: ArtifactStore
    policy: PolicyEngine
    desk: Callable[[str], Desk]
    """Returns the desk of a repository by its full name."""
    outside: OutsideSources | None
    """Search, registries and advisories; None where nothing outside may be asked."""
    known_errors: tuple[type[Exception], ...]
    """Errors with a message for people; any other is a defect and surfaces with its traceback."""

    @cached_property
    def threads(self) -> Threads:
        """The table of threads."""
        return Threads(self.database)

    @cached_property
    def turns(self) -> Turns:
        """The table of turns."""
        return Turns(self.database, self.threads)

    @cached_property
    def audit(self) -> Audit:
        """The table of what was wanted and decided."""
        return Audit(self.database)


@dataclass(frozen=True)
class ThreadContext:
    """One thread under a lease: what a node of the flow acts with."""

    crew: Crew
    state: ThreadState
    lease: Lease

    @property
    def feature(self) -> str:
        """The id of the feature that this thread belongs to."""
        return feature_of(self.state.repository, self.state.issue)

    @property
    def feature_key(self) -> str:
        """`F-12`."""
        return feature_key(self.state.issue)

    @property
    def branch(self) -> str:
        """The feature branch."""
        return branch_of(self.state.issue)

    @cached_property
    def desk(self) -> Desk:
        """The repository's edges."""
        return self.crew.desk(self.state.repository)

    def change(self, why: str, who: str = "integrator") -> Change:
        """Return who writes to the graph, why, and under which fence."""
        return Change(who=who, why=why, fence=Fence(self.lease.thread, self.lease.epoch))

    def note_decision(self, tool: str, decision: Decision, about: str) -> None:
        """Write to the audit, once, what policy said of something that the Integrator wanted to do."""
        event = judged("integrator", tool, decision_word(decision), decision.reasons, about=about, outcome=about)
        self.crew.audit.once(event, self.lease.thread)

    def siblings(self) -> list[str]:
        """Return the ids of all threads of this feature."""
        return [self.feature, *(child.id for child in self.crew.threads.children(self.feature))]


@dataclass(frozen=True)
class TurnContext:
    """One turn under a lease: what a role acts with."""

    crew: Crew
    turn: Turn
    journal: TurnJournal

    @cached_property
    def thread(self) -> ThreadState:
        """The thread that wants this turn."""
        state = self.crew.threads.get(self.turn.thread)
        if state is None:
            raise LookupError(f"turn {self.turn.key} belongs to no thread")
        return state

    @property
    def feature(self) -> str:
        """The id of the feature that this turn works for."""
        return feature_of(self.thread.repository, self.thread.issue)

    @property
    def task_key(self) -> str:
        """`T-1201`, or `-` for a turn of the whole feature."""
        return "-" if self.thread.kind == "feature" else key_of(self.thread.id)

    @cached_property
    def desk(self) -> Desk:
        """The repository's edges."""
        return self.crew.desk(self.thread.repository)

    @cached_property
    def policy(self) -> PolicyEngine:
        """What decides in this repository: the rules, and those of its own that the base commit holds."""
        baseline = self.crew.threads.last_result(self.feature, "tester") or {}
        return self.crew.policy.under(RepositoryRules.model_validate(baseline.get("rules") or {}))

    def mirror_with(self, commit: str) -> Mirror:
        """Return this process's mirror, fetched when another process saw the commit first."""
        self.desk.mirror.bring(commit)
        return self.desk.mirror

    @property
    def model(self) -> str:
        """The model that this turn's role asks."""
        return self.crew.model.settings.model_for(self.turn.role)

    def audit(self, event: AuditEvent, soon: bool = False) -> None:
        """Write to the audit what was done at a door, or refused, in this turn; ``soon`` as in `Audit.write`."""
        self.crew.audit.write(event, self.turn.thread, self.turn.id, soon=soon)

    def note(
        self, tool: str, decision: AuditDecision, reasons: Sequence[str] = (), outcome: str = "", about: str = ""
    ) -> None:
        """Write to the audit, once, what was decided in this turn outside a tool call; `about` is what it was."""
        event = judged(self.turn.role, tool, decision, reasons, outcome, about)
        self.crew.audit.once(event, self.turn.thread, self.turn.id)

    def check_lease(self) -> None:
        """Raise `Fenced` when another worker has taken this turn over; called just before an outside effect."""
        with self.crew.database.transaction() as connection:
            renew_turn(connection, self.turn)


def decision_word(decision: Decision) -> AuditDecision:
    """Return a policy's decision as the audit calls it."""
    return "denied" if not decision.allowed else "dry-run" if decision.dry_run else "allowed"
