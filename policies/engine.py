"""The engine that decides: asks one of two evaluators, and denies whatever is not clearly allowed."""

from __future__ import annotations

import logging
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from policies.devctl_question import DevctlQuestion
from policies.errors import PolicyError
from policies.records import NO_OWN_RULES, Action, Decision, RepositoryRules
from policies.ruleset import load_rules
from policies.settings import PolicySettings

log = logging.getLogger(__name__)

MOST_REASONS = 20
LONGEST_REASON = 600
NAMELESS, UNSAID, NO_ANSWER = "nameless", "not_granted", "no_answer"
"""What stands for a rule: one that gives a bare reason, none that grants, and an engine that gave no answer."""


class Evaluator(Protocol):
    """Something that evaluates the rules."""

    @property
    def name(self) -> str:
        """What decisions call it."""
        ...

    def evaluate(self, rule: str, question: JsonValue) -> JsonValue:
        """Return the value of a rule such as `roadcrew.decision`, None where it is undefined; raises `PolicyError`."""
        ...


class _Denial(BaseModel):
    """A reason with the name of the rule that gave it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rule: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    reason: str


class _Answer(BaseModel):
    """What the rules return; a denial that is a bare reason comes from a rule without a name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    granted: bool
    denials: list[str | _Denial]


class PolicyEngine:
    """Decides by the rules; safe to share between threads."""

    def __init__(self, evaluator: Evaluator, dry_run: bool = False, own: RepositoryRules = NO_OWN_RULES) -> None:
        self._evaluator = evaluator
        self._dry_run = dry_run
        self._own = own
        self.name = evaluator.name

    def under(self, own: RepositoryRules) -> PolicyEngine:
        """Return the engine as it decides for a repository with these settings of its own."""
        return PolicyEngine(self._evaluator, self._dry_run, own)

    def decide(self, action: Action, own: RepositoryRules | None = None) -> Decision:
        """Return whether an action is allowed, and what speaks against it; never raises for a failing engine.

        What is undefined, an answer of another form, and an engine that fails or is away are denials, in a dry
        run too. `own` are the repository's own settings, which only tighten; where they are not given, those that the
        engine is `under`.
        """
        rules = self._own if own is None else own
        question = {**action.model_dump(mode="json"), "repository_rules": rules.model_dump(mode="json")}
        unsaid = f"no rule lets the {action.role} use {action.tool!r}: leave it to a role that may"
        return self._ask("roadcrew.decision", question, _Told(action.tool, action.role, unsaid))

    def decide_devctl(self, question: DevctlQuestion) -> Decision:
        """Return whether something may be done with an environment, as `decide` does for what a role does."""
        who = question.user
        unsaid = f"no rule lets a {who.role} of the tier {who.tier!r} {question.operation}: ask an admin"
        told = _Told(f"{question.operation} {question.subject}".strip(), who.name, unsaid)
        return self._ask("roadcrew.devctl.decision", question.model_dump(mode="json"), told)

    def _ask(self, rule: str, question: JsonValue, told: _Told) -> Decision:
        try:
            answer = _Answer.model_validate(self._evaluator.evaluate(rule, question))
        except PolicyError as fault:
            return self._failed(told, f"no decision: {fault}")
        except ValidationError:
            return self._failed(told, f"no decision: the rules do not answer this: mend the rule data.{rule}")
        named = [one if isinstance(one, _Denial) else _Denial(rule=NAMELESS, reason=one) for one in answer.denials]
        if not answer.granted and not named:
            named = [_Denial(rule=UNSAID, reason=told.unsaid)]
        return self._judged(told, _shortened([one.reason for one in named]), {one.rule for one in named})

    def _judged(self, told: _Told, reasons: tuple[str, ...], rules: set[str]) -> Decision:
        if not reasons:
            return Decision(allowed=True, engine=self.name)
        if self._dry_run:
            log.warning("would deny %r to %r: %s", told.what, told.who, "; ".join(reasons))
        else:
            log.info("denied %r to %r: %s", told.what, told.who, "; ".join(reasons))
        return Decision(
            allowed=self._dry_run, reasons=reasons, rules=tuple(sorted(rules)), dry_run=self._dry_run, engine=self.name
        )

    def _failed(self, told: _Told, reason: str) -> Decision:
        log.error("denied %r to %r: %s", told.what, told.who, reason)
        return Decision(allowed=False, reasons=(_one_line(reason),), rules=(NO_ANSWER,), engine=self.name)


class _Told(NamedTuple):
    """What the log and the answer say of a question."""

    what: str
    who: str
    unsaid: str
    """The reason given where the rules neither grant nor say why."""


def open_engine(settings: PolicySettings | None = None) -> PolicyEngine:
    """Return the engine that the settings name; raises `RulesInvalid` when the rules cannot be used.

    An OPA server need not be there yet: as long as it is away, everything is denied. It is given the rules, so
    programs that share a server must share the rules too.
    """
    from policies.in_process import InProcess

    settings = settings or PolicySettings()
    rules = load_rules(settings.extra_rules)
    in_process = InProcess(rules)
    if not settings.opa_url:
        return PolicyEngine(in_process, settings.dry_run)
    from policies.opa import OpaServer

    return PolicyEngine(OpaServer(settings, rules), settings.dry_run)


def _shortened(reasons: list[str]) -> tuple[str, ...]:
    """Return the reasons in order, each once, cut to what a person or a model reads."""
    told = [_one_line(reason) for reason in sorted(set(reasons))]
    if len(told) > MOST_REASONS:
        told = [*told[:MOST_REASONS], f"and {len(told) - MOST_REASONS} more reasons"]
    return tuple(told)


def _one_line(reason: str) -> str:
    """Return a reason cut, and with what is not printable shown by its code: it quotes foreign text."""
    shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in reason[:LONGEST_REASON])
    return f"{shown}…" if len(reason) > LONGEST_REASON else shown
