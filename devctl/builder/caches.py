"""Where layers are kept between builds: a registry that answers, or a folder that is swept."""

import http.client
import re
import shutil
import ssl
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devctl.builder.records import BuildOptions
from devctl.errors import BuildRefused
from devctl.records import Record

PROBE_SECONDS = 3.0
MAX_AGE_DAYS = 14.0
MAX_MB = 10_240
_HUB = "registry-1.docker.io"
_REFERENCE = re.compile(r"^(?P<repository>.+?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]*))?$")


class CachePlan(Record):
    """The cache arguments of one build."""

    arguments: tuple[str, ...] = ()
    place: str = ""
    """Where it is written."""
    folder: Path | None = None
    """The new folder, to take the place of the old one when the build has ended well."""
    notes: tuple[str, ...] = ()


def registry_host(reference: str) -> str:
    """The registry in which a reference lies: the first part where that has a dot or a port."""
    first, slash, _ = reference.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else _HUB


def registry_away(reference: str) -> str:
    """Why the registry of a reference cannot be used, or nothing: it must answer at /v2/, if only "who are you?"."""
    host = registry_host(reference)
    problem = ""
    kinds: tuple[type[http.client.HTTPConnection], ...] = (http.client.HTTPSConnection, http.client.HTTPConnection)
    if host.partition(":")[0] in ("localhost", "127.0.0.1"):
        kinds = (http.client.HTTPConnection, http.client.HTTPSConnection)
    for kind in kinds:
        connection = kind(host, timeout=PROBE_SECONDS)
        try:
            connection.request("GET", "/v2/")
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            problem = problem or f"{host} does not answer: {error}"
            continue
        finally:
            connection.close()
        if status in (200, 401, 403):
            return ""
        problem = f"{host} answers /v2/ with {status}, so it is no registry"
    return problem


def registry_plan(reference: str, digest: str, family: str, tags: tuple[str, ...]) -> CachePlan:
    """Read from the cache of the very same files and of the family; write both. Raises BuildRefused."""
    found = _REFERENCE.match(reference)
    repository = found["repository"] if found else reference
    if any(tag.rpartition(":")[0] == repository or tag == repository for tag in tags):
        raise BuildRefused(
            f"the cache {reference!r} lies where the image is to lie", "give the cache a repository of its own"
        )
    names = [f"{repository}:{name}" for name in (digest[:32], family)]
    if found and found["tag"]:
        names = [reference]
    arguments: list[str] = []
    for name in names:
        arguments += ["--cache-from", f"type=registry,ref={name}"]
        options = "mode=max,ignore-error=true,image-manifest=true,oci-mediatypes=true"
        arguments += ["--cache-to", f"type=registry,ref={name},{options}"]
    return CachePlan(arguments=tuple(arguments), place=names[0])


def local_plan(home: Path, family: str, notes: tuple[str, ...]) -> CachePlan:
    """Read from the family's folder and write a new one, which takes its place: an old one would grow for ever."""
    folder = home / family
    fresh = home / f".{family}-{uuid.uuid4().hex}"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    arguments = ["--cache-to", f"type=local,dest={fresh},mode=max,ignore-error=true"]
    if (folder / "index.json").is_file():
        arguments += ["--cache-from", f"type=local,src={folder}"]
    return CachePlan(arguments=tuple(arguments), place=str(folder), folder=fresh, notes=notes)


@contextmanager
def rotated(plan: CachePlan) -> Iterator[None]:
    """Put the new folder in the old one's place when the block ends well; remove it when it does not."""
    if plan.folder is None:
        yield
        return
    try:
        yield
        if plan.folder.is_dir():
            old = plan.folder.with_name(plan.folder.name + "-old")
            if Path(plan.place).is_dir():
                Path(plan.place).rename(old)
            plan.folder.rename(plan.place)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(plan.folder, ignore_errors=True)


def sweep(home: Path, max_age_days: float = MAX_AGE_DAYS, max_mb: float = MAX_MB) -> list[tuple[str, int]]:
    """Remove folders that are too old, then the oldest until the rest is small enough; returns names and bytes.

    Folders that a build is still writing are left alone for a day.
    """
    now = time.time()
    removed: list[tuple[str, int]] = []
    kept: list[tuple[float, Path, int]] = []
    for folder in sorted(home.iterdir()) if home.is_dir() else ():
        age = now - folder.stat().st_mtime
        size = sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
        limit = 1.0 if folder.name.startswith(".") else max_age_days
        if age > limit * 86_400:
            shutil.rmtree(folder, ignore_errors=True)
            removed.append((folder.name, size))
        elif not folder.name.startswith("."):
            kept.append((folder.stat().st_mtime, folder, size))
    total = sum(size for _, _, size in kept)
    for _, folder, size in sorted(kept):
        if total <= max_mb * 2**20:
            break
        shutil.rmtree(folder, ignore_errors=True)
        removed.append((folder.name, size))
        total -= size
    return removed


def choose(home: Path, options: BuildOptions, default: str | None, digest: str, family: str) -> CachePlan:
    """The registry that was asked for, or, where it is away, the local folder with a note."""
    reference = options.cache or default
    notes: tuple[str, ...] = ()
    if reference is not None:
        if not (problem := registry_away(reference)):
            return registry_plan(reference, digest, family, (options.tag,) if options.tag else ())
        notes = (f"the cache is kept in a local folder: {problem}",)
    return local_plan(home, family, notes)
