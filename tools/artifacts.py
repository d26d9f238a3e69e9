"""The artifact store: any fsspec URL, `file://` by default.

The one adapter for fsspec. Errors: ArtifactsUnavailable, ArtifactMissing, ArtifactCorrupt, DiskFull.
"""

import errno
import hashlib
import io
import logging
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

from tools.errors import ArtifactCorrupt, ArtifactMissing, ArtifactsError, ArtifactsUnavailable, DiskFull
from tools.record import Record

logger = logging.getLogger(__name__)

_CHUNK = 1 << 20
_SEGMENT = re.compile(r"[A-Za-z0-9._@+=,-]+(?: [A-Za-z0-9._@+=,-]+)*")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ArtifactRef(Record):
    """Where an artifact lies and what it holds."""

    url: str
    sha256: str
    """Hex digest of the bytes."""
    size: int
    """Bytes."""


class ArtifactStore:
    """Keeps bytes under relative paths below one URL; may be used by several threads and machines at once.

    On `file://` a write is atomic: a reader sees the old bytes or the new ones, and a failed write leaves
    nothing. Object stores are atomic by themselves.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self._shown = urlunsplit(parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1]))
        self._local = parts.scheme == "file"
        self._files: Any = None
        self._root = ""

    def put(self, path: str, content: bytes | Path) -> ArtifactRef:
        """Store bytes, or the bytes of a file, at a relative path, in place of what lay there."""
        target = self._place(path)
        digest, size = hashlib.sha256(), 0
        with _reading(content) as source, self._translated("write", path), self._writing(target) as out:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
        logger.info("artifact %s/%s: %d bytes", self._shown, path, size)
        return ArtifactRef(url=f"{self.url}/{path}", sha256=digest.hexdigest(), size=size)

    def put_version(self, path: str, content: bytes) -> ArtifactRef:
        """Store bytes beside the earlier versions of a path, under a name that holds their digest.

        For what is written anew while others still read what they were given: their references stay good.
        """
        name = PurePosixPath(path)
        digest = hashlib.sha256(content).hexdigest()[:16]
        return self.put(str(name.with_name(f"{name.stem}-{digest}{name.suffix}")), content)

    def get(self, ref: ArtifactRef) -> bytes:
        """The bytes of an artifact; ArtifactCorrupt when they do not have the recorded digest."""
        content = self.read(self._path_of(ref))
        found = hashlib.sha256(content).hexdigest()
        if found != ref.sha256:
            raise ArtifactCorrupt(
                f"artifact {ref.url} has the sha256 {found}, recorded was {ref.sha256}",
                "Somebody changed the store, or the run that wrote it is not this one: retry the task.",
            )
        return content

    def read(self, path: str) -> bytes:
        """The bytes at a relative path, whatever their digest; ArtifactMissing when there are none."""
        target = self._place(path)
        with self._translated("read", path):
            content: bytes = self._filesystem().cat_file(target)
            return content

    def exists(self, path: str) -> bool:
        """Whether something lies at a relative path."""
        target = self._place(path)
        with self._translated("look for", path):
            return bool(self._filesystem().isfile(target))

    def _place(self, path: str) -> str:
        segments = path.split("/")
        if any(part in {".", ".."} or not _SEGMENT.fullmatch(part) for part in segments):
            raise ArtifactsError(
                f"{path!r} is no artifact path",
                "Use relative paths of letters, digits, spaces within names, and . _ @ + = , -",
            )
        self._filesystem()
        return f"{self._root}/{path}"

    def _path_of(self, ref: ArtifactRef) -> str:
        prefix = f"{self.url}/"
        if not ref.url.startswith(prefix):
            raise ArtifactMissing(
                f"artifact {ref.url} does not lie in the store {self._shown}",
                "Start this worker with the same artifact URL as the others.",
            )
        return ref.url.removeprefix(prefix)

    def _filesystem(self) -> Any:
        if self._files is None:
            import fsspec

            try:
                files, root = fsspec.core.url_to_fs(self.url)
            except (ImportError, ValueError) as error:
                raise ArtifactsUnavailable(
                    f"the artifact URL {self._shown} cannot be used: {error}",
                    "Install the package that the message names, or use file:///folder.",
                ) from error
            if self._local:  # fsspec takes %20 in a file URL as it stands
                root = url2pathname(urlsplit(self.url).path)
            self._files, self._root = files, str(root).rstrip("/")
        return self._files

    @contextmanager
    def _writing(self, target: str) -> Iterator[IO[bytes]]:
        files = self._filesystem()
        if not self._local:
            with files.open(target, "wb") as out:
                yield out
            return
        final = Path(target)
        final.parent.mkdir(parents=True, exist_ok=True)
        self._refuse_links_out(final)
        partial = final.with_name(f".{final.name[:100]}.{secrets.token_hex(6)}.part")
        try:
            with partial.open("xb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
            partial.replace(final)
        finally:
            partial.unlink(missing_ok=True)

    def _refuse_links_out(self, final: Path) -> None:
        if not final.parent.resolve().is_relative_to(Path(self._root).resolve()):
            raise ArtifactsError(f"{final} leads out of the store {self._shown} through a link", "Remove the link.")

    @contextmanager
    def _translated(self, verb: str, path: str) -> Iterator[None]:
        place = f"{self._shown}/{path}"
        try:
            yield
        except FileNotFoundError as error:
            raise ArtifactMissing(f"there is no artifact {place}", "Retry the task that makes it.") from error
        except OSError as error:
            if error.errno in _FULL:
                hint = "Free some space there, then retry; nothing half-written was left."
                raise DiskFull(f"no space left to {verb} artifact {place}: {error.strerror}", hint) from error
            raise ArtifactsUnavailable(
                f"cannot {verb} artifact {place}: {error}",
                "Check that the store is there and may be written.",
            ) from error


@contextmanager
def _reading(content: bytes | Path) -> Iterator[IO[bytes]]:
    if isinstance(content, bytes):
        yield io.BytesIO(content)
        return
    with content.open("rb") as source:
        yield source
