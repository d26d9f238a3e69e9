"""The host that needs nothing installed: kept folders, and for each command a fresh sandbox of bubblewrap."""

import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

from devctl import cgroups
from devctl.bubblewrap import MEMORY_NOTE, PIDS_NOTE, give_folders
from devctl.capture import TIMED_OUT, MiddleCut, run_tool
from devctl.errors import EnvironmentGone, LaunchFailed
from devctl.fleet.records import EnvironmentRecord
from devctl.hosts import bubblewrap_sandboxes as sandboxes
from devctl.hosts.bubblewrap_ports import connect_inside
from devctl.hosts.bubblewrap_streams import BubblewrapStream, QuietLog
from devctl.hosts.draining import run_stream
from devctl.hosts.engine import HOST_IMAGE, ExecRequest, ExecStream, Found, HostFacts, LogStream, Made, NetworkPlan
from devctl.hosts.kept_folders import KeptFolder, KeptFolders
from devctl.hosts.paths import steps_of
from devctl.records import ExecResult
from devctl.settings import DevctlSettings
from devctl.work_folder import WorkFolder

log = logging.getLogger(__name__)

COPY_SECONDS = 600.0
DISK_NOTE = "the size of each file is limited; that of all files together is watched"


class BubblewrapHost:
    """This machine without a container engine."""

    name = "bubblewrap"
    backend: Literal["docker", "bubblewrap"] = "bubblewrap"
    local = True
    images = None

    def __init__(self, settings: DevctlSettings, home: str) -> None:
        self._settings = settings
        self._kept = KeptFolders(settings.folder, home)
        self._hierarchies = cgroups.hierarchies()

    def create(self, record: EnvironmentRecord, plan: NetworkPlan) -> Made:
        notes = sandboxes.check(record.spec)
        kept = self._kept.create(record, plan)
        try:
            if record.spec.image != HOST_IMAGE:
                self._take_over(record.spec.image.partition(":")[2], kept)
            give_folders(kept.folder, kept.uid)
            kept.set_state("running", record.spec.limits.seconds)
            group = cgroups.make_group(record.id, sandboxes.limits_of(record), self._hierarchies)
        except BaseException:
            self.remove(record)
            raise
        limited = group.controllers if group is not None else frozenset()
        weak = [note for name, note in (("memory", MEMORY_NOTE), ("pids", PIDS_NOTE)) if name not in limited]
        if plan.network != "none":
            weak.append("it shares this machine's network, what listens on loopback too")
        return Made(notes=(*notes, *weak, DISK_NOTE, *plan.notes))

    def _take_over(self, tag: str, kept: KeptFolder) -> None:
        """Copy the files of a snapshot."""
        source = self._kept.snapshot_folder(tag)
        if not source.is_dir():
            raise LaunchFailed(f"the snapshot {tag!r} is not on this machine", "`devctl snapshot --list` lists them")
        for name in ("work", "home"):
            _copy_tree(source / name, kept.folder / name)
            if kept.uid is not None:
                _run(("chown", "-R", "-h", f"{kept.uid}:{kept.uid}", str(kept.folder / name)))

    def adopt(self, record: EnvironmentRecord) -> None:
        """Nothing is kept warm here."""

    def start(self, record: EnvironmentRecord) -> None:
        kept = self._find(record)
        if kept.state() == "paused":
            self._signal(record, signal.SIGCONT)
        kept.set_state("running", record.spec.limits.seconds)

    def stop(self, record: EnvironmentRecord, grace: float) -> None:
        kept = self._find(record)
        kept.set_state("stopped")
        self._end_all(record, grace)
        kept.clear_secrets()

    def _end_all(self, record: EnvironmentRecord, grace: float) -> None:
        """Ask all processes to end, then kill them."""
        if self._kept.store.notes(record.id) and grace > 0:
            self._signal(record, signal.SIGTERM)
            deadline = time.monotonic() + grace
            while self._kept.store.notes(record.id) and time.monotonic() < deadline:
                time.sleep(0.05)
        self._kept.store.end_processes(record.id)
        if (group := cgroups.find_group(record.id, self._hierarchies)) is not None:
            group.remove()

    def pause(self, record: EnvironmentRecord) -> None:
        kept = self._find(record)
        if cgroups.find_group(record.id, self._hierarchies) is None and self._kept.store.notes(record.id):
            raise LaunchFailed("pausing needs control groups, which cannot be made here", "stop it instead")
        kept.set_state("paused")
        self._signal(record, signal.SIGSTOP)

    def _signal(self, record: EnvironmentRecord, number: signal.Signals) -> None:
        """Send a signal to all processes of its control group."""
        group = cgroups.find_group(record.id, self._hierarchies)
        for entrance in group.entrances[:1] if group is not None else ():
            with contextlib.suppress(OSError):
                for pid in entrance.read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), number)

    def remove(self, record: EnvironmentRecord) -> None:
        self._remove(record.id)

    def remove_found(self, found: Found) -> None:
        self._remove(found.id)

    def _remove(self, identity: str) -> None:
        self._kept.store.end_processes(identity)
        if (group := cgroups.find_group(identity, self._hierarchies)) is not None:
            group.remove()
        self._kept.remove(identity)

    def commands(self, record: EnvironmentRecord) -> tuple[str, ...]:
        """What runs in it at this moment."""
        return tuple(f"the command of process {pid}" for pid in self._kept.store.processes(record.id))

    def inspect(self, record: EnvironmentRecord) -> Found | None:
        kept = self._kept.find(record.id)
        if kept is None:
            return None
        if kept.is_over() and kept.state() == "running":
            self.stop(record, 0)
        return kept.found()

    def found(self) -> list[Found]:
        return [kept.found() for kept in self._kept.all()]

    def run(self, record: EnvironmentRecord, request: ExecRequest) -> ExecResult:
        stream = self._open(record, request)
        output = MiddleCut(record.spec.limits.output_bytes)
        begin = time.monotonic()
        try:
            late = run_stream(stream, request, output)
            if late:
                stream.close()
            code = TIMED_OUT if late else stream.wait()
        finally:
            stream.close()
        if not late and self._kept.find(record.id) is None:
            raise EnvironmentGone(f"{record.name!r} was removed while {request.argv[0]!r} ran", "make it anew")
        return ExecResult(
            exit_code=code, output=output.value().decode("utf-8", "replace"), timed_out=late,
            truncated=output.omitted > 0, seconds=time.monotonic() - begin,
        )  # fmt: skip

    def open(self, record: EnvironmentRecord, request: ExecRequest) -> ExecStream:
        return self._open(record, request)

    def _open(self, record: EnvironmentRecord, request: ExecRequest) -> BubblewrapStream:
        kept = self._find(record)
        if kept.state() != "running":
            raise EnvironmentGone(f"{record.name!r} is {kept.state()}", f"`devctl start {record.name}` starts it")
        group = cgroups.make_group(record.id, sandboxes.limits_of(record), self._hierarchies)
        sandbox = sandboxes.sandbox_of(self._settings, record, kept, group)
        with_relay = request.model_copy(update={"argv": (*kept.plan.before, *request.argv)})
        return BubblewrapStream(
            lambda ends: sandboxes.start(sandbox, group, with_relay, ends),
            request.tty,
            lambda pid: self._kept.store.note_process(record.id, pid),
        )

    def connect(self, record: EnvironmentRecord, port: int) -> socket.socket:
        pids = [int(note.name) for note in self._kept.store.notes(record.id)]
        return connect_inside(record.name, pids, port)

    def put(self, record: EnvironmentRecord, source: Path, target: str) -> None:
        self._work(record).put(source, "/".join(steps_of(target, record.spec.workdir)) or ".")

    def get(self, record: EnvironmentRecord, source: str, target: Path) -> tuple[str, ...]:
        return self._work(record).get("/".join(steps_of(source, record.spec.workdir)) or ".", target)

    def _work(self, record: EnvironmentRecord) -> WorkFolder:
        kept = self._find(record)
        return WorkFolder(kept.folder / "work", kept.uid, record.spec.limits.disk_mb)

    def put_secrets(self, record: EnvironmentRecord, secrets: Mapping[str, bytes]) -> None:
        self._find(record).put_secrets(secrets)

    def logs(self, record: EnvironmentRecord, follow: bool, since: datetime | None) -> LogStream:
        return QuietLog(lambda: follow and self._is_up(record))

    def _is_up(self, record: EnvironmentRecord) -> bool:
        kept = self._kept.find(record.id)
        return kept is not None and kept.state() != "stopped"

    def variables(self, record: EnvironmentRecord) -> dict[str, str]:
        return sandboxes.sandbox_of(self._settings, record, self._find(record), None).env

    def image_labels(self, image: str) -> dict[str, str]:
        return {}

    def snapshot(self, record: EnvironmentRecord, tag: str) -> str:
        kept = self._find(record)
        target = self._kept.snapshot_folder(tag)
        scratch = target.with_name(f".{tag}.new")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, mode=0o700)
        for name in ("work", "home"):
            _copy_tree(kept.folder / name, scratch / name)
        scratch.replace(target)
        return f"{HOST_IMAGE}:{tag}"

    def forget(self, image: str) -> None:
        shutil.rmtree(self._kept.snapshot_folder(image.partition(":")[2]), ignore_errors=True)

    def written_mb(self) -> dict[str, int]:
        return {kept.found().id: kept.written_mb() for kept in self._kept.all() if kept.state() == "running"}

    def facts(self) -> HostFacts:
        page = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        running = [kept for kept in self._kept.all() if kept.state() != "stopped"]
        free = shutil.disk_usage(self._settings.folder).free // 2**20
        return HostFacts(
            cpus=os.cpu_count() or 1, memory_mb=page // 2**20, disk_free_mb=free, environments=len(running)
        )

    def close(self) -> None:
        """Nothing is held."""

    def _find(self, record: EnvironmentRecord) -> KeptFolder:
        kept = self._kept.find(record.id)
        if kept is None:
            raise EnvironmentGone(f"{record.name!r} has no folder here any more", "remove it and make it anew")
        return kept


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a folder as it is: owners, links as links, nothing followed."""
    target.mkdir(exist_ok=True, mode=0o755)
    _run(("cp", "-a", "--reflink=auto", f"{source}/.", str(target)))


def _run(argv: tuple[str, ...]) -> None:
    try:
        done = run_tool(argv, seconds=COPY_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise LaunchFailed(f"{argv[0]} cannot be run: {error}") from error
    if done.exit_code != 0:
        hint = "make room on the disk" if "No space left" in done.text else ""
        raise LaunchFailed(f"{argv[0]} failed: {done.text.strip()[-300:]}", hint)
