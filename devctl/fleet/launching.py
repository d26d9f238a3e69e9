"""The way of a launch: reserved, placed, made, filled, run; whatever goes wrong, what was made is removed again."""

import contextlib
import errno
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from devctl.errors import DevctlError, EnvironmentGone, LaunchFailed, StateUnavailable
from devctl.fleet.database import Database
from devctl.fleet.interfaces import CREATING_SECONDS, Activity, Admission, Egress, HostPool, Pool
from devctl.fleet.launches import Launches, TimedLaunch
from devctl.fleet.lifecycle import AT_ATTACH, AT_CREATION, LifecycleRunner, Progress
from devctl.fleet.printed import Lived, Printed
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, Moment, User
from devctl.fleet.rows import Rows
from devctl.hosts.engine import HostEngine
from devctl.secret_files import read_secrets

log = logging.getLogger(__name__)

RENEW_SECONDS = 60.0


@dataclass(frozen=True)
class Parts:
    """What a fleet is made of."""

    database: Database
    admission: Admission
    hosts: HostPool
    activity: Activity
    egress: Egress
    pool: Pool | None = None


class Launching:
    """Makes and starts environments."""

    def __init__(self, parts: Parts, renew_seconds: float = RENEW_SECONDS) -> None:
        self._parts = parts
        self._renew_seconds = renew_seconds
        self._rows = Rows(parts.database)
        self._printed = Printed(parts.database)
        self._lived = Lived(parts.database)
        self._launches = Launches(parts.database)

    def up(self, user: User, spec: EnvironmentSpec, tree: Path | None, progress: Progress) -> EnvironmentRecord:
        """Make an environment and run what it wants run at its creation."""
        secrets = read_secrets(spec.secrets)  # before anything is made: a missing file is the commonest mistake
        with self._launches.timed() as timed:
            record = self._made(user, spec, tree, secrets, progress, timed)
        log.info("launched %s (%s) on %s for %s", record.name, record.id, record.host, record.owner)
        engine = self._parts.hosts.engine(record.host)
        return self._live(engine, record, AT_CREATION, progress)

    def _made(
        self, user: User, spec: EnvironmentSpec, tree: Path | None, secrets: Mapping[str, bytes], progress: Progress,
        timed: TimedLaunch,
    ) -> EnvironmentRecord:  # fmt: skip
        """Reserve it, place it and have it made; with whatever goes wrong nothing stays."""
        record = self._parts.admission.reserve(user, spec, CREATING_SECONDS)
        progress(f"reserved {record.name}")
        with self._going_on(record):
            return self._filled(user, record, tree, secrets, progress, timed)

    def _filled(
        self, user: User, record: EnvironmentRecord, tree: Path | None, secrets: Mapping[str, bytes],
        progress: Progress, timed: TimedLaunch,
    ) -> EnvironmentRecord:  # fmt: skip
        spec = record.spec
        engine: HostEngine | None = None
        try:
            record = record.model_copy(update={"host": self._parts.hosts.place(record)})
            timed.host = record.host
            engine = self._parts.hosts.engine(record.host)
            progress(f"placed on {record.host}")
            self._parts.hosts.bring(spec.image, record.host)
            from devctl.sources.image_metadata import follow_image  # what `devctl ls` need not load

            labels = engine.image_labels(spec.image)
            self._parts.admission.confirm(user, record, labels)
            if (followed := follow_image(record.spec, labels)) != record.spec:
                record = self._rows.set_spec(record, followed)
            record = self._make(engine, record, progress, timed)
            self._renew(record)
            if tree is not None:
                progress(f"putting {tree} into {spec.workdir}")
                engine.put(record, tree, ".")
            if secrets:
                engine.put_secrets(record, secrets)
            return self._running(record)
        except OSError as error:
            self._undo(engine, record, error)
            hint = "make room on the disk" if error.errno == errno.ENOSPC else "see whether the files can be read"
            raise LaunchFailed(f"{record.name!r} could not be made: {error}", hint) from error
        except BaseException as error:
            self._undo(engine, record, error)
            raise

    def start(self, user: User, record: EnvironmentRecord, progress: Progress) -> EnvironmentRecord:
        """Start an environment again; its secrets are read anew, as they lay in memory."""
        engine = self._parts.hosts.engine(record.host)
        if record.phase == "paused":
            engine.start(record)
            return self._rows.move(record, "running", only_from=("paused",)) or record
        secrets = read_secrets(record.spec.secrets)
        before = record.phase
        record = self._parts.admission.reserve_start(user, record, CREATING_SECONDS)
        try:
            with self._going_on(record):
                self._parts.egress.plan(record, engine)  # what serves it may have ended with the machine
                engine.start(record)
                self._parts.egress.check(record, engine)
                if secrets:
                    engine.put_secrets(record, secrets)
                record = self._running(record)
        except BaseException as error:
            with contextlib.suppress(DevctlError, OSError):
                engine.stop(record, 0)
            self._rows.move(record, "failed" if before == "failed" else "stopped", f"did not start: {error}")
            raise
        log.info("started %s (%s)", record.name, record.id)
        return self._live(engine, record, AT_CREATION, progress)

    def _make(
        self, engine: HostEngine, record: EnvironmentRecord, progress: Progress, timed: TimedLaunch
    ) -> EnvironmentRecord:
        """Take a container of the warm stock, or have one made."""
        plan = self._parts.egress.plan(record, engine)
        if (
            self._parts.pool is not None
            and not plan.binds
            and record.spec.gpu.want == "none"
            and (container := self._parts.pool.claim(record, record.host)) is not None
        ):
            record = self._rows.set_made(record, container, gpu=False)
            engine.adopt(record)
            timed.way = "warm"
            progress("took a warm container")
            notes: tuple[str, ...] = plan.notes
        else:
            made = engine.create(record, plan)
            record = self._rows.set_made(record, made.container, made.gpu)
            self._parts.egress.check(record, engine)
            progress("made its container" if made.container else "made its folders")
            notes = made.notes
        env = {**plan.env, **record.spec.env}
        if record.spec.remote_env:
            from devctl.sources.variables import settle_env

            env |= settle_env(record.spec.remote_env, engine.variables(record))
        changed = {"env": env, "notes": tuple(dict.fromkeys((*record.spec.notes, *notes)))}
        return self._rows.set_spec(record, record.spec.model_copy(update=changed))

    @contextlib.contextmanager
    def _going_on(self, record: EnvironmentRecord) -> Iterator[None]:
        """Say now and then that a launch goes on, however long its image takes to come, while the block runs."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(self._renew_seconds):
                try:
                    self._rows.renew(record, CREATING_SECONDS)
                except StateUnavailable as error:
                    log.warning("that the launch of %s goes on is not written down: %s", record.name, error)

        renewer = threading.Thread(target=renew, name=f"launch-{record.id}", daemon=True)
        renewer.start()
        try:
            yield
        finally:
            ended.set()
            renewer.join()

    def _renew(self, record: EnvironmentRecord) -> None:
        """Say that this launch goes on; raises EnvironmentGone when it was taken for dead, or removed."""
        if not self._rows.renew(record, CREATING_SECONDS):
            raise EnvironmentGone(f"{record.name!r} was removed while it was being made", "make it again")

    def _running(self, record: EnvironmentRecord) -> EnvironmentRecord:
        """Say that it runs; raises EnvironmentGone when somebody removed it while it was being made."""
        moved = self._rows.move(record, "running", only_from=("creating",))
        if moved is None:
            raise EnvironmentGone(f"{record.name!r} was removed while it was being made", "make it again")
        return moved

    def _live(
        self, engine: HostEngine, record: EnvironmentRecord, moments: tuple[Moment, ...], progress: Progress
    ) -> EnvironmentRecord:
        """Run lifecycle commands; a failing one leaves the environment, and is said so."""
        why = LifecycleRunner(engine, record, self._printed, self._lived, progress).run(moments)
        if not why:
            return record
        log.warning("%s: %s", record.name, why)
        return self._rows.move(record, "running", why, only_from=("running",)) or record

    def attached(self, record: EnvironmentRecord, progress: Progress) -> str:
        """Run what is wanted whenever somebody attaches; returns why it ended early, or nothing."""
        engine = self._parts.hosts.engine(record.host)
        return LifecycleRunner(engine, record, self._printed, self._lived, progress).run(AT_ATTACH)

    def _undo(self, engine: HostEngine | None, record: EnvironmentRecord, error: BaseException) -> None:
        """Remove what a launch left. What cannot be removed now is removed by `reconcile`, as its row says `failed`."""
        why = str(error) or type(error).__name__
        try:
            if engine is not None:
                engine.remove(record)
                self._parts.egress.release(record, engine)
        except (DevctlError, OSError) as second:
            why = f"{why} (and what was made could not be removed yet: {second})"
        self._rows.move(record, "failed", why, only_from=("creating",))
