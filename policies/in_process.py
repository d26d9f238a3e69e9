"""Rego evaluated in this process, by regorus."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from policies.errors import EngineFailed, RulesInvalid
from policies.ruleset import RuleSet

if TYPE_CHECKING:
    from regorus import Engine

DECISION = "data.roadcrew.decision"
_KEPT = 4
"""Rule sets that each thread keeps compiled."""
_compiled = threading.local()
"""An engine may only be used, and freed, in the thread that made it; so each thread keeps its own."""


class InProcess:
    """Asks regorus; safe to share between threads."""

    name = "regorus"

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._digest = rules.digest()
        self._engine()

    def evaluate(self, question: JsonValue) -> JsonValue:
        """Return the value of the decision rule, None where it is undefined; raises `EngineFailed`."""
        engine = self._engine()
        try:
            engine.set_input_json(json.dumps(question))
            result = engine.eval_query_as_json(DECISION)
        except RuntimeError as fault:
            raise EngineFailed(f"the rules cannot be evaluated: {first_words(fault)}", "mend the rule") from fault
        rows = json.loads(result).get("result") or []
        value: JsonValue = rows[0]["expressions"][0]["value"] if rows else None
        return value

    def _engine(self) -> Engine:
        kept: OrderedDict[str, Engine] = _compiled.__dict__.setdefault("kept", OrderedDict())
        if self._digest not in kept:
            kept[self._digest] = compile_rules(self._rules)
            while len(kept) > _KEPT:
                kept.popitem(last=False)
        return kept[self._digest]


def compile_rules(rules: RuleSet, with_tests: bool = False) -> Engine:
    """Return an engine that holds the rules; raises `RulesInvalid` that names the file and line."""
    from regorus import Engine

    engine = Engine()
    try:
        engine.add_data_json(json.dumps(rules.document()))
        for file in (*rules.rules, *(rules.tests if with_tests else ())):
            engine.add_policy(file.name, file.text)
        # Unsafe variables and unknown functions show only when something is evaluated.
        engine.set_input_json("{}")
        engine.eval_query_as_json("data.roadcrew.complete")
    except RuntimeError as fault:
        raise RulesInvalid(f"the rules do not compile: {first_words(fault)}", "mend the file that is named") from fault
    return engine


def first_words(fault: Any) -> str:
    """Return the engine's own message on one line, without its stack trace."""
    text = str(fault).split("Stack backtrace", 1)[0]
    return " ".join(text.replace("-->", "").split())[:500]
