"""Commands in containers as streams, and their end with all their children."""

import contextlib
import secrets
import socket
import struct
import threading
from typing import Any

import docker
from docker.errors import APIError, DockerException

from devctl.errors import EnvironmentGone
from devctl.hosts.engine import ExecRequest

TOKEN = "DEVCTL_EXEC"  # noqa: S105 - the name of a variable
"""By its value in their environment the processes of one command are found."""

# Frozen first, so that nothing forks away meanwhile; children that cleared their environment are found by their parent.
_END = r"""
known=' '
while :; do
  more=
  for f in $(grep -lsF "DEVCTL_EXEC=$1" /proc/[0-9]*/environ); do
    p=${f#/proc/}; p=${p%/environ}
    case "$known" in *" $p "*) ;; *) more="$more $p"; known="$known$p ";; esac
  done
  for s in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null <"$s" || continue
    p=${line%% *}; rest=${line##*) }; rest=${rest#* }; parent=${rest%% *}
    case "$known" in *" $p "*) ;; *" $parent "*) more="$more $p"; known="$known$p ";; esac
  done
  [ -n "$more" ] || break
  kill -STOP $more 2>/dev/null
done
[ "$known" = ' ' ] || kill -KILL $known 2>/dev/null
exit 0
"""
_CHUNK = 65_536


class DockerStream:
    """A command in a container."""

    def __init__(self, client: docker.DockerClient, container: str, request: ExecRequest, env: dict[str, str]) -> None:
        """Start it; `request` has its user and an absolute folder. Raises what the SDK raises."""
        self._api = client.api
        self._container = container
        self._user = request.user or ""
        self._token = secrets.token_hex(8)
        created = self._api.exec_create(
            container, list(request.argv), environment={**env, TOKEN: self._token}, user=self._user,
            workdir=request.cwd, stdin=True, tty=request.tty,
        )  # fmt: skip
        self._id = created["Id"]
        self._tty = request.tty
        raw: Any = self._api.exec_start(self._id, tty=request.tty, socket=True)  # of a kind for each transport
        self._raw = raw
        self._socket: Any = getattr(raw, "_sock", raw)
        _without_timeout(self._socket)
        self._reader = raw._response.raw._fp.fp  # holds what came together with the answer's head
        self._left = 0
        self._stream = 1
        self._closed = threading.Event()
        self._closing = threading.Lock()
        if request.size is not None:
            self.resize(*request.size)

    def read(self) -> tuple[int, bytes] | None:
        try:
            return self._read()
        except (OSError, ValueError):
            if self._closed.is_set():
                return None
            raise

    def _read(self) -> tuple[int, bytes] | None:
        if self._tty:
            data = self._reader.read1(_CHUNK)
            return (1, data) if data else None
        while self._left == 0:
            head = self._reader.read(8)
            if len(head) < 8:
                return None
            self._stream, self._left = struct.unpack(">BxxxL", head)
        data = self._reader.read1(min(self._left, _CHUNK))
        self._left -= len(data)
        return (self._stream, data) if data else None

    def write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return  # a command that reads no more is no error of ours
        except (OSError, ValueError):
            if not self._closed.is_set():
                raise

    def close_input(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def resize(self, rows: int, columns: int) -> None:
        if self._tty:
            with contextlib.suppress(APIError):  # it may have ended just now
                self._api.exec_resize(self._id, height=rows, width=columns)

    def wait(self) -> int:
        code = None
        for pause in (0.0, 0.005, 0.02, 0.1, 0.5, 1.0):
            threading.Event().wait(pause)
            found = self._api.exec_inspect(self._id)
            code = found["ExitCode"]
            if code is not None and not found["Running"]:
                return int(code)
        raise EnvironmentGone(f"the container {self._container[:12]} ended while a command ran in it", "see its logs")

    def end(self) -> bool:
        """End it with all its children; False where the container has no room for the program that does it."""
        if self._ended():
            return True
        try:
            ending = self._api.exec_create(
                self._container, ["sh", "-c", _END, "sh", self._token], user=self._user, workdir="/"
            )
            self._api.exec_start(ending["Id"])
            done: bool = self._api.exec_inspect(ending["Id"])["ExitCode"] == 0
        except APIError:
            return False
        return done

    def close(self) -> None:
        with self._closing:
            if self._closed.is_set():
                return
            self._closed.set()
        self._hang_up()  # first: an engine that cannot pass output on tells of no command's end in that container
        with contextlib.suppress(DockerException, OSError):
            self.end()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._raw._response.close()
        for end in (self._reader, self._raw):
            with contextlib.suppress(OSError):
                end.close()
        self._socket.close()  # what the SDK returns is a view of the socket that it never closes itself

    def __enter__(self) -> "DockerStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ended(self) -> bool:
        with contextlib.suppress(APIError):
            return not self._api.exec_inspect(self._id)["Running"]
        return True


def _without_timeout(connection: Any) -> None:
    """The client's time limit is for calls, not for a command that says nothing for an hour."""
    settimeout = getattr(connection, "settimeout", None)
    if settimeout is not None:
        settimeout(None)
