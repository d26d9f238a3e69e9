"""Bringing rows and hosts together again after crashes, and while things end by themselves."""

import contextlib
import logging

from devctl.errors import DevctlError, HostUnreachable, NoHost
from devctl.fleet.launching import Parts
from devctl.fleet.records import EnvironmentRecord
from devctl.fleet.rows import Rows
from devctl.hosts.engine import Found, HostEngine

log = logging.getLogger(__name__)

OUT_OF_MEMORY = "its main process was killed: it took more memory than its limit"


class Reconciler:
    """Compares the environments of each host with the rows."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rows = Rows(parts.database)

    def refresh(self) -> None:
        """Correct the phases; nothing is removed."""
        for host in self._parts.hosts.names():
            self._compare(host)

    def reconcile(self, only: str | None = None) -> list[str]:
        """Undo launches whose launcher died, remove containers without a row, correct the phases."""
        done = self.undo_overdue()
        for host in self._parts.hosts.names():
            if only in (None, host):
                done += self._compare(host)
                done += self._remove_unknown(host)
        return done

    def undo_overdue(self) -> list[str]:
        """Undo what dead launchers were making or starting; on a host that does not answer that is done later."""
        done = []
        for record in self._rows.overdue():
            if record.started is not None:
                done += self._undo_start(record)
                continue
            self.take_away(record, force=True)
            if self._rows.move(record, "failed", "its launcher ended before it was made", only_from=("creating",)):
                done.append(f"undid the launch of {record.name}, whose launcher ended")
        return done

    def stop_overfull(self) -> list[str]:
        """Stop what has written more than its limit, where the host's storage does not see to it; says which."""
        done = []
        for host in self._parts.hosts.names():
            try:
                engine = self._parts.hosts.engine(host)
                written = engine.written_mb()
            except HostUnreachable as error:
                log.info("%s was not looked at: %s", host, error.message)
                continue
            for record in self._rows.on_host(host):
                size, most = written.get(record.id, 0), record.spec.limits.disk_mb
                if record.phase == "running" and size > most:
                    engine.stop(record, 0)
                    why = f"it wrote {size} MiB, and its limit is {most}"
                    self._rows.move(record, "stopped", why, only_from=("running",))
                    done.append(f"stopped {record.name}: {why}")
        return done

    def look_after(self, record: EnvironmentRecord) -> EnvironmentRecord | None:
        """Correct one environment's phase; None when its host cannot tell."""
        try:
            engine = self._parts.hosts.engine(record.host)
            self._correct(engine, record, engine.inspect(record))
        except (HostUnreachable, NoHost):
            return None
        return self._rows.by_id(record.id)

    def take_away(self, record: EnvironmentRecord, force: bool = False) -> None:
        """Remove what an environment has on its host; with `force` a host that does not answer is no hindrance."""
        if not record.host:
            return
        try:
            engine = self._parts.hosts.engine(record.host)
            engine.remove(record)
            self._parts.egress.release(record, engine)
        except (HostUnreachable, NoHost):
            if not force:
                raise
            log.warning("%s stays on %s, which does not answer, until that is reconciled", record.id, record.host)

    def _undo_start(self, record: EnvironmentRecord) -> list[str]:
        """Stop one that was being started again: its files are its user's, and stay."""
        with contextlib.suppress(DevctlError):  # where it runs after all, `_compare` finds it so
            self._parts.hosts.engine(record.host).stop(record, 0)
        if self._rows.move(record, "stopped", "the program that started it ended", only_from=("creating",)):
            return [f"undid the start of {record.name}, whose program ended"]
        return []

    def _compare(self, host: str) -> list[str]:
        """Correct the phases of the rows of one host."""
        records = [one for one in self._rows.on_host(host) if one.phase not in ("creating", "failed")]
        if not records:
            return []  # no host is connected to for nothing
        try:
            engine = self._parts.hosts.engine(host)
            found = {one.container: one for one in engine.found()}
        except HostUnreachable as error:
            return [
                f"{one.name} is lost: {error.message}"
                for one in records
                if one.phase in ("running", "paused") and self._rows.move(one, "lost", error.message)
            ]
        done = []
        for record in records:
            known = found.get(record.container) if record.container else None
            done += self._correct(engine, record, known or engine.inspect(record))
        return done

    def _correct(self, engine: HostEngine, record: EnvironmentRecord, found: Found | None) -> list[str]:
        if record.phase == "removing":
            self.take_away(record, force=True)
            self._rows.move(record, "removed", record.why)
            return [f"finished the removal of {record.name}"]
        if found is None or found.state == "absent":
            if record.phase in ("running", "paused", "stopped", "lost"):
                self._rows.move(record, "failed", f"it is not on {record.host} any more")
                return [f"{record.name} is not on {record.host} any more"]
            return []
        if found.state == record.phase or record.phase not in ("running", "paused", "stopped", "lost"):
            return []
        why = "" if found.state == "running" else self._why_ended(engine, record)
        self._rows.move(record, found.state, why, only_from=(record.phase,))
        return [f"{record.name} is {found.state}: {why}" if why else f"{record.name} is {found.state}"]

    def _why_ended(self, engine: HostEngine, record: EnvironmentRecord) -> str:
        """Say why an environment ended by itself."""
        found = engine.inspect(record)
        if found is None or found.state == "paused":
            return "paused on its host"
        if found.out_of_memory:
            return OUT_OF_MEMORY
        if found.exit_code == 0 and record.spec.limits.seconds is not None and not record.spec.command:
            return f"its time of {record.spec.limits.seconds:g} s was up"
        return f"its main process ended with {found.exit_code}"

    def _remove_unknown(self, host: str) -> list[str]:
        """Remove containers of ours whose row is not there, was removed, or is of a failed launch."""
        done = []
        try:
            engine = self._parts.hosts.engine(host)
            stock = self._parts.pool.containers(host) if self._parts.pool is not None else set()
            for one in engine.found():
                record = self._rows.by_id(one.id)
                stock |= {known.container or "" for known in self._rows.on_host(host) if known.phase != "failed"}
                if not {one.container, one.id} & stock and (record is None or record.phase in ("removed", "failed")):
                    engine.remove_found(one)
                    done.append(f"removed {one.id or one.container} from {host}, which no environment has")
        except DevctlError as error:
            log.warning("the host %s could not be reconciled: %s", host, error)
        return done
