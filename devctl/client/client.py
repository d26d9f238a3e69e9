"""The client of a service: the methods of the fleet, for whom the token belongs to."""

import base64
import builtins
import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from devctl.archives import of_path, receive
from devctl.client.streams import RemoteStream, as_socket
from devctl.client.wire import Wire, error_from, place
from devctl.errors import ServiceUnreachable
from devctl.files import Budget
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, Snapshot, User
from devctl.records import ExecResult
from devctl.secret_files import read_secrets
from devctl.serve.records import EnvironmentView

Told = Callable[[str], None]
LARGEST_MB = 1_000_000
_WAIT_SECONDS = 20
_CHUNK = 262_144
_TAR = "application/x-tar"


class Client:
    """Environments over HTTP; safe to share between threads. Its errors are those of the fleet, and
    ServiceUnreachable and TokenRefused besides."""

    def __init__(self, url: str, token: str, ca: Path | None = None) -> None:
        self._wire = Wire(url, token, ca)

    def me(self) -> User:
        """Whose token it is."""
        return User.model_validate(self._wire.json("GET", place("me")))

    def up(self, spec: EnvironmentSpec, tree: Path | None = None, progress: Told | None = None) -> EnvironmentRecord:
        """Make an environment; the tree and the secrets of this machine are sent along."""
        found = read_secrets(spec.secrets)
        secrets = {name: base64.b64encode(value).decode() for name, value in found.items()}
        bare = spec.model_copy(update={"secrets": ()}).model_dump(mode="json")
        wish = {"spec": bare, "secrets": secrets, "tree": self._upload(tree) if tree else None}
        return self._followed("POST", place("environments"), wish, progress)

    def up_source(self, source: str, name: str | None = None, progress: Told | None = None) -> EnvironmentRecord:
        """Make an environment of an image or of a git address that the service can reach."""
        return self._followed("POST", place("environments"), {"source": source, "name": name}, progress)

    def get(self, name: str) -> EnvironmentRecord:
        """Find an environment."""
        return _record(self._wire.json("GET", place("environments", name)))

    def list(self, *, all_users: bool = False, labels: Mapping[str, str] | None = None) -> list[EnvironmentRecord]:
        """The caller's environments, or all for an admin; oldest first."""
        found = [_record(one.model_dump()) for one in self.views(all_users=all_users, labels=labels)]
        return sorted(found, key=lambda one: (one.created, one.id))

    def views(
        self, *, all_users: bool = False, labels: Mapping[str, str] | None = None
    ) -> builtins.list[EnvironmentView]:
        """The same by name, with what they use and their badges."""
        wanted = [f"{name}={value}" for name, value in (labels or {}).items()]
        found: builtins.list[EnvironmentView] = []
        after: str | None = None
        while True:
            page = self._wire.json("GET", place("environments", all_users=all_users, label=wanted, after=after))
            found += [EnvironmentView.model_validate(one) for one in page["items"]]
            if (after := page["next"]) is None:
                return found

    def start(self, name: str, progress: Told | None = None) -> EnvironmentRecord:
        """Start a stopped or paused environment."""
        return self._followed("POST", place("environments", name, "start"), None, progress)

    def stop(self, name: str, why: str = "", grace: float = 10.0) -> EnvironmentRecord:
        """End all that runs in it; its files stay."""
        return _record(self._wire.json("POST", place("environments", name, "stop"), {"why": why, "grace": grace}))

    def pause(self, name: str) -> EnvironmentRecord:
        """Freeze it."""
        return _record(self._wire.json("POST", place("environments", name, "pause")))

    def remove(self, name: str, why: str = "", force: bool = False) -> None:
        """Remove it with its files."""
        self._wire.json("DELETE", place("environments", name, why=why or None, force=force))

    def keep(self, name: str, until: datetime | None) -> EnvironmentRecord:
        """Have the reaper leave it alone until then; None takes that back."""
        moment = until.isoformat() if until else None
        return _record(self._wire.json("PUT", place("environments", name, "keep"), {"until": moment}))

    def exec(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: bytes | None = None,
        cwd: str | None = None, seconds: float | None = None, tty: bool = False,
    ) -> ExecResult:  # fmt: skip
        """Run a command to its end."""
        wish = {
            "argv": list(argv), "env": dict(env or {}), "cwd": cwd, "seconds": seconds, "tty": tty, "wait": True,
            "stdin": None if stdin is None else base64.b64encode(stdin).decode(),
        }  # fmt: skip
        body = json.dumps(wish).encode()
        headers = {"Content-Type": "application/json"}
        path = place("environments", name, "execs")
        with self._wire.answer("POST", path, body, headers, endless=True) as response:
            return ExecResult.model_validate_json(response.read())

    def open_exec(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None,
        tty: bool = False, size: tuple[int, int] | None = None,
    ) -> RemoteStream:  # fmt: skip
        """Start a command as a stream."""
        rows, columns = size or (None, None)
        wish = {"argv": list(argv), "env": dict(env or {}), "cwd": cwd, "tty": tty, "rows": rows, "columns": columns}
        found = self._wire.json("POST", place("environments", name, "execs"), wish)
        return RemoteStream(self._wire, found["id"])

    def logs(self, name: str, follow: bool = False, since: datetime | None = None) -> Iterator[bytes]:
        """What the lifecycle commands and the main process printed; with `follow` as it comes."""
        moment = since.isoformat() if since else None
        path = place("environments", name, "logs", follow=follow, since=moment)
        with self._wire.answer("GET", path, endless=True) as response:
            while piece := response.read1(_CHUNK):
                yield piece

    def put(self, name: str, source: Path, target: str = ".") -> None:
        """Copy a file, or what a folder holds, into the work folder."""
        steps: tuple[str, ...] = ()
        folder = target
        if not source.is_dir():
            given = PurePosixPath(target)
            steps, folder = (source.name if target == "." else given.name,), str(given.parent)
        with of_path(source, steps, 0, Budget(LARGEST_MB)) as archive:
            pieces = iter(lambda: archive.read(_CHUNK), b"")
            self._wire.send("PUT", place("environments", name, "files", path=folder), pieces, _TAR)

    def get_files(self, name: str, source: str, target: Path) -> tuple[str, ...]:
        """Copy a file, or what a folder holds, out of the work folder; returns what was left out."""
        path = place("environments", name, "files", path=source)
        with self._wire.answer("GET", path, endless=True) as response:
            said = json.loads(response.headers.get("Devctl-Left-Out", "[]"))
            left_out = receive(iter(lambda: response.read(_CHUNK), b""), target, Budget(LARGEST_MB))
        return (*map(str, said), *left_out)

    def connect(self, name: str, port: int) -> socket.socket:
        """Return a stream to a port inside."""
        found = self._wire.json("POST", place("environments", name, "ports", str(port)))
        return as_socket(RemoteStream(self._wire, found["id"]))

    def snapshot(self, name: str, tag: str) -> Snapshot:
        """Keep its files under a tag."""
        return Snapshot.model_validate(self._wire.json("POST", place("environments", name, "snapshots"), {"tag": tag}))

    def restore(self, tag: str, name: str, progress: Told | None = None) -> EnvironmentRecord:
        """Make a new environment of a snapshot."""
        return self._followed("POST", place("snapshots", tag, "restore"), {"name": name}, progress)

    def snapshots(self) -> builtins.list[Snapshot]:
        """The caller's snapshots."""
        return [Snapshot.model_validate(one) for one in self._wire.json("GET", place("snapshots"))["items"]]

    def remove_snapshot(self, tag: str) -> None:
        """Remove a snapshot with its image."""
        self._wire.json("DELETE", place("snapshots", tag))

    def close(self) -> None:
        """Nothing is kept open."""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _upload(self, tree: Path) -> str:
        with of_path(tree, (), 0, Budget(LARGEST_MB)) as archive:
            pieces = iter(lambda: archive.read(_CHUNK), b"")
            return str(self._wire.send("POST", place("uploads"), pieces, _TAR)["id"])

    def _followed(self, method: str, path: str, wish: object, progress: Told | None) -> EnvironmentRecord:
        """Begin an operation and follow it to its end; a broken connection neither ends nor repeats it."""
        key = {"Idempotency-Key": uuid.uuid4().hex}
        operation = self._begun(method, path, wish, key)
        told = 0
        while operation["state"] == "running":
            told = self._tell(operation["id"], told, progress)
            operation = self._wire.json(
                "GET", place("operations", operation["id"], wait=1 if progress else _WAIT_SECONDS)
            )
        self._tell(operation["id"], told, progress)
        if operation["state"] == "failed":
            raise error_from(operation["error"])
        return _record(operation["result"])

    def _begun(self, method: str, path: str, wish: object, key: Mapping[str, str]) -> Any:
        """Send it, and once more under the same key where the answer was lost on its way."""
        try:
            return self._wire.json(method, path, wish, key)
        except ServiceUnreachable:
            time.sleep(0.5)
            return self._wire.json(method, path, wish, key)

    def _tell(self, identity: str, told: int, progress: Told | None) -> int:
        """Pass on what was told since; only what is there, without waiting."""
        if progress is None:
            return told
        for event in self._wire.json("GET", place("operations", identity, "steps", after=told))["items"]:
            progress(event["text"])
            told = event["number"]
        return told


def _record(value: Mapping[str, Any]) -> EnvironmentRecord:
    return EnvironmentRecord.model_validate({name: value[name] for name in EnvironmentRecord.model_fields})
