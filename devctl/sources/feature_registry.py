"""Features from a registry of containers, or from an archive by its https address: fetched and unpacked safely."""

import io
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from devctl.errors import SourceInvalid

if TYPE_CHECKING:
    import requests

LARGEST = 100_000_000
"""Bytes of a feature, packed and unpacked."""
SECONDS = 20.0
_REFERENCE = re.compile(
    r"(?P<host>[A-Za-z0-9.-]+(?::\d+)?)/(?P<path>[a-z0-9._-]+(?:/[a-z0-9._-]+)+)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*)|@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def fetch_feature(reference: str, folder: Path) -> None:
    """Fetch the files of a feature into an empty folder; raises SourceInvalid where no registry answers."""
    if reference.startswith("https://"):
        with _session() as session, _told(reference):
            unpack(_read(session.get(reference, stream=True, timeout=SECONDS)), folder, reference)
        return
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise SourceInvalid(
            f"the feature {reference!r} is no folder, archive or reference of a registry",
            "write ./folder, https://…/feature.tgz or registry/namespace/feature:version",
        )
    with _session() as session, _told(reference):
        unpack(_from_registry(session, match), folder, reference)


def _from_registry(session: "requests.Session", found: re.Match[str]) -> bytes:
    """The one layer of a feature, asked for as the registry's protocol has it."""
    loopback = found["host"].partition(":")[0] in ("localhost", "127.0.0.1")
    top = f"{'http' if loopback else 'https'}://{found['host']}/v2/{found['path']}"
    address = f"{top}/manifests/{found['digest'] or found['tag'] or 'latest'}"
    answer = session.get(address, headers={"Accept": _MANIFEST}, timeout=SECONDS)
    if answer.status_code == 401:
        _log_in(session, answer.headers.get("WWW-Authenticate", ""))
        answer = session.get(address, headers={"Accept": _MANIFEST}, timeout=SECONDS)
    answer.raise_for_status()
    manifest = answer.json()
    layers = manifest.get("layers") if isinstance(manifest, dict) else None
    digest = layers[0].get("digest") if isinstance(layers, list) and layers and isinstance(layers[0], dict) else None
    if not isinstance(digest, str) or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ValueError("its manifest names no layer")
    data = _read(session.get(f"{top}/blobs/{digest}", stream=True, timeout=SECONDS))
    import hashlib

    if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
        raise ValueError("what was sent does not have the digest of its manifest")
    return data


def _log_in(session: "requests.Session", challenge: str) -> None:
    """Take the anonymous token that the registry offers."""
    words = dict(_CHALLENGE.findall(challenge))
    realm = words.pop("realm", "")
    if urlsplit(realm).scheme != "https" and urlsplit(realm).hostname not in ("localhost", "127.0.0.1"):
        raise ValueError("it wants a login, and devctl brings none")
    answer = session.get(realm, params=words, timeout=SECONDS)
    answer.raise_for_status()
    token = answer.json().get("token") or answer.json().get("access_token")
    session.headers["Authorization"] = f"Bearer {token}"


def _read(answer: "requests.Response") -> bytes:
    answer.raise_for_status()
    data = bytearray()
    for chunk in answer.iter_content(65_536):
        data += chunk
        if len(data) > LARGEST:
            raise ValueError(f"it has more than {LARGEST} bytes")
    return bytes(data)


def unpack(data: bytes, folder: Path, reference: str) -> None:
    """Unpack files and folders of an archive; links, devices and names that climb are refused."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            total = 0
            for member in archive:
                pure = PurePosixPath(member.name)
                total += member.size
                if pure.is_absolute() or ".." in pure.parts or not (member.isreg() or member.isdir()):
                    raise ValueError(f"its archive holds {member.name!r}, which is no plain file below it")
                if total > LARGEST:
                    raise ValueError(f"it unpacks to more than {LARGEST} bytes")
                archive.extract(member, folder, filter="data")
    except tarfile.TarError as error:
        raise SourceInvalid(f"the feature {reference} is no archive: {error}", "check the reference") from error


@contextmanager
def _session() -> "Iterator[requests.Session]":
    import requests

    with requests.Session() as session:
        yield session


@contextmanager
def _told(reference: str) -> Iterator[None]:
    import requests

    try:
        yield
    except (requests.RequestException, ValueError, OSError) as error:
        raise SourceInvalid(
            f"the feature {reference} cannot be fetched: {error}",
            "check the reference and the way to its registry, or keep the feature as a folder beside devcontainer.json",
        ) from error
