"""Findings as SARIF 2.1.0, which code hosts and editors read.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal
from urllib.parse import quote

from pydantic import JsonValue

from tools.lint_report import LintReport
from tools.record import Record

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "SRCROOT"
"""What the paths are relative to: the root of the repository."""

Level = Literal["error", "warning", "note"]


class SarifFinding(Record):
    """One result."""

    tool: str
    rule: str
    level: Level
    message: str
    path: str
    """Relative to the root of the repository."""
    line: int | None = None
    """From 1; None for a place that the commit does not have, such as a removed line."""
    id: str = ""
    """A name that stays the same from run to run."""


_LEVELS: dict[str, Level] = {"high": "error", "medium": "warning", "low": "note"}


def lint_results(report: LintReport) -> tuple[SarifFinding, ...]:
    """The linters' findings as results."""
    return tuple(
        SarifFinding(
            tool=found.tool,
            rule=found.rule,
            level=_LEVELS[found.severity],
            message=found.message,
            path=found.path,
            line=found.line,
        )
        for found in report.findings
    )


def write_sarif(findings: Iterable[SarifFinding], *, tools: Sequence[str] = (), about: str = "") -> str:
    """A SARIF log with one run for each tool, those of `tools` also without a result.

    `about` names what was looked at, such as `owner/repo/T-101/round-1`.
    """
    ordered = sorted(findings, key=lambda found: (found.tool, found.path, found.line or 0, found.rule, found.message))
    by_tool = {tool: tuple(group) for tool, group in groupby(ordered, key=lambda found: found.tool)}
    names = dict.fromkeys((*tools, *by_tool))
    log: dict[str, JsonValue] = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [_run(name, by_tool.get(name, ()), about) for name in names],
    }
    return json.dumps(log, indent=1, ensure_ascii=False)


def _run(tool: str, findings: Sequence[SarifFinding], about: str) -> JsonValue:
    rules = list(dict.fromkeys(found.rule for found in findings))
    run: dict[str, JsonValue] = {
        "tool": {"driver": {"name": tool, "rules": [{"id": rule} for rule in rules]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(found, rules.index(found.rule)) for found in findings],
    }
    if about:
        run["automationDetails"] = {"id": f"{about}/{tool}"}
    return run


def _result(found: SarifFinding, rule_index: int) -> JsonValue:
    place: dict[str, JsonValue] = {"artifactLocation": {"uri": quote(found.path), "uriBaseId": ROOT}}
    if found.line is not None:
        place["region"] = {"startLine": found.line}
    result: dict[str, JsonValue] = {
        "ruleId": found.rule,
        "ruleIndex": rule_index,
        "level": found.level,
        "message": {"text": found.message or found.rule},
        "locations": [{"physicalLocation": place}],
    }
    if found.id:
        result["partialFingerprints"] = {"finding/v1": found.id}
    return result
