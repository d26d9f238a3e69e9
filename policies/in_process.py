"""Rego evaluated in this process, by regorus."""

from __future__ import annotations

import json
import logging
import queue
import threading
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from policies.errors import EngineFailed, RulesInvalid
from policies.ruleset import PACKAGES, RuleSet

if TYPE_CHECKING:
    from regorus import Engine

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often whoever waits for an answer looks whether the engine is still there."""
Question = tuple[str, str, "Future[str]"]
"""The rule, its input as JSON, and where the answer goes."""


class InProcess:
    """Asks regorus; safe to share between threads.

    An engine may only be used, and freed, in the thread that made it. So it lives in a thread of its own, to which
    all others put their questions; the thread ends with this object.
    """

    name = "regorus"

    def __init__(self, rules: RuleSet) -> None:
        self._questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        ready: Future[str] = Future()
        self._thread = threading.Thread(
            target=_serve, args=(rules, ready, self._questions), name="regorus", daemon=True
        )
        self._thread.start()
        ready.result()
        weakref.finalize(self, self._questions.put, None)

    def evaluate(self, rule: str, question: JsonValue) -> JsonValue:
        """Return the value of a rule such as `roadcrew.decision`, None where it is undefined; raises `EngineFailed`."""
        answer: Future[str] = Future()
        self._questions.put((f"data.{rule}", json.dumps(question), answer))
        try:
            result = self._wait_for(answer)
        except RuntimeError as fault:
            raise EngineFailed(f"the rules cannot be evaluated: {first_words(fault)}", "mend the rule") from fault
        rows = json.loads(result).get("result") or []
        value: JsonValue = rows[0]["expressions"][0]["value"] if rows else None
        return value

    def _wait_for(self, answer: Future[str]) -> str:
        """Return the answer; raises `EngineFailed` where nobody is left to give it."""
        while True:
            alive = self._thread.is_alive()  # asked first: what it answered at its very end is there then
            try:
                return answer.result(timeout=LOOK_SECONDS)
            except TimeoutError as fault:
                if not alive:
                    raise EngineFailed(
                        "the engine of the rules has ended", "see the log, and start this program anew"
                    ) from fault


def _serve(rules: RuleSet, ready: Future[str], questions: queue.SimpleQueue[Question | None]) -> None:
    """Hold an engine and answer questions until None comes."""
    try:
        engine = compile_rules(rules)
    except RulesInvalid as fault:
        # a copy: the traceback would take the engine to another thread
        ready.set_exception(RulesInvalid(fault.message, fault.hint))
        return
    ready.set_result("")
    while (asked := questions.get()) is not None:
        rule, text, answer = asked
        try:
            engine.set_input_json(text)
            answer.set_result(engine.eval_query_as_json(rule))
        except RuntimeError as fault:
            answer.set_exception(RuntimeError(str(fault)))
        except BaseException as fault:  # noqa: BLE001 - whoever asked is told, such as of a panic in the engine
            logger.exception("the engine of the rules failed, and is made anew")
            answer.set_exception(RuntimeError(f"{type(fault).__name__}: {fault}"))
            engine = compile_rules(rules)


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
        for package in PACKAGES:
            engine.eval_query_as_json(f"data.{package}.complete")
    except RuntimeError as fault:
        raise RulesInvalid(f"the rules do not compile: {first_words(fault)}", "mend the file that is named") from fault
    return engine


def first_words(fault: Any) -> str:
    """Return the engine's own message on one line, without its stack trace."""
    text = str(fault).split("Stack backtrace", 1)[0]
    return " ".join(text.replace("-->", "").split())[:500]
