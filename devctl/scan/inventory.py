"""The packages of an image, read from its own files: layer by layer, nothing of it is run."""

import json
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser
from pathlib import PurePosixPath
from typing import IO

from devctl.scan.records import Package

_MAX_FILE = 64 * 2**20
_DPKG, _DPKG_PARTS, _APK = "var/lib/dpkg/status", "var/lib/dpkg/status.d/", "lib/apk/db/installed"
_RPM = (
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
)
_DIST = re.compile(r"(^|/)[^/]+\.dist-info/METADATA$")
_NODE = re.compile(r"(^|/)node_modules/(@[^/]+/)?[^/@.][^/]*/package\.json$")
_OS_RELEASE = ("etc/os-release", "usr/lib/os-release")


class Inventory:
    """The files that matter, as the uppermost layer leaves them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.notes: list[str] = []

    def add_layer(self, layer: Iterable[tuple[str, bytes | None]]) -> None:
        """Take the files of one layer; None is a whiteout, which takes away what lay below."""
        fresh: dict[str, bytes] = {}
        for path, data in layer:
            if data is not None:
                fresh[path] = data
                continue
            gone = path.removesuffix("/")
            for known in [known for known in self.files if known == gone or known.startswith(f"{gone}/")]:
                del self.files[known]
        self.files |= fresh

    def packages(self) -> list[Package]:
        """All packages, without repetitions."""
        release = self._release()
        found: list[Package] = []
        for path, data in sorted(self.files.items()):
            if path == _DPKG or path.startswith(_DPKG_PARTS):
                found += dpkg(data, debian_ecosystem(release), path)
            elif path == _APK:
                found += apk(data, alpine_ecosystem(release), path)
            elif _DIST.search(path):
                found += python(data, path)
            elif _NODE.search(path):
                found += node(data, path)
            elif path in _RPM:
                self.notes.append(
                    f"packages of rpm are not read from {path}: install trivy or grype for images of this kind"
                )
        return list(dict.fromkeys(found))

    def _release(self) -> dict[str, str]:
        text = next((self.files[path] for path in _OS_RELEASE if path in self.files), b"").decode("utf-8", "replace")
        pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
        return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def read_image(archive: Iterable[bytes]) -> Inventory:
    """Read an image as the engine saves it (`docker save`, with or without an OCI index)."""
    with tempfile.TemporaryFile() as file:
        for chunk in archive:
            file.write(chunk)
        file.seek(0)
        inventory = Inventory()
        with tarfile.open(fileobj=file) as outer:
            for name in _layers(outer):
                member = outer.extractfile(name)
                if member is not None:
                    with member, tarfile.open(fileobj=member) as layer:
                        inventory.add_layer(_matter(layer))
    return inventory


def _layers(outer: tarfile.TarFile) -> list[str]:
    manifest = outer.extractfile("manifest.json")
    if manifest is None:
        return []
    with manifest:
        return [str(name) for name in json.load(manifest)[0]["Layers"]]


def _matter(layer: tarfile.TarFile) -> Iterator[tuple[str, bytes | None]]:
    """Files of a layer that say what is installed, and what the layer takes away."""
    for member in layer:
        path = member.name.removeprefix("./").lstrip("/")
        pure = PurePosixPath(path)
        if pure.name == ".wh..wh..opq":
            yield f"{pure.parent}/", None
        elif pure.name.startswith(".wh."):
            yield str(pure.with_name(pure.name.removeprefix(".wh."))), None
        elif member.isfile() and _matters(path):
            file: IO[bytes] | None = layer.extractfile(member)
            if file is not None:
                with file:
                    yield path, b"" if path in _RPM else file.read(_MAX_FILE)


def _matters(path: str) -> bool:
    plain = path in (_DPKG, _APK, *_OS_RELEASE, *_RPM) or path.startswith(_DPKG_PARTS)
    return plain or _DIST.search(path) is not None or _NODE.search(path) is not None


def debian_ecosystem(release: dict[str, str]) -> str:
    """OSV's name for the Debian or Ubuntu of an image."""
    version = release.get("VERSION_ID", "")
    if release.get("ID") == "ubuntu":
        year = int(version.partition(".")[0] or 0)
        lts = ":LTS" if version.endswith(".04") and year % 2 == 0 else ""
        return f"Ubuntu:{version}{lts}"
    return f"Debian:{version.partition('.')[0]}" if version else "Debian"


def alpine_ecosystem(release: dict[str, str]) -> str:
    """OSV's name for the Alpine of an image."""
    numbers = release.get("VERSION_ID", "").split(".")
    return f"Alpine:v{'.'.join(numbers[:2])}" if len(numbers) > 1 else "Alpine"


def dpkg(data: bytes, ecosystem: str, place: str) -> Iterator[Package]:
    """Read dpkg's status: what is installed, under its source's name and version, which is what advisories name."""
    for stanza in re.split(r"\n\s*\n", data.decode("utf-8", "replace")):
        fields = HeaderParser().parsestr(stanza.lstrip("\n"))
        name, version = fields.get("Package"), fields.get("Version")
        if not name or not version or " installed" not in (fields.get("Status") or " installed"):
            continue
        source = re.fullmatch(r"(\S+)(?:\s+\((\S+)\))?", (fields.get("Source") or name).strip())
        if source is not None:
            yield Package(ecosystem=ecosystem, name=source[1], version=source[2] or version, place=place)


def apk(data: bytes, ecosystem: str, place: str) -> Iterator[Package]:
    """Read apk's database: the origin of each package and its version."""
    for stanza in re.split(r"\n\s*\n", data.decode("utf-8", "replace")):
        fields = {line[0]: line[2:] for line in stanza.splitlines() if line[1:2] == ":"}
        if "P" in fields and "V" in fields:
            yield Package(ecosystem=ecosystem, name=fields.get("o", fields["P"]), version=fields["V"], place=place)


def python(data: bytes, place: str) -> Iterator[Package]:
    """Read the metadata of an installed Python package."""
    fields = HeaderParser().parsestr(data.decode("utf-8", "replace"))
    name, version = fields.get("Name"), fields.get("Version")
    if name and version:
        normal = re.sub(r"[-_.]+", "-", name).lower()
        yield Package(ecosystem="PyPI", name=normal, version=version, place=place)


def node(data: bytes, place: str) -> Iterator[Package]:
    """Read the package.json of an installed Node package; a broken one is passed over."""
    try:
        fields = json.loads(data)
    except ValueError:
        return
    if isinstance(fields, dict) and isinstance(fields.get("name"), str) and isinstance(fields.get("version"), str):
        yield Package(ecosystem="npm", name=fields["name"], version=fields["version"], place=place)
