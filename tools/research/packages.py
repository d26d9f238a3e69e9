"""What a registry says of a package, in one form for all registries."""

from __future__ import annotations

from tools.record import Record
from tools.research.source import one_line

SHOWN = 12
"""Versions that are listed."""
VALUE = 300
"""Characters of one value."""
VERSION = 100
"""Characters of a version; what is longer is none, and cannot be installed."""


class Release(Record):
    """One published version."""

    version: str
    date: str = ""
    """ISO date, empty where the registry does not say."""
    withdrawn: str = ""
    """Why it should not be used (yanked, deprecated); empty when nothing speaks against it."""
    needs: str = ""
    """Versions of the language that it needs."""


class PackageFacts(Record):
    """A package as its registry describes it; foreign text throughout."""

    name: str
    latest: str
    summary: str = ""
    license: str = ""
    needs: str = ""
    """Versions of the language that the latest version needs."""
    releases: tuple[Release, ...] = ()
    """Newest first."""
    links: tuple[tuple[str, str], ...] = ()
    """Label and address."""
    maintainers: int | None = None
    size: int | None = None
    """Bytes of the latest version's archive, or unpacked where only that is known."""
    address: str
    """Where it was asked, without credentials."""

    def text(self) -> str:
        """The facts in lines."""
        withdrawn = next((release.withdrawn for release in self.releases if release.version == self.latest), "")
        last = max((release.date for release in self.releases), default="")
        told = {
            "package": self.name,
            "latest version": self.latest + (f" (withdrawn: {withdrawn})" if withdrawn else ""),
            "last release": last,
            "summary": self.summary,
            "license": self.license,
            "needs": self.needs,
            "maintainers": "" if self.maintainers is None else str(self.maintainers),
            "size of the latest version": "" if self.size is None else f"{self.size} bytes",
        }
        lines = [f"{name}: {one_line(value, VALUE)}" for name, value in told.items() if value]
        lines += [f"link: {one_line(label, 60)} {one_line(url, VALUE)}" for label, url in self.links]
        shown = self.releases[:SHOWN]
        lines.append(f"versions: {len(self.releases)}, the newest {len(shown)}:")
        return "\n".join([*lines, *(_release_line(release) for release in shown)])


def _release_line(release: Release) -> str:
    notes = [release.date, f"needs {release.needs}" if release.needs else ""]
    if release.withdrawn:
        notes.append(f"withdrawn: {release.withdrawn}")
    return one_line("  ".join([f"- {release.version}", *(note for note in notes if note)]), VALUE)
