"""What a container's main process prints, as a stream that another thread can end."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import docker
from docker.errors import DockerException

from devctl.fleet.records import EnvironmentRecord, Host
from devctl.hosts.docker_client import translated

if TYPE_CHECKING:
    from docker.types.daemon import CancellableStream


class DockerLog:
    """The log of one container, asked for when it is read."""

    def __init__(
        self, client: docker.DockerClient, host: Host, record: EnvironmentRecord, follow: bool, since: datetime | None
    ) -> None:
        self._client, self._host, self._record = client, host, record
        self._follow, self._since = follow, since
        self._lock = threading.Lock()
        self._closed = False
        self._stream: CancellableStream[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            with translated(self._host, self._record.name):
                yield from self._opened()
        except (AttributeError, ValueError):
            if not self._closed:  # the SDK's way to say that its stream was closed while it was read
                raise

    def close(self) -> None:
        with self._lock:
            self._closed = True
            stream, self._stream = self._stream, None
        if stream is not None:
            _end(stream)

    def _opened(self) -> Iterator[bytes]:
        stream = self._client.api.logs(
            self._record.container_reference,
            stream=True,
            follow=self._follow,
            since=None if self._since is None else self._since.timestamp(),
        )
        with self._lock:
            closed, self._stream = self._closed, stream
        if closed:
            _end(stream)
            return
        yield from stream


def _end(stream: "CancellableStream[bytes]") -> None:
    with contextlib.suppress(DockerException, OSError, AttributeError):  # it may be at its end
        stream.close()
