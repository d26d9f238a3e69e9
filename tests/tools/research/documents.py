"""Answers in the form in which the outside sources give them, cut to what counts."""

from typing import Any


def python_document(name: str, *versions: str, **info: Any) -> dict[str, Any]:
    """A Python index's document of a package; a version with a `!` at its end is yanked."""
    plain = [version.rstrip("!") for version in versions]
    return {
        "info": {
            "name": name,
            "version": plain[-1],
            "summary": f"The package {name}",
            "author_email": "Ann <ann@example.org>, Bob <bob@example.org>",
            "license": None,
            "license_expression": "MIT",
            "requires_python": ">=3.10",
            "project_urls": {"Documentation": f"https://{name}.example.org/docs"},
            "yanked": False,
            **info,
        },
        "last_serial": 1,
        "releases": {
            version.rstrip("!"): [
                {
                    "filename": f"{name}-{version}.tar.gz",
                    "requires_python": ">=3.10",
                    "size": 1000,
                    "upload_time": f"2026-01-{number + 1:02}T10:00:00",
                    "yanked": version.endswith("!"),
                    "yanked_reason": "broken" if version.endswith("!") else None,
                }
            ]
            for number, version in enumerate(versions)
        },
        "urls": [{"filename": f"{name}.whl", "size": 4321, "yanked": False}],
        "vulnerabilities": [],
    }


def node_document(name: str, *versions: str, **more: Any) -> dict[str, Any]:
    """An npm registry's document of a package; the last version is the latest."""
    return {
        "_id": name,
        "name": name,
        "description": f"The package {name}",
        "dist-tags": {"latest": versions[-1]},
        "versions": {
            version: {
                "name": name,
                "version": version,
                "license": "MIT",
                "engines": {"node": ">=20"},
                "dist": {"unpackedSize": 777, "tarball": "x"},
                "maintainers": [{"name": "ann", "email": "ann@example.org"}],
            }
            for version in versions
        },
        "time": {"created": "2020-01-01T00:00:00Z", **{version: "2026-02-03T04:05:06.789Z" for version in versions}},
        "maintainers": [{"name": "ann", "email": "ann@example.org"}],
        "repository": {"type": "git", "url": f"git+https://code.example.org/{name}.git"},
        "homepage": f"https://{name}.example.org",
        **more,
    }


def osv_record(id_: str, name: str, fixed: str | None = "2.0.1", **more: Any) -> dict[str, Any]:
    """An OSV record of one package, as api users get it from `/v1/vulns/<id>`."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    return {
        "schema_version": "1.7.3",
        "id": id_,
        "modified": "2026-01-01T00:00:00Z",
        "summary": f"{name} runs what it reads",
        "aliases": ["CVE-2026-1001"],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": name, "purl": f"pkg:pypi/{name}"},
                "ranges": [
                    {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "deadbeef"}]},
                    {"type": "ECOSYSTEM", "events": events},
                ],
                "versions": ["1.0", "2.0.0"],
            }
        ],
        "references": [{"type": "ADVISORY", "url": "https://advisories.example.org/1"}],
        **more,
    }
