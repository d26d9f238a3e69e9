"""Where the rules come from that speak against an action: built in, of whoever runs the team, or of the repository."""

from __future__ import annotations

import tomllib
from typing import Literal

from pydantic import BaseModel, ConfigDict

from policies import Action, Decision, PolicySettings, RepositoryRules, open_engine
from roadcrew.edges import policy_settings
from roadcrew.errors import SettingsInvalid
from roadcrew.settings import FILE_NAME, Settings

Origin = Literal["built in", "ROADCREW_POLICY_RULES", "roadcrew.toml"]


class Reason(BaseModel):
    """One thing that speaks against an action."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    origin: Origin


class Explained(BaseModel):
    """A decision, and where each of its reasons comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Decision
    origins: tuple[Reason, ...]
    """The decision's reasons, in its order."""


def explain(settings: Settings, action: Action) -> Explained:
    """Ask the rules about an action, as the team does in the repository that the command is called in."""
    asked = policy_settings(settings)
    engine = open_engine(asked)
    decision = engine.decide(action, repository_rules(settings))
    if not decision.reasons:
        return Explained(decision=decision, origins=())
    built_in = set(open_engine(PolicySettings()).decide(action).reasons)
    without_repository = set(engine.decide(action).reasons) if asked.extra_rules else built_in

    def origin(reason: str) -> Origin:
        if reason in built_in:
            return "built in"
        return "ROADCREW_POLICY_RULES" if reason in without_repository else "roadcrew.toml"

    return Explained(
        decision=decision, origins=tuple(Reason(text=reason, origin=origin(reason)) for reason in decision.reasons)
    )


def repository_rules(settings: Settings) -> RepositoryRules:
    """Return the rules of the roadcrew.toml of the present repository, as it lies here; raises `SettingsInvalid`."""
    from agents.errors import RepositoryUnusable
    from agents.own_rules import rules_of

    file = settings.repository / FILE_NAME if settings.repository else None
    if file is None or not file.is_file():
        return RepositoryRules()
    try:
        return rules_of(tomllib.loads(file.read_text(encoding="utf-8")))
    except RepositoryUnusable as fault:
        raise SettingsInvalid(fault.message, f"mend {file}; docs/using.md lists its keys") from fault
