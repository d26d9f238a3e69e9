"""Running the rules' own tests: rules named `test_…` in `*_test.rego` files, true when they pass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from policies.in_process import compile_rules, first_words
from policies.records import RuleTest
from policies.ruleset import RuleFile, load_rules, package_of

if TYPE_CHECKING:
    from regorus import Engine

TEST = re.compile(r"^(test_\w+)", re.MULTILINE)


def run_rule_tests(folder: Path | None = None) -> list[RuleTest]:
    """Run the tests of the built-in rules, or those of a folder of extra rules on top of the built-in ones.

    Tests run in process. Raises `RulesInvalid` when rules or tests do not compile.
    """
    rules = load_rules(folder)
    wanted = [file for file in rules.tests if file.name.startswith("extra/") == (folder is not None)]
    engine = compile_rules(rules, with_tests=True)
    names = {name for file in wanted for name in _tests_in(file)}
    return [_run(engine, name) for name in sorted(names)]


def _tests_in(file: RuleFile) -> list[str]:
    package = package_of(file.text)
    return [f"{package}.{name}" for name in TEST.findall(file.text)] if package else []


def _run(engine: Engine, name: str) -> RuleTest:
    try:
        outcome = engine.eval_rule(f"data.{name}")
    except RuntimeError as fault:
        return RuleTest(name=name, passed=False, message=first_words(fault))
    return RuleTest(name=name, passed=outcome is True, message="" if outcome is True else "it is not true")
