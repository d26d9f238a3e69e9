"""Work on its way from one role to the next: a commit, and the bundle that carries it between machines."""

from __future__ import annotations

from pydantic import JsonValue

from agents.crew import TurnContext
from agents.errors import TurnFailed
from agents.threads import Record
from tools.artifacts import ArtifactRef
from tools.mirror import Mirror


class Handover(Record):
    """One round's work."""

    base: str
    """The head of the feature branch that the work starts from."""
    commit: str
    """One commit on top of the base with all of the work."""
    bundle: ArtifactRef
    """The git bundle with that commit."""
    granted: tuple[str, ...] = ()
    """Packages whose installation policy granted in this task."""
    previous: str | None = None
    """The commit of the round before, when it starts from the same base."""
    previous_bundle: ArtifactRef | None = None
    """The git bundle with that commit."""
    last_review: ArtifactRef | None = None
    """The review of an earlier round, whose findings may be open."""
    verdict: str = ""
    end: str = "submitted"

    def fetch(self, context: TurnContext) -> Mirror:
        """Bring the commits into this process's mirror and return it."""
        mirror = context.mirror_with(self.base)
        for commit, bundle in ((self.commit, self.bundle), (self.previous, self.previous_bundle)):
            if commit is not None and bundle is not None and not mirror.has(commit):
                mirror.unbundle(context.crew.artifacts.get(bundle))
        return mirror


def handed_over(context: TurnContext) -> Handover:
    """Return the work that a turn is about."""
    work = context.turn.payload.get("work")
    if not isinstance(work, dict) or not work.get("commit"):
        raise TurnFailed(f"turn {context.turn.key} has no work to look at", "retry it; the round before left nothing")
    return Handover.model_validate(work)


def earlier_work(payload: dict[str, JsonValue]) -> Handover | None:
    """Return the work of the round before, or None in the first round."""
    work = payload.get("work")
    return Handover.model_validate(work) if isinstance(work, dict) and work.get("commit") else None
