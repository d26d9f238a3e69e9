"""Scanning with trivy or grype, and reading what they say."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from devctl.capture import Job, run
from devctl.errors import ScanFailed
from devctl.records import Record
from devctl.scan.records import ScanFinding, ScannerName, severity_of

STALE = timedelta(days=7)
"""A scanner's database older than this is said to be old."""
_SECONDS = 600.0
_OUTPUT = 256 * 2**20


class Scanned(Record):
    """What a program found."""

    findings: tuple[ScanFinding, ...]
    packages: int = 0
    database_at: datetime | None = None


class ScanProgram(Record):
    """A scanner of this machine."""

    name: ScannerName
    program: Path
    env: dict[str, str]

    def scan(self, image: str) -> Scanned:
        """Scan an image of the engine; raises ScanFailed with the program's words."""
        if self.name == "trivy":
            words = ("image", "--quiet", "--format", "json", "--list-all-pkgs", "--scanners", "vuln", "--", image)
            return read_trivy(self._run(words), self._trivy_database())
        return read_grype(self._run(("-o", "json", "-q", f"docker:{image}")))

    def _run(self, words: tuple[str, ...]) -> dict[str, Any]:
        ended = run(Job(argv=(str(self.program), *words), env=self.env, seconds=_SECONDS, output_bytes=_OUTPUT))
        start = ended.text.find("{")
        try:
            if ended.exit_code == 0 and start >= 0:
                found = json.JSONDecoder().raw_decode(ended.text, start)[0]
                return dict(found)
        except ValueError:
            pass
        raise ScanFailed(
            f"{self.name} ended with {ended.exit_code}: {ended.text.strip()[-500:]}", "run it by hand to see why"
        )

    def _trivy_database(self) -> datetime | None:
        ended = run(Job(argv=(str(self.program), "--version", "--format", "json"), env=self.env, seconds=30))
        try:
            return moment(json.loads(ended.text)["VulnerabilityDB"]["UpdatedAt"])
        except (ValueError, KeyError, TypeError):
            return None


def find_program(search_path: str, env: dict[str, str]) -> ScanProgram | None:
    """Find trivy or grype; None where neither is here."""
    names: tuple[ScannerName, ...] = ("trivy", "grype")
    for name in names:
        if found := shutil.which(name, path=search_path):
            return ScanProgram(name=name, program=Path(found), env={"PATH": search_path or os.defpath, **env})
    return None


def read_trivy(report: dict[str, Any], database_at: datetime | None = None) -> Scanned:
    """Read trivy's JSON: the highest of the scores that its sources give."""
    results = report.get("Results") or []
    findings = []
    for result in results:
        for one in result.get("Vulnerabilities") or []:
            rated = [
                float(source[key])
                for source in (one.get("CVSS") or {}).values()
                for key in ("V40Score", "V3Score")
                if source.get(key)
            ]
            score = max(rated, default=_by_word(one.get("Severity")))
            findings.append(
                ScanFinding(
                    id=one["VulnerabilityID"], package=one["PkgName"], version=one.get("InstalledVersion", ""),
                    ecosystem=str(result.get("Type", "")), score=score, severity=severity_of(score),
                    fixed=tuple(filter(None, str(one.get("FixedVersion", "")).split(", "))), summary=str(one.get("Title", ""))[:300],
                )
            )  # fmt: skip
    packages = sum(len(result.get("Packages") or []) for result in results)
    return Scanned(findings=tuple(findings), packages=packages, database_at=database_at)


def read_grype(report: dict[str, Any]) -> Scanned:
    """Read grype's JSON; its own rating, or that of what it is related to."""
    findings = []
    for match in report.get("matches") or []:
        one, artifact = match["vulnerability"], match["artifact"]
        sources = [one, *(match.get("relatedVulnerabilities") or [])]
        rated = [float(cvss["metrics"]["baseScore"]) for source in sources for cvss in source.get("cvss") or []]
        score = max(rated, default=_by_word(one.get("severity")))
        findings.append(
            ScanFinding(
                id=one["id"], aliases=tuple(source["id"] for source in sources[1:]), package=artifact["name"],
                version=artifact["version"], ecosystem=str(artifact.get("type", "")), score=score,
                severity=severity_of(score), fixed=tuple((one.get("fix") or {}).get("versions") or ()),
                summary=str(one.get("description", ""))[:300],
            )
        )  # fmt: skip
    database = (report.get("descriptor") or {}).get("db") or {}
    return Scanned(findings=tuple(findings), database_at=moment((database.get("status") or database).get("built")))


def moment(text: object) -> datetime | None:
    """Read a time as programs write it; None for what is none."""
    try:
        read = datetime.fromisoformat(str(text)[:19])
    except ValueError:
        return None
    return read.replace(tzinfo=UTC)


def _by_word(word: object) -> float | None:
    return {"critical": 9.0, "high": 7.1, "medium": 5.5, "low": 2.0, "negligible": 0.1}.get(str(word).lower())
