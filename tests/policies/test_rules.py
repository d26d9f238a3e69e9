"""The rules' own tests, run in process and, where it is present, by OPA itself."""

import subprocess
from pathlib import Path

import pytest

from policies import RulesInvalid, run_rule_tests
from scripts.source import ROOT
from tests.policies.opa_server import opa_binary


def test_built_in_rules_pass_their_tests() -> None:
    results = run_rule_tests()
    assert len(results) > 30
    assert [result for result in results if not result.passed] == []


def test_opa_passes_the_same_tests() -> None:
    command = [opa_binary(), "test", str(ROOT / "policies" / "rules"), str(ROOT / "policies" / "data.yaml")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout
    assert f"PASS: {len(run_rule_tests())}/" in ran.stdout


def test_rules_are_formatted_and_strict() -> None:
    rules = str(ROOT / "policies" / "rules")
    for command in (["fmt", "--list", rules], ["check", "--strict", rules]):
        ran = subprocess.run([opa_binary(), *command], capture_output=True, text=True, timeout=60)
        assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr


def test_every_rule_file_has_tests() -> None:
    names = {path.name for path in (ROOT / "policies" / "rules").glob("*_test.rego")}
    stems = {"roles", "paths", "packages", "network", "vulnerabilities"}
    stems |= {"devctl_quota", "devctl_mounts", "devctl_images"}
    assert names == {f"{stem}_test.rego" for stem in stems}


def test_tests_of_extra_rules_run_on_top_of_the_built_in_ones(tmp_path: Path) -> None:
    (tmp_path / "hours.rego").write_text(
        'package roadcrew\n\nimport rego.v1\n\ndeny contains "closed" if input.tool == "edit"\n', encoding="utf-8"
    )
    (tmp_path / "hours_test.rego").write_text(
        "package hours_test\n\nimport rego.v1\n\n"
        'test_closed if "closed" in data.roadcrew.deny with input as {"role": "coder", "tool": "edit"}\n\n'
        'test_wrong if data.roadcrew.granted with input as {"role": "coder", "tool": "fly"}\n\n'
        'test_broken if to_number("x") == 1\n\n'
        "helper_is_no_test if false\n",
        encoding="utf-8",
    )
    results = {result.name: result for result in run_rule_tests(tmp_path)}
    assert {name: result.passed for name, result in results.items()} == {
        "hours_test.test_closed": True,
        "hours_test.test_wrong": False,
        "hours_test.test_broken": False,
    }
    assert results["hours_test.test_wrong"].message == "it is not true"
    assert "hours_test.rego" in results["hours_test.test_broken"].message


def test_tests_that_do_not_compile_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad_test.rego").write_text("package bad_test\n\ntest_x if {\n", encoding="utf-8")
    with pytest.raises(RulesInvalid, match="bad_test.rego"):
        run_rule_tests(tmp_path)
