"""The service's inside: the fleet with what serves it to many callers."""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from devctl.errors import DevctlError
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import EnvironmentRecord, User
from devctl.gpu.detection import GpuPlaces
from devctl.gpu.scheduled import smoke_due
from devctl.hosts.pool import Hosts
from devctl.metrics.gpus import GpuWatch
from devctl.metrics.page import MetricsPage
from devctl.metrics.sampler import Sampler
from devctl.pool.opening import FleetPool
from devctl.reaper.reaper import Reaper
from devctl.serve.ahead import LaunchesAhead
from devctl.serve.background import Background
from devctl.serve.execs import Execs
from devctl.serve.operations import Operations
from devctl.serve.records import Badge, EnvironmentView, Part, Readiness
from devctl.serve.settings import ServeSettings
from devctl.serve.throttle import Throttle
from devctl.serve.tokens import Tokens
from devctl.serve.uploads import SecretFiles, Uploads
from devctl.settings import DevctlSettings
from devctl.tunnels import HeldTunnels, OpenTunnel, TunnelRows, TunnelWish

log = logging.getLogger(__name__)


class Service:
    """What the routes work with; `start` and `stop` bracket its life."""

    def __init__(
        self, fleet: Fleet, devctl: DevctlSettings, settings: ServeSettings, gpus: GpuPlaces | None = None
    ) -> None:
        self.fleet = fleet
        self.devctl = devctl
        self.settings = settings
        database = fleet.parts.database
        folder: Path = devctl.folder / "serve"
        self.tokens = Tokens(database)
        self.operations = Operations(database, settings.launches)
        self.execs = Execs()
        self.uploads = Uploads(folder / "uploads")
        self.secrets = SecretFiles(folder / "secrets")
        self.tunnels = HeldTunnels(fleet, devctl.folder, settings.tunnels)
        self.ahead = LaunchesAhead(fleet.parts.admission)
        self.throttle = Throttle()
        self.streams = threading.BoundedSemaphore(settings.streams)
        self.peers: dict[int, str] = {}
        """Callers' addresses by the port at which our own TLS end speaks to us."""
        self.background = Background()
        self.sampler = Sampler(database, fleet.parts.hosts, GpuWatch(gpus))
        self.page = MetricsPage(database, self.sampler)
        self._show_own_numbers()

    def start(self) -> None:
        """Undo what crashes left and begin the work that goes on beside the requests."""
        self.operations.start()
        self.background.once("reconcile", self._reconcile)
        self.background.every("tunnels", 30.0, TunnelRows(self.fleet.parts.database).clear, at_once=True)
        self.background.every("sweep", 30.0, self._sweep)
        self.background.every("metrics", self.settings.sample_seconds, self.page.refresh, at_once=True)
        self.background.every("gpus", self.settings.sample_seconds, self.sampler.gpus.look, at_once=True)
        if self.settings.gpu_smoke_seconds:
            self.background.every("gpu-smoke", min(self.settings.gpu_smoke_seconds, 300.0), self._smoke, at_once=True)
        self.background.every("phases", 60.0, self.fleet.refresh)
        self.background.every("launches", 60.0, self._undo_overdue)
        self.background.every("disks", 300.0, self._stop_overfull)
        if isinstance(self.fleet.parts.hosts, Hosts):
            self.background.every("hosts", 60.0, self.fleet.parts.hosts.measure)
            self.background.every("images", 900.0, self._prefetch)
        self.background.once("reaper", self._reap)
        if isinstance(pool := self.fleet.parts.pool, FleetPool):
            self.background.every("pool", 15.0, pool.refill, at_once=True)

    def _reap(self) -> None:
        Reaper(self.fleet, self.devctl.reaper()).run(self.background.stopping)

    def _smoke(self) -> None:
        parts = self.fleet.parts
        smoke_due(parts.database, parts.hosts, self.devctl.docker_image, self.settings.gpu_smoke_seconds)

    def stop(self) -> None:
        """Take nothing new, wait for launches, end commands and background work."""
        left = self.operations.stop(self.settings.grace_seconds)
        if left:
            log.warning("%s operations were still going on: the next start undoes them", left)
        self.execs.stop()
        self.tunnels.stop()
        self.background.stop()
        self.sampler.close()

    def view(self, record: EnvironmentRecord, user: User | None = None) -> EnvironmentView:
        """An environment as pages and programs show it."""
        return self.views([record], user)[0]

    def views(self, records: Sequence[EnvironmentRecord], user: User | None = None) -> tuple[EnvironmentView, ...]:
        """The same of several; the links of tunnels are in it for the user that opened them."""
        open_ones = TunnelRows(self.fleet.parts.database).of(record.id for record in records) if records else {}
        return tuple(
            self._view(record, tuple(self.tunnels.shown(one, user) for one in open_ones.get(record.id, ())))
            for record in records
        )

    def tunnel_wish(self, port: int, seconds: float) -> TunnelWish:
        """A tunnel as callers may have one: they say neither where it listens nor how it is called."""
        host, names = self.settings.tunnel_host, self.settings.tunnel_names
        return TunnelWish(port=port, host=host, names=names, ttl=timedelta(seconds=seconds))

    def _view(self, record: EnvironmentRecord, tunnels: tuple[OpenTunnel, ...]) -> EnvironmentView:
        badges: list[Badge] = []
        if record.gpu:
            badges.append("gpu")
        if record.keep_until is not None:
            badges.append("kept")
        if record.why and record.phase in ("running", "failed", "lost"):
            badges.append("warning")
        if record.spec.egress.mode != "none":
            badges.append("egress")
        if tunnels:
            badges.append("tunnel")
        usage = self.sampler.usage(record.id)
        return EnvironmentView.model_validate(
            {**record.model_dump(), "usage": usage, "badges": tuple(badges), "tunnels": tunnels}
        )

    def address_of(self, environ: Mapping[str, object]) -> str:
        """Where a request comes from; through our own TLS end that is the caller behind it."""
        try:
            port = int(str(environ.get("REMOTE_PORT", "0")))
        except ValueError:
            port = 0
        return self.peers.get(port) or str(environ.get("REMOTE_ADDR", ""))

    def readiness(self) -> Readiness:
        """Ask each part whether it answers."""
        parts = [self._database_part(), *(self._host_part(name) for name in self._hosts())]
        hosts = [part for part in parts if part.name.startswith("host ")]
        ready = parts[0].ready and any(part.ready for part in hosts)
        return Readiness(ready=ready, parts=tuple(parts))

    def _show_own_numbers(self) -> None:
        page, background = self.page, self.background
        page.gauge("devctl_operations_running", "Long operations that go on", lambda: self.operations.running)
        page.gauge("devctl_tunnels_open", "Tunnels that this service serves", lambda: self.tunnels.count)
        page.gauge("devctl_commands_open", "Commands whose output is streamed", lambda: self.execs.open)
        page.counts("devctl_background_runs", "Runs of work beside requests", "work", lambda: background.runs)
        page.counts("devctl_background_failures", "Runs that failed", "work", lambda: background.failures)

    def _hosts(self) -> list[str]:
        try:
            return self.fleet.parts.hosts.names()
        except DevctlError:
            return []

    def _database_part(self) -> Part:
        try:
            self.fleet.parts.database.rows("SELECT 1 AS one")
        except DevctlError as error:
            return Part(name="database", ready=False, detail=str(error))
        return Part(name="database", ready=True)

    def _host_part(self, name: str) -> Part:
        try:
            engine = self.fleet.parts.hosts.engine(name)
        except DevctlError as error:
            return Part(name=f"host {name}", ready=False, detail=str(error))
        return Part(name=f"host {name}", ready=True, detail=engine.backend)

    def _reconcile(self) -> None:
        for done in self.fleet.reconcile():
            log.info("reconciled: %s", done)

    def _undo_overdue(self) -> None:
        """A launch that a crash cut off is known as such only when it has said nothing for a while."""
        for done in self.fleet.undo_overdue():
            log.warning("%s", done)

    def _stop_overfull(self) -> None:
        for done in self.fleet.stop_overfull():
            log.warning("%s", done)

    def _prefetch(self) -> None:
        """Fetch images of late use to the hosts that were added; one host alone has what it used."""
        hosts = self.fleet.parts.hosts
        if isinstance(hosts, Hosts) and len(hosts.registry.all()) > 1:
            for one in hosts.prefetch():
                log.info("image %s on %s: %s %s", one.image, one.host, one.how, one.why)

    def _sweep(self) -> None:
        self.execs.sweep()
        self.uploads.sweep()
        secrets = [secret for record in self._all() for secret in record.spec.secrets]
        self.secrets.sweep({secret.source.parent.name for secret in secrets if secret.source is not None})

    def _all(self) -> list[EnvironmentRecord]:
        return self.fleet.list(User(name="service", role="admin"), all_users=True)
