"""Scanning: packages from an image's files, OSV's answers, other scanners' reports, what the policy reads."""

import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from devctl.errors import NoSuchImage, ScanFailed
from devctl.fleet.database import Database
from devctl.fleet.records import Host
from devctl.hosts.docker_images import EngineImages
from devctl.scan import Scanner
from devctl.scan.inventory import Inventory, alpine_ecosystem, debian_ecosystem, read_image
from devctl.scan.osv import Osv, base_score
from devctl.scan.programs import ScanProgram, find_program, read_grype, read_trivy
from devctl.scan.records import Package, scores_of, severity_of
from devctl.scan.sarif import sarif
from tests.devctl.builder.places import engine_image
from tests.devctl.scan.osv_server import Advisories, serving

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOW = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"
DPKG = b"""Package: libssl3
Status: install ok installed
Source: openssl (3.0.11-1~deb12u2)
Version: 3.0.11-1~deb12u2+b1
Description: x
 more

Package: gone
Status: deinstall ok config-files
Version: 1

Package: bash
Status: install ok installed
Version: 5.2.15-2+b2
"""


def layer(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return data.getvalue()


def image(*layers: dict[str, bytes]) -> list[bytes]:
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    outer = {name: layer(files) for name, files in zip(names, layers, strict=True)}
    return [layer({**outer, "manifest.json": json.dumps([{"Layers": names}]).encode()})]


def test_packages_of_all_kinds_are_read_and_what_a_later_layer_takes_away_is_gone() -> None:
    first = {
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
        "var/lib/dpkg/status": DPKG,
        "usr/lib/python3/site-packages/Zope.Interface-6.0.dist-info/METADATA": b"Name: Zope.Interface\nVersion: 6.0\n\nText\n",
        "opt/a/node_modules/@s/x/package.json": b'{"name": "@s/x", "version": "1.0.0"}',
        "opt/a/node_modules/broken/package.json": b"{",
        "opt/b/node_modules/y/package.json": b'{"name": "y", "version": "2.0.0"}',
        "opt/c/node_modules/z/package.json": b'{"name": "z", "version": "3.0.0"}',
        "opt/x/package.json": b'{"name": "own", "version": "1.0.0"}',
    }
    second = {
        "opt/b/.wh.node_modules": b"",
        "opt/c/.wh..wh..opq": b"",
        "opt/c/node_modules/new/package.json": b'{"name":"new","version":"1"}',
    }
    found = {(one.ecosystem, one.name, one.version) for one in read_image(image(first, second)).packages()}
    assert found == {
        ("Debian:12", "openssl", "3.0.11-1~deb12u2"), ("Debian:12", "bash", "5.2.15-2+b2"),
        ("PyPI", "zope-interface", "6.0"), ("npm", "@s/x", "1.0.0"), ("npm", "new", "1"),
    }  # fmt: skip


def test_alpine_and_rpm() -> None:
    inventory = Inventory()
    inventory.add_layer(
        [
            ("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.1\n"),
            ("lib/apk/db/installed", b"P:libcrypto3\nV:3.3.1-r0\no:openssl\n\nP:zlib\nV:1.3-r0\n"),
            ("var/lib/rpm/rpmdb.sqlite", b""),
        ]
    )
    assert [(one.ecosystem, one.name) for one in inventory.packages()] == [
        ("Alpine:v3.20", "openssl"), ("Alpine:v3.20", "zlib"),
    ]  # fmt: skip
    assert "trivy or grype" in inventory.notes[0]
    assert debian_ecosystem({"ID": "ubuntu", "VERSION_ID": "24.04"}) == "Ubuntu:24.04:LTS"
    assert alpine_ecosystem({}) == "Alpine"


def affects(name: str, *versions: str, **more: object) -> dict[str, object]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9"}]}]
    package = {"name": name, "ecosystem": "Debian:12"}
    return {"affected": [{"package": package, "versions": list(versions), "ranges": ranges}], **more}


ADVISORIES: Advisories = {
    "DSA-1": {"id": "DSA-1", "summary": "bad", "upstream": ["CVE-1"], **affects("bash", "5")},
    "CVE-1": {"id": "CVE-1", "severity": [{"type": "CVSS_V3", "score": CRITICAL}]},
    "DSA-2": {"id": "DSA-2", "severity": [{"type": "CVSS_V3", "score": LOW}], **affects("bash", "5")},
    "DSA-3": {"id": "DSA-3", "withdrawn": "2026-01-01T00:00:00Z", **affects("bash", "5")},
    "DSA-4": {"id": "DSA-4", **affects("bash", "5")},
}


def test_osv_is_asked_page_by_page_and_rated_by_vectors() -> None:
    asked: list[str] = []
    packages = [Package(ecosystem="Debian:12", name=name, version="5") for name in ("bash", "dash")]
    with serving(ADVISORIES, asked) as url:
        osv = Osv(url)
        found = {finding.id: finding for finding in osv.findings(packages)}
        osv.close()
    assert set(found) == {"DSA-1", "DSA-2", "DSA-4"}
    assert (found["DSA-1"].score, found["DSA-1"].severity, found["DSA-1"].fixed) == (9.8, "critical", ("9.9",))
    assert found["DSA-2"].severity == "low"
    assert found["DSA-4"].severity == "unknown"
    assert asked.count("/v1/querybatch") == 4


def test_an_osv_that_is_away_or_no_osv_is_an_error() -> None:
    with serving({}) as url:
        pass
    with pytest.raises(ScanFailed, match="does not answer"):
        Osv(url).findings([Package(ecosystem="PyPI", name="a", version="1")])
    with pytest.raises(ScanFailed, match="no address"):
        Osv("ftp://x")


@pytest.mark.parametrize(
    ("vector", "score"), [(CRITICAL, 9.8), ("AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5), ("nonsense", None)]
)
def test_vectors_become_scores(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


def test_scores_become_words() -> None:
    assert [severity_of(score) for score in (9.0, 8.9, 4.0, 3.9, 0.0, None)] == [
        "critical", "high", "medium", "low", "none", "unknown",
    ]  # fmt: skip


TRIVY = {
    "Results": [
        {
            "Type": "debian", "Packages": [{}, {}],
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-2", "PkgName": "bash", "InstalledVersion": "5", "FixedVersion": "6, 7",
                 "CVSS": {"nvd": {"V3Score": 7.5}, "redhat": {"V3Score": 8.1}}, "Severity": "HIGH"},
                {"VulnerabilityID": "CVE-3", "PkgName": "x", "Severity": "LOW"},
            ],
        },
        {"Type": "pip"},
    ]
}  # fmt: skip
GRYPE = {
    "matches": [
        {
            "vulnerability": {"id": "GHSA-1", "severity": "High", "fix": {"versions": ["2"]}},
            "relatedVulnerabilities": [{"id": "CVE-4", "cvss": [{"metrics": {"baseScore": 8.8}}]}],
            "artifact": {"name": "a", "version": "1", "type": "python"},
        }
    ],
    "descriptor": {"db": {"status": {"built": "2020-01-01T00:00:00Z"}}},
}


def test_reports_of_other_scanners_are_read() -> None:
    first, second = read_trivy(TRIVY).findings
    assert (first.id, first.score, first.fixed, read_trivy(TRIVY).packages) == ("CVE-2", 8.1, ("6", "7"), 2)
    assert second.severity == "low"
    scanned = read_grype(GRYPE)
    assert (scanned.findings[0].score, scanned.findings[0].aliases) == (8.8, ("CVE-4",))
    assert scanned.database_at == datetime(2020, 1, 1, tzinfo=UTC)


def program(folder: Path, name: str, answer: str, code: int = 0) -> ScanProgram:
    """An executable that says what the scanner of that name would."""
    (folder / "answer").write_text(answer)
    (folder / name).write_text(f"#!/bin/sh\necho some progress >&2\ncat {folder}/answer\nexit {code}\n")
    (folder / name).chmod(0o755)
    found = find_program(f"{folder}:/usr/bin:/bin", {})
    assert found is not None
    return found


def test_a_scanner_of_this_machine_is_found_and_its_failure_told(tmp_path: Path) -> None:
    assert find_program(str(tmp_path), {}) is None
    assert program(tmp_path, "grype", json.dumps(GRYPE)).scan("x").findings[0].id == "GHSA-1"
    with pytest.raises(ScanFailed, match="no such image"):
        program(tmp_path, "trivy", "no such image", 1).scan("x")


@pytest.fixture
def images() -> EngineImages:
    engine_image()
    return EngineImages(Host(name="local", address="unix:///var/run/docker.sock"))


def test_a_real_image_is_scanned_once_and_the_policy_hears_of_it(images: EngineImages, database: Database) -> None:
    with images, serving({}) as url:
        with pytest.raises(NoSuchImage):
            Scanner(images, database, None, url).scan("devctl-test/never:was")
        first = Scanner(images, database, None, url).scan(engine_image())
        names = {package.name: package for package in read_image(images.layers(engine_image())).packages()}
    assert first.packages > 50
    assert names["openssl"].ecosystem.startswith("Debian:")
    assert first.scanner == "osv"
    assert scores_of(database)(engine_image()) == 0.0
    assert scores_of(database)("other:1") is None
    weak: Advisories = {
        "DSA-9": {
            "id": "DSA-9", "severity": [{"type": "CVSS_V3", "score": CRITICAL}],
            "affected": [{"package": {"name": "openssl", "ecosystem": names["openssl"].ecosystem},
                          "versions": [names["openssl"].version]}],
        }
    }  # fmt: skip
    with EngineImages(images.host) as again, serving(weak) as url:
        scanner = Scanner(again, database, None, url)
        assert scanner.scan(engine_image()).cached
        report = scanner.scan(engine_image(), fresh=True)
    assert [(finding.package, finding.score) for finding in report.findings] == [("openssl", 9.8)]
    assert scores_of(database)(engine_image()) == 9.8
    written = sarif(report)
    assert written["runs"][0]["results"][0]["level"] == "error"
    jsonschema.validate(written["runs"][0]["tool"]["driver"]["rules"][0], {"required": ["id", "shortDescription"]})


def test_an_old_database_of_a_scanner_is_said_to_be_old(
    images: EngineImages, database: Database, tmp_path: Path
) -> None:
    with images:
        old = Scanner(images, database, program(tmp_path, "grype", json.dumps(GRYPE)), "http://127.0.0.1:9")
        assert "days old" in old.scan(engine_image(), fresh=True).notes[0]
        fresh = json.loads(json.dumps(GRYPE))
        fresh["descriptor"]["db"]["status"]["built"] = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        new = Scanner(images, database, program(tmp_path, "grype", json.dumps(fresh)), "http://127.0.0.1:9")
        assert new.scan(engine_image(), fresh=True).notes == ()
