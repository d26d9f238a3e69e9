"""Findings as SARIF 2.1.0."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tools.lint_report import LintFinding, LintReport
from tools.sarif import SarifFinding, lint_results, write_sarif

FINDINGS = st.builds(
    SarifFinding,
    tool=st.sampled_from(["ruff", "vet", "roadcrew-reviewer"]),
    rule=st.text(min_size=1),
    level=st.sampled_from(["error", "warning", "note"]),
    message=st.text(),
    path=st.text(min_size=1),
    line=st.none() | st.integers(1, 10**6),
    id=st.text(),
)


def test_linters_findings_have_their_place_and_level() -> None:
    found = LintFinding(path="src/a b.py", line=3, rule="B602", severity="high", message="shell", tool="bandit")
    log = json.loads(write_sarif(lint_results(LintReport(findings=(found,))), about="o/r/T-1/round-1"))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"] == {"name": "bandit", "rules": [{"id": "B602"}]}
    assert run["automationDetails"] == {"id": "o/r/T-1/round-1/bandit"}
    (result,) = run["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("B602", 0, "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "src/a%20b.py", "uriBaseId": "SRCROOT"}
    assert place["region"] == {"startLine": 3}


def test_a_tool_without_findings_is_there_with_none() -> None:
    log = json.loads(write_sarif((), tools=("roadcrew-reviewer",)))
    assert [(run["tool"]["driver"]["name"], run["results"]) for run in log["runs"]] == [("roadcrew-reviewer", [])]


@given(st.lists(FINDINGS))
def test_every_result_names_its_rule_and_nothing_is_lost(findings: list[SarifFinding]) -> None:
    log = json.loads(write_sarif(findings))
    results = [(run, result) for run in log["runs"] for result in run["results"]]
    assert len(results) == len(findings)
    for run, result in results:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
    assert {run["tool"]["driver"]["name"] for run in log["runs"]} == {found.tool for found in findings}
