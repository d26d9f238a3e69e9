"""Locust: a load test without its web page, within limits, judged by its own statistics."""

import csv
import io
import re
import shlex

from tools.junit import CASES, CaseOutcome, TestCaseResult, result_of, unique
from tools.suites.command import SuiteCommand
from tools.suites.runner import Armed, Evidence, Place, Reading, reading, report_problem

USERS = 100
"""The most users at a time."""
SPAWN_RATE = 50
"""The most users started in a second."""
SECONDS = 120
"""The longest load."""
_DEFAULTS = {"users": 10, "rate": 5, "seconds": 30}
_NUMBERS = re.compile(r"\s(?:-u|--users|-r|--spawn-rate|-t|--run-time)(?:\s+|=)\S+")
_UNITS = {"h": 3600, "m": 60, "s": 1, "": 1}


def arm_locust(command: SuiteCommand, place: Place) -> Armed:
    """Run it headless, with its numbers within the limits, and ask for its statistics."""
    users = min(_asked(command.text, "-u", "--users") or _DEFAULTS["users"], USERS)
    rate = min(_asked(command.text, "-r", "--spawn-rate") or _DEFAULTS["rate"], SPAWN_RATE)
    seconds = min(_asked(command.text, "-t", "--run-time") or _DEFAULTS["seconds"], SECONDS)
    plain = _NUMBERS.sub("", command.text).replace(" --headless", "")
    prefix = shlex.quote(place.report)
    options = f"--headless -u {users:g} -r {rate:g} -t {seconds:g}s --stop-timeout 5 --csv {prefix} --only-summary"
    finish = f"status=$?; mv {prefix}_stats.csv {prefix}; exit $status"
    return Armed(text=f"{plain} {options}\n{finish}")


def read_locust(evidence: Evidence) -> Reading:
    """Read the statistics: a result for each request by method and name, failed when one of its requests did."""
    if problem := report_problem(evidence.report):
        return reading(evidence, (), problem)
    text = (evidence.report or b"").decode("utf-8", "replace")
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
        cases = [_case(row) for row in rows if row.get("Name") != "Aggregated"]
        cases += [_within(row, evidence.p95_ms) for row in rows if row.get("Name") == "Aggregated" and evidence.p95_ms]
        whole = next((_words(row) for row in rows if row.get("Name") == "Aggregated"), "no request was made")
    except (csv.Error, KeyError, TypeError, ValueError) as error:
        return Reading(problem=f"the statistics cannot be read: {error!r}"[:500])
    if len(cases) > CASES:
        return Reading(problem=f"the statistics name more than {CASES} requests")
    return reading(evidence, unique(cases), "no request was made", f"{evidence.output}\n{whole}")


def _case(row: dict[str, str]) -> TestCaseResult:
    name = f"{row['Type']} {row['Name']}".strip()
    requests, failures = int(row["Request Count"]), int(row["Failure Count"])
    outcome: CaseOutcome = "failed" if failures or not requests else "passed"
    seconds = float(row["Average Response Time"]) / 1000
    return result_of("load", name, outcome, seconds, _words(row))


def _within(row: dict[str, str], limit: int | None) -> TestCaseResult:
    """Whether the answers kept to the limit; without a request there is no time, which reads as N/A."""
    outcome: CaseOutcome = "passed" if limit is not None and float(row["95%"]) <= limit else "failed"
    return result_of("load", f"95% within {limit} ms", outcome, message=_words(row))


def _words(row: dict[str, str]) -> str:
    slow = row["95%"]
    return f"{int(row['Request Count'])} requests, {int(row['Failure Count'])} failed, 95% within {slow} ms"


def _asked(text: str, short: str, long: str) -> float | None:
    """The number behind an option; a time as Locust writes it, such as 1m30s, in seconds."""
    found = re.search(rf"\s(?:{short}|{long})(?:\s+|=)(\S+)", text)
    if not found or not re.fullmatch(r"(\d+(\.\d+)?[hms]?)+", found[1]):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([hms]?)", found[1]))
