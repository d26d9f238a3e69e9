"""The folders of kept environments under bubblewrap: their files, their state, their secrets in memory."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devctl import mounts
from devctl.errors import LaunchFailed
from devctl.fleet.records import EnvironmentRecord
from devctl.hosts.engine import Found, NetworkPlan, State
from devctl.records import Record
from devctl.store import Store

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MEMORY = Path("/dev/shm")  # noqa: S108 - memory of this machine; the folder in it is private
_SECRETS = "devctl-secrets"


class KeptState(Record):
    """What the state file of a kept folder says."""

    id: str
    home: str
    """The installation that it belongs to."""
    uid: int | None
    created: datetime
    state: State = "stopped"
    boot: str = ""
    """The run of this machine in which it was started; after another start of the machine it is stopped."""
    until: datetime | None = None
    """When its time is up."""
    plan: NetworkPlan = NetworkPlan()


class KeptFolder:
    """One kept environment on this machine."""

    def __init__(self, folder: Path, state: KeptState) -> None:
        self.folder = folder
        self._state = state
        self.uid = state.uid
        self.home = state.home
        self.plan = state.plan
        self.secrets = _MEMORY / f"{_SECRETS}-{os.geteuid()}" / state.id

    def state(self) -> State:
        """Whether it counts as running; never after this machine was started anew."""
        if self._state.state != "stopped" and self._state.boot != _boot():
            return "stopped"
        return self._state.state

    def is_over(self) -> bool:
        """Whether its time is up."""
        return self._state.until is not None and datetime.now(UTC) > self._state.until

    def set_state(self, state: State, seconds: float | None = None) -> None:
        """Write down its state, whole or not at all."""
        until = self._state.until  # stays when it is stopped, so that it can be said that its time was up
        if state == "running":
            until = datetime.now(UTC) + timedelta(seconds=seconds) if seconds is not None else None
        self._state = self._state.model_copy(update={"state": state, "boot": _boot(), "until": until})
        write_state(self.folder, self._state)

    def found(self) -> Found:
        """The same as any host says it."""
        return Found(
            id=self._state.id, container=None, state=self.state(), created=self._state.created,
            exit_code=0 if self.is_over() else None,
        )  # fmt: skip

    def written_mb(self) -> int:
        """How much it has written, in MiB."""
        blocks = 0
        for place, _, files in os.walk(self.folder):
            for name in files:
                with contextlib.suppress(OSError):
                    blocks += (Path(place) / name).lstat().st_blocks
        return blocks * 512 // 2**20

    def put_secrets(self, secrets: Mapping[str, bytes]) -> None:
        """Write secrets into memory, for the environment's user alone."""
        self.secrets.parent.mkdir(mode=0o711, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        for name, content in secrets.items():
            path = self.secrets / name
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
                file.write(content)
            if self.uid is not None:
                os.chown(path, self.uid, self.uid)
        if self.uid is not None:
            os.chown(self.secrets, self.uid, self.uid)

    def clear_secrets(self) -> None:
        """Remove them."""
        shutil.rmtree(self.secrets, ignore_errors=True)


class KeptFolders:
    """All kept environments of one devctl folder."""

    def __init__(self, folder: Path, home: str) -> None:
        self.store = Store(folder, "kept")
        self._home = home
        self._snapshots = folder / "snapshots"

    def create(self, record: EnvironmentRecord, plan: NetworkPlan) -> KeptFolder:
        """Make the folders of a new environment; raises LaunchFailed."""
        folder = self.store.folder(record.id)
        try:
            folder.mkdir(mode=0o700)
            for name in ("pids", *mounts.PRIVATE):
                (folder / name).mkdir(mode=0o755)
            uid = self.store.take_uid(record.id) if os.geteuid() == 0 else None
            state = KeptState(id=record.id, home=self._home, uid=uid, created=record.created, plan=plan)
            write_state(folder, state)
        except OSError as error:
            self.remove(record.id)
            raise LaunchFailed(
                f"its folder {folder} could not be made: {error.strerror}", "make room on the disk"
            ) from error
        return KeptFolder(folder, state)

    def find(self, identity: str) -> KeptFolder | None:
        """The kept environment of that id."""
        folder = self.store.folder(identity)
        try:
            state = KeptState.model_validate(json.loads((folder / "state.json").read_text()))
        except (OSError, ValueError):
            return None
        return KeptFolder(folder, state)

    def all(self) -> Iterator[KeptFolder]:
        """Those of this installation."""
        for folder in sorted(self.store.environments.iterdir()):
            kept = self.find(folder.name)
            if kept is not None and kept.home == self._home:
                yield kept

    def remove(self, identity: str) -> None:
        """Remove a folder with its secrets, and give its uid back; one that is gone is left alone."""
        kept = self.find(identity)
        if kept is not None:
            kept.clear_secrets()
        if self.store.folder(identity).exists():
            self.store.remove(identity)
        if kept is not None and kept.uid is not None:
            self.store.give_uid_back(kept.uid, identity)

    def snapshot_folder(self, tag: str) -> Path:
        """Where the files of a snapshot lie."""
        return self._snapshots / tag


def write_state(folder: Path, state: KeptState) -> None:
    """Write the state file, whole or not at all."""
    path = folder / "state.json"
    path.with_suffix(".new").write_text(state.model_dump_json())
    path.with_suffix(".new").replace(path)


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
