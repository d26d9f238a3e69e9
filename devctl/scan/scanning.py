"""The scan of an image: remembered by its digest, by the best scanner that is here."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from psycopg.types.json import Jsonb

from devctl.builder.builder import engine_host
from devctl.fleet.database import Database, open_database
from devctl.hosts.docker_images import EngineImages
from devctl.scan.inventory import read_image
from devctl.scan.osv import Osv
from devctl.scan.programs import STALE, ScanProgram, find_program
from devctl.scan.records import ScanFinding, ScanReport
from devctl.settings import DevctlSettings

log = logging.getLogger(__name__)

REMEMBERED = timedelta(days=1)
"""How long a scan of the same image counts: advisories are written every day."""


class Scanner:
    """Scans images of one engine."""

    def __init__(self, images: EngineImages, database: Database, program: ScanProgram | None, osv_url: str) -> None:
        self._images = images
        self._database = database
        self._program = program
        self._osv_url = osv_url

    def scan(self, reference: str, fresh: bool = False) -> ScanReport:
        """Say what is known against an image; raises NoSuchImage, and ScanFailed where nobody could be asked."""
        image = self._images.get(reference)
        if not fresh and (known := self._remembered(image.id)) is not None:
            report = known.model_copy(update={"cached": True, "image": reference})
        else:
            report = self._scanned(reference, image.id)
        self._remember(report)
        return report

    def _scanned(self, reference: str, image_id: str) -> ScanReport:
        now = datetime.now(UTC)
        if self._program is not None:
            found = self._program.scan(reference)
            notes: tuple[str, ...] = ()
            if found.database_at is not None and now - found.database_at > STALE:
                days = (now - found.database_at).days
                notes = (f"the database of {self._program.name} is {days} days old: what was found since is missing",)
            return ScanReport(
                image=reference, image_id=image_id, scanner=self._program.name, at=now, packages=found.packages,
                findings=_sorted(found.findings), database_at=found.database_at, notes=notes,
            )  # fmt: skip
        inventory = read_image(self._images.layers(reference))
        packages = inventory.packages()
        osv = Osv(self._osv_url)
        try:
            findings = osv.findings(packages)
        finally:
            osv.close()
        if not packages:
            inventory.notes.append("no list of packages was found in the image, so nothing can be known against it")
        log.info("asked %s about %d packages of %s", self._osv_url, len(packages), reference)
        return ScanReport(
            image=reference, image_id=image_id, scanner="osv", at=now, packages=len(packages),
            findings=_sorted(findings), notes=tuple(inventory.notes),
        )  # fmt: skip

    def _remembered(self, image_id: str) -> ScanReport | None:
        query = "SELECT report FROM image_scan WHERE image_id = %s AND at > %s"
        rows = self._database.rows(query, image_id, datetime.now(UTC) - REMEMBERED)
        return ScanReport.model_validate(rows[0]["report"]) if rows else None

    def _remember(self, report: ScanReport) -> None:
        query = """INSERT INTO image_scan (image_id, name, at, highest, report) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (image_id) DO UPDATE SET name = excluded.name, at = excluded.at,
            highest = excluded.highest, report = excluded.report"""
        values = [report.image_id, report.image, report.at, report.highest, Jsonb(report.model_dump(mode="json"))]
        with self._database.connection() as connection:
            connection.execute(query, values)


def _sorted(findings: Iterable[ScanFinding]) -> tuple[ScanFinding, ...]:
    return tuple(sorted(findings, key=lambda one: (-(one.score or 0.0), one.package, one.id)))


@contextmanager
def open_scanner(settings: DevctlSettings) -> Iterator[Scanner]:
    """Open the scanner on the engine and the state that the settings name."""
    database = open_database(settings)
    try:
        program = find_program(settings.search_path, settings.builder_env)
        with EngineImages(engine_host(settings)) as images:
            yield Scanner(images, database, program, settings.osv_url)
    finally:
        database.close()
