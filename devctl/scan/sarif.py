"""A scan as SARIF 2.1.0, as code hosts take it."""

from typing import Any

from devctl.scan.records import ScanFinding, ScanReport

_LEVELS = {"critical": "error", "high": "error", "medium": "warning"}


def sarif(report: ScanReport) -> dict[str, Any]:
    """Put a report into one run: a rule for each vulnerability, a result for each package that has it."""
    rules = {finding.id: _rule(finding) for finding in report.findings}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": f"devctl scan ({report.scanner})", "rules": list(rules.values())}},
                "results": [_result(report, finding) for finding in report.findings],
            }
        ],
    }


def _rule(finding: ScanFinding) -> dict[str, Any]:
    score = f"{finding.score:.1f}" if finding.score is not None else "0.0"
    return {
        "id": finding.id,
        "shortDescription": {"text": finding.summary or finding.id},
        "properties": {"security-severity": score, "tags": ["security", finding.severity]},
    }


def _result(report: ScanReport, finding: ScanFinding) -> dict[str, Any]:
    mended = f"; mended in {', '.join(finding.fixed)}" if finding.fixed else ""
    return {
        "ruleId": finding.id,
        "level": _LEVELS.get(finding.severity, "note"),
        "message": {"text": f"{finding.package} {finding.version} has {finding.id}{mended}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": report.image.replace(":", "/")}}}],
        "partialFingerprints": {"package": f"{finding.id}/{finding.ecosystem}/{finding.package}"},
    }
