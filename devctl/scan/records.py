"""What a scan found, and what the policy reads of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from pydantic import Field

from devctl.fleet.database import Database
from devctl.records import Record

ScannerName = Literal["trivy", "grype", "osv"]
Severity = Literal["critical", "high", "medium", "low", "none", "unknown"]


def severity_of(score: float | None) -> Severity:
    """The word for a CVSS base score, by the bounds of CVSS 3 and 4."""
    if score is None:
        return "unknown"
    bounds: tuple[tuple[float, Severity], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
    return next((word for bound, word in bounds if score >= bound), "none")


class Package(Record):
    """A package that is installed in an image."""

    ecosystem: str
    """As OSV names it: `Debian:12`, `Alpine:v3.20`, `PyPI`, `npm`, …"""
    name: str
    version: str
    place: str = ""
    """The file that says so."""


class ScanFinding(Record):
    """One known vulnerability of one package."""

    id: str
    aliases: tuple[str, ...] = ()
    package: str
    version: str
    ecosystem: str = ""
    score: float | None = Field(default=None, ge=0, le=10)
    """CVSS base score; None where nobody rated it."""
    severity: Severity = "unknown"
    fixed: tuple[str, ...] = ()
    """Versions that mend it."""
    summary: str = ""


class ScanReport(Record):
    """All that is known against an image."""

    image: str
    image_id: str
    scanner: ScannerName
    at: datetime
    packages: int
    findings: tuple[ScanFinding, ...]
    database_at: datetime | None = None
    """When the scanner's own database was made; None for what is asked online."""
    notes: tuple[str, ...] = ()
    """What could not be read, and a database that is old."""
    cached: bool = False

    @property
    def highest(self) -> float:
        """The highest score; 0 where nothing is known."""
        return max((finding.score or 0.0 for finding in self.findings), default=0.0)


def scores_of(database: Database) -> Callable[[str], float | None]:
    """What the policy asks of an image: the highest score of its last scan, None where it was not scanned."""

    def score(image: str) -> float | None:
        rows = database.rows("SELECT highest FROM image_scan WHERE name = %s ORDER BY at DESC LIMIT 1", image)
        return float(rows[0]["highest"]) if rows else None

    return score
