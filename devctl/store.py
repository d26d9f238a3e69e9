"""The folder of running environments: who owns each, which processes serve it, and what dead owners left."""

import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from devctl.errors import EnvironmentGone, LaunchFailed, NoSuchEnvironment
from devctl.locks import locked
from devctl.records import EnvironmentInfo, Record

log = logging.getLogger(__name__)

FIRST_UID, LAST_UID = 61_184, 65_519
"""The range that systemd keeps for short-lived users; below 65,536, so that small user namespaces have it."""


class State(Record):
    """What a state file says of one environment."""

    info: EnvironmentInfo
    owner_start: int
    """When the owner started, in clock ticks since boot: tells it from a later process of its number."""
    uid: int | None = None
    """The uid that belongs to this environment alone; None where it runs as the owner."""


class Store:
    """The environments of one devctl home; every process that uses the home sees the same ones."""

    def __init__(self, home: Path, kind: str = "environments") -> None:
        """`kind` is the folder below the home: kept environments have one of their own, and uids of the same range."""
        self.home = home
        self.environments = home / kind
        for folder in (home, self.environments, home / "uids"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def folder(self, name: str) -> Path:
        """The private folder of an environment."""
        return self.environments / name

    @contextlib.contextmanager
    def making(self, subfolders: tuple[str, ...], remove: Callable[[str], None]) -> Iterator[tuple[str, Path]]:
        """Make the folder of a new environment, for the block to do the rest.

        Where that does not end well `remove` takes away what was made. Raises LaunchFailed for a disk that is full.
        """
        try:
            name, folder = self.create(subfolders)
            try:
                yield name, folder
            except BaseException:
                remove(name)
                raise
        except OSError as error:
            raise LaunchFailed(
                f"the environment's folder could not be made: {error}", "see whether there is room on the disk"
            ) from error

    def create(self, subfolders: tuple[str, ...]) -> tuple[str, Path]:
        """Make the folder of a new environment under a name that nobody has."""
        while True:
            name = f"e-{secrets.token_hex(4)}"
            try:
                return name, self.create_named(name, subfolders)
            except FileExistsError:
                continue

    def create_named(self, name: str, subfolders: tuple[str, ...]) -> Path:
        """Make the folder of an environment that has its name already; raises FileExistsError."""
        folder = self.folder(name)
        folder.mkdir(mode=0o700)
        try:
            for subfolder in ("pids", *subfolders):
                (folder / subfolder).mkdir(mode=0o755)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def take_uid(self, name: str) -> int:
        """Reserve a uid for one environment; `remove` gives it back."""
        for uid in range(FIRST_UID, LAST_UID):
            try:
                descriptor = os.open(self.home / "uids" / str(uid), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except FileExistsError:
                continue
            try:
                os.write(descriptor, name.encode())
            except OSError:
                (self.home / "uids" / str(uid)).unlink()
                raise
            finally:
                os.close(descriptor)
            return uid
        raise NoSuchEnvironment(
            f"all {LAST_UID - FIRST_UID} user ids are in use", "run `devctl prune` to remove leftovers"
        )

    def record(self, info: EnvironmentInfo, uid: int | None = None) -> None:
        """Write the state file of an environment, whole or not at all."""
        state = State(info=info, owner_start=process_start(info.owner_pid), uid=uid)
        path = self.folder(info.id) / "state.json"
        path.with_suffix(".new").write_text(state.model_dump_json())
        path.with_suffix(".new").replace(path)

    def exists(self, name: str) -> bool:
        """Tell whether an environment is there."""
        return (self.folder(name) / "state.json").is_file()

    def states(self) -> Iterator[State]:
        """The environments that are there, oldest first."""
        found = [state for folder in self.environments.iterdir() if (state := read_state(folder))]
        yield from sorted(found, key=lambda state: state.info.created)

    def note_process(self, name: str, pid: int) -> Path:
        """Write down a process group of an environment, until it has ended; raises EnvironmentGone."""
        note = self.folder(name) / "pids" / str(pid)
        try:
            note.write_text(str(process_start(pid)))
        except FileNotFoundError as error:
            raise EnvironmentGone(f"the environment {name} was stopped", "launch a new one") from error
        return note

    def remove(self, name: str) -> None:
        """Kill what still runs in an environment and remove its folder; one that is gone is left alone."""
        folder = self.folder(name)
        state = read_state(folder)
        (folder / "state.json").unlink(missing_ok=True)
        self.end_processes(name)
        shutil.rmtree(folder, onerror=_open_and_retry)
        if state is not None and state.uid is not None:
            self.give_uid_back(state.uid, name)

    def give_uid_back(self, uid: int, name: str) -> None:
        """Let a uid be reserved again, unless that was done and it is another environment's by now.

        Two programs may remove the same environment, and a third make one in between.
        """
        reserved = self.home / "uids" / str(uid)
        with locked(self.home / "uids.lock"), contextlib.suppress(FileNotFoundError):
            if reserved.read_text() == name:
                reserved.unlink()

    def end_processes(self, name: str) -> None:
        """Kill what is written down as running in an environment."""
        for note in self.notes(name):
            _kill(int(note.name), note)

    def notes(self, name: str) -> list[Path]:
        """The files that write down the processes of an environment, each named by its number."""
        try:
            return sorted((self.folder(name) / "pids").glob("[0-9]*"))
        except FileNotFoundError:  # another program removes it at this moment
            return []

    def processes(self, name: str) -> list[int]:
        """The numbers of those that still run."""
        return [int(note.name) for note in self.notes(name) if _is_running(note)]

    def leftovers(self) -> list[State]:
        """Environments whose owner is gone."""
        return [state for state in self.states() if not is_alive(state)]


def is_alive(state: State) -> bool:
    """Tell whether the process that launched an environment still runs."""
    start = process_start(state.info.owner_pid)
    return start != 0 and start == state.owner_start


def read_state(folder: Path) -> State | None:
    """Read a state file; None when there is none, or when it is being written for the first time."""
    try:
        return State.model_validate(json.loads((folder / "state.json").read_text()))
    except (OSError, ValueError):
        return None


def process_start(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 when there is no such process.

    Field 22 of /proc/PID/stat, counted after the command's name, which may hold anything.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[19])


def _is_running(note: Path) -> bool:
    try:
        started = int(note.read_text() or 0)
    except (OSError, ValueError):
        return False
    return started != 0 and process_start(int(note.name)) == started


def _kill(pid: int, note: Path) -> None:
    try:
        started = int(note.read_text() or 0)
        if started and process_start(pid) == started:
            os.killpg(pid, signal.SIGKILL)
    except (OSError, ValueError):
        log.debug("process %s of %s had ended", pid, note.parent.parent.name)


def _open_and_retry(_function: Callable[..., Any], path: str, error: tuple[type, BaseException, object]) -> None:
    """Remove what a program inside had made unwritable for its own user."""
    if isinstance(error[1], FileNotFoundError):
        return  # another program removes the same environment
    parent = Path(path).parent
    try:
        for folder in (parent, Path(path)):
            if folder.is_dir() and not folder.is_symlink():
                folder.chmod(stat.S_IRWXU)
        if Path(path).is_dir() and not Path(path).is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)
    except OSError as second:
        log.warning("%s could not be removed: %s", path, second)
