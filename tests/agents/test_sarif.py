"""The review as SARIF, on a real repository."""

import json
from pathlib import Path

from agents.findings import ClaimedFinding, finding_of
from agents.sarif import review_sarif
from tests.tools.repositories import committed, new_remote, seeded
from tools.git import Mirror
from tools.lint import lint_change


def test_findings_of_linters_and_model_stand_at_their_lines(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror", str(new_remote(tmp_path / "remote.git")))
    base = committed(mirror, seeded(mirror), {"a.py": "x = 1\ny = 1\nold = 2\n"})
    commit = committed(mirror, base, {"a.py": "x = 1\ny = 1\nimport os\nx = 1\n"})

    def claim(quote: str, severity: str) -> ClaimedFinding:
        words = {"title": "T", "failure": "F", "suggestion": ""}
        return ClaimedFinding.model_validate({"path": "a.py", "quote": quote, "severity": severity, **words})

    findings = [finding_of(claim(quote, severity)) for quote, severity in (("+x = 1", "high"), ("old = 2", "low"))]
    log = json.loads(review_sarif(mirror, (base, commit), findings, lint_change(mirror, base, commit), "o/r/T-1"))
    reviewer, ruff = log["runs"]
    results = {result["ruleId"]: result for result in reviewer["results"]}
    place = results["blocking"]["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 4}, "the changed line, not its twin above"
    assert "region" not in results["remark"]["locations"][0]["physicalLocation"]
    assert results["blocking"]["level"] == "error"
    assert results["blocking"]["partialFingerprints"] == {"finding/v1": findings[0].id}
    assert {result["ruleId"] for result in ruff["results"]} == {"E402", "F401"}
