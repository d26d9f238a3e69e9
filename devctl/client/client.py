"""The client of a service: the methods of the fleet, for whom the token belongs to."""

import base64
import builtins
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from devctl.archives import of_path, receive
from devctl.client.environments import Told
from devctl.client.operations import RemoteOperations
from devctl.client.streams import RemoteStream, as_socket
from devctl.client.uploads import CHUNK, LARGEST_MB, TAR, upload
from devctl.client.wire import LONG_SECONDS, Wire, place
from devctl.files import Budget
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, SecretFile, Snapshot, User
from devctl.reaper.records import Explanation
from devctl.records import ExecResult
from devctl.secret_files import read_secrets
from devctl.serve.records import EnvironmentView
from devctl.settings import DevctlSettings
from devctl.sources.records import Overrides

if TYPE_CHECKING:
    from devctl.admission.audit import AuditFilter, AuditLine
    from devctl.client.hosts import RemoteHosts
    from devctl.client.images import RemoteImages
    from devctl.client.pool import RemoteWarm
    from devctl.client.tunnels import RemoteTunnels
    from devctl.client.upkeep import RemoteTokens, RemoteUpkeep


class Client:
    """Environments over HTTP: the `Environments` of a service; safe to share between threads.

    A token is sent over https, or to loopback; SettingsInvalid otherwise.
    """

    def __init__(self, url: str, token: str, ca: Path | None = None, settings: DevctlSettings | None = None) -> None:
        """`settings` have the caller's own git, with which repositories are cloned; by default of the process."""
        self._wire = Wire(url, token, ca)
        self._settings = settings
        self._operations = RemoteOperations(self._wire)

    @cached_property
    def tunnels(self) -> "RemoteTunnels":
        """HTTPS links to ports."""
        from devctl.client.tunnels import RemoteTunnels

        return RemoteTunnels(self._wire, lambda: self._own().folder)

    @cached_property
    def images(self) -> "RemoteImages":
        """Images that are built, made by answers, and scanned."""
        from devctl.client.images import RemoteImages

        return RemoteImages(self._wire, self._operations)

    @cached_property
    def hosts(self) -> "RemoteHosts":
        """The machines; for admins."""
        from devctl.client.hosts import RemoteHosts

        return RemoteHosts(self._wire, self._operations)

    @cached_property
    def pool(self) -> "RemoteWarm":
        """What is kept warm; for admins."""
        from devctl.client.pool import RemoteWarm

        return RemoteWarm(self._wire, self._operations)

    @cached_property
    def upkeep(self) -> "RemoteUpkeep":
        """The service's machine; for admins."""
        from devctl.client.upkeep import RemoteUpkeep

        return RemoteUpkeep(self._wire, self._operations)

    @cached_property
    def tokens(self) -> "RemoteTokens":
        """Who may use the service; for admins."""
        from devctl.client.upkeep import RemoteTokens

        return RemoteTokens(self._wire)

    def me(self) -> User:
        """Whose token it is."""
        return User.model_validate(self._wire.json("GET", place("me")))

    def up(self, spec: EnvironmentSpec, tree: Path | None = None, progress: Told | None = None) -> EnvironmentRecord:
        """Make an environment; the tree and the secrets of this machine are sent along."""
        secrets = _contents(spec.secrets)
        bare = spec.model_copy(update={"secrets": ()}).model_dump(mode="json")
        wish = {"spec": bare, "secrets": secrets, "tree": upload(self._wire, tree) if tree else None}
        return self._operated(place("environments"), wish, progress)

    def up_source(
        self, source: str, name: str | None = None, *, overrides: Overrides | None = None, command: Sequence[str] = (),
        progress: Told | None = None,
    ) -> EnvironmentRecord:  # fmt: skip
        """Make one of a source; the files and secrets of this machine are sent along, and read by the service."""
        from devctl.client.sending import files_of
        from devctl.sources.resolving import checked_name

        given = overrides or Overrides()
        wish: dict[str, object] = {
            "source": source, "name": checked_name(name) if name else None, "command": list(command),
            "overrides": given.model_copy(update={"secrets": ()}).model_dump(mode="json"),
            "secrets": _contents(given.secrets),
        }  # fmt: skip
        with files_of(source, self._own()) as sent:
            if sent is not None:
                wish |= {"name": name or sent.name, "tree": upload(self._wire, sent.tree), "path": sent.path}
        return self._operated(place("environments"), wish, progress)

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

    def refresh(self) -> None:
        """Nothing: the service does it all the time."""

    def start(self, name: str, progress: Told | None = None) -> EnvironmentRecord:
        """Start a stopped or paused environment."""
        return self._operated(place("environments", name, "start"), None, progress)

    def stop(self, name: str, why: str = "", grace: float = 10.0) -> EnvironmentRecord:
        """End all that runs in it; its files stay."""
        wish, seconds = {"why": why, "grace": grace}, grace + LONG_SECONDS
        return _record(self._wire.json("POST", place("environments", name, "stop"), wish, seconds=seconds))

    def pause(self, name: str) -> EnvironmentRecord:
        """Freeze it."""
        return _record(self._wire.json("POST", place("environments", name, "pause")))

    def remove(self, name: str, why: str = "", force: bool = False) -> None:
        """Remove it with its files."""
        path = place("environments", name, why=why or None, force=force)
        self._wire.json("DELETE", path, seconds=LONG_SECONDS)

    def keep(self, name: str, until: datetime | None) -> EnvironmentRecord:
        """Have the reaper leave it alone until then; None takes that back."""
        moment = until.isoformat() if until else None
        return _record(self._wire.json("PUT", place("environments", name, "keep"), {"until": moment}))

    def why(self, name: str) -> Explanation:
        """Say why it counts as idle or not."""
        return Explanation.model_validate(self._wire.json("GET", place("environments", name, "why")))

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

    def attached(self, name: str, progress: Told | None = None) -> str:
        """Run what is wanted when somebody attaches; its progress is not told."""
        with self._wire.answer("POST", place("environments", name, "attach"), endless=True) as response:
            return str(json.loads(response.read())["why"])

    def logs(self, name: str, follow: bool = False, since: datetime | None = None) -> Iterator[bytes]:
        """What the lifecycle commands and the main process printed; with `follow` as it comes."""
        moment = since.isoformat() if since else None
        path = place("environments", name, "logs", follow=follow, since=moment)
        with self._wire.answer("GET", path, endless=True) as response:
            while piece := response.read1(CHUNK):
                yield piece

    def put(self, name: str, source: Path, target: str = ".") -> None:
        """Copy a file, or what a folder holds, into the work folder."""
        steps: tuple[str, ...] = ()
        folder = target
        if not source.is_dir():
            given = PurePosixPath(target)
            steps, folder = (source.name if target == "." else given.name,), str(given.parent)
        with of_path(source, steps, 0, Budget(LARGEST_MB)) as archive:
            pieces = iter(lambda: archive.read(CHUNK), b"")
            self._wire.send("PUT", place("environments", name, "files", path=folder), pieces, TAR)

    def get_files(self, name: str, source: str, target: Path) -> tuple[str, ...]:
        """Copy a file, or what a folder holds, out of the work folder; returns what was left out."""
        path = place("environments", name, "files", path=source)
        with self._wire.answer("GET", path, endless=True) as response:
            said = json.loads(response.headers.get("Devctl-Left-Out", "[]"))
            left_out = receive(iter(lambda: response.read(CHUNK), b""), target, Budget(LARGEST_MB))
        return (*map(str, said), *left_out)

    def connect(self, name: str, port: int) -> socket.socket:
        """Return a stream to a port inside."""
        found = self._wire.json("POST", place("environments", name, "ports", str(port)))
        return as_socket(RemoteStream(self._wire, found["id"]))

    def snapshot(self, name: str, tag: str) -> Snapshot:
        """Keep its files under a tag."""
        path = place("environments", name, "snapshots")
        return Snapshot.model_validate(self._wire.json("POST", path, {"tag": tag}, seconds=LONG_SECONDS))

    def restore(self, tag: str, name: str, progress: Told | None = None) -> EnvironmentRecord:
        """Make a new environment of a snapshot."""
        return self._operated(place("snapshots", tag, "restore"), {"name": name}, progress)

    def snapshots(self) -> builtins.list[Snapshot]:
        """The caller's snapshots."""
        return [Snapshot.model_validate(one) for one in self._wire.json("GET", place("snapshots"))["items"]]

    def remove_snapshot(self, tag: str) -> None:
        """Remove a snapshot with its image."""
        self._wire.json("DELETE", place("snapshots", tag), seconds=LONG_SECONDS)

    def audit(self, wanted: "AuditFilter | None" = None) -> "builtins.list[AuditLine]":
        """Who wanted what and what was decided, oldest first; those who are no admins see what they wanted themselves."""
        from devctl.admission.audit import AuditFilter, AuditLine

        asked = (wanted or AuditFilter()).model_dump(mode="json", exclude_none=True)
        return [AuditLine.model_validate(one) for one in self._wire.json("GET", place("audit", **asked))["items"]]

    def close(self) -> None:
        """Nothing is kept open."""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _own(self) -> DevctlSettings:
        return self._settings or DevctlSettings.from_environment()

    def _operated(self, path: str, wish: object, progress: Told | None) -> EnvironmentRecord:
        return _record(self._operations.run(path, wish, progress))


def _contents(secrets: Sequence[SecretFile]) -> dict[str, str]:
    return {name: base64.b64encode(value).decode() for name, value in read_secrets(secrets).items()}


def _record(value: Mapping[str, Any]) -> EnvironmentRecord:
    return EnvironmentRecord.model_validate({name: value[name] for name in EnvironmentRecord.model_fields})
