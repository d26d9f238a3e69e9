"""All hosts: this machine's own and those that were added, the choice of one, and connections to them."""

import logging
from collections.abc import Iterator, Sequence

from devctl.errors import DevctlError, HostUnreachable, NameTaken, NoHost, NotRunning
from devctl.fleet.database import Connection, Database
from devctl.fleet.records import ALIVE, EnvironmentRecord, EnvironmentSpec, Host
from devctl.hosts.connecting import HostConnections
from devctl.hosts.engine import HOST_IMAGE, HostEngine, HostFacts
from devctl.hosts.images import Fetched, bring, recent_images, wanted_images
from devctl.hosts.local import BUBBLEWRAP, LOCAL, LocalHosts
from devctl.hosts.placement import Candidate, best, obstacle
from devctl.hosts.registry import HostRegistry, HostState, no_host
from devctl.settings import DevctlSettings

log = logging.getLogger(__name__)

FRESH_SECONDS = 60.0
"""For how long what was measured of a host is taken as it is."""
_PLACING = 7_236_003
"""Key of the advisory lock under which one launcher at a time chooses a host."""
_MEASURERS = 8


class Hosts:
    """The hosts of an installation; safe to share between threads."""

    def __init__(self, settings: DevctlSettings, database: Database, home: str) -> None:
        self.settings = settings
        self._database = database
        self._home = home
        self._local = LocalHosts(settings, home)
        self.registry = HostRegistry(database)
        self._connections = HostConnections(settings, home, self.registry)

    def names(self) -> list[str]:
        """This machine's own, then those that were added."""
        added = [state.host.name for state in self.registry.all()]
        return [*(name for name in self._local.names() if name not in added), *added]

    def has_docker(self) -> bool:
        """Whether one of them is a Docker engine."""
        return bool(self.registry.all()) or self._local.has_docker()

    def describe(self, name: str) -> Host:
        """Say where a host is; raises NoHost."""
        if (state := self.registry.find(name)) is not None:
            return state.host
        return self._local.describe(name)

    def place(self, record: EnvironmentRecord) -> str:
        """Choose the host for a new environment and write it into its row.

        Raises NoHost with what keeps each one from it, and HostUnreachable where the only one does not answer.
        """
        spec = record.spec
        states = {state.host.name: state for state in self.registry.all()}
        names = self._possible(spec, states)
        facts = self._facts([states[name] for name in names if name in states])
        if len(names) > 1 or spec.gpu.want == "required":
            facts |= {name: self._local.facts(name) for name in names if name not in states}
        with self._database.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_PLACING])
            name = self._choose(connection, spec, names, states, facts)
            connection.execute("UPDATE environment SET host = %s WHERE id = %s", [name, record.id])
        self.engine(name)
        return name

    def _possible(self, spec: EnvironmentSpec, states: dict[str, HostState]) -> list[str]:
        """The hosts that can run the kind of image; raises NoHost where the one asked for cannot, or is none."""
        if spec.host is not None and spec.host not in self.names():
            raise no_host(spec.host)
        inside = spec.image == HOST_IMAGE or spec.image.startswith(f"{HOST_IMAGE}:")
        names = [name for name in self.names() if spec.host in (None, name) and (name == BUBBLEWRAP) == inside]
        if not names:
            raise NoHost(
                f"the image {spec.image!r} cannot be run on {spec.host or 'any host'}",
                f"bubblewrap runs the image {HOST_IMAGE!r} alone, and nothing else does; see --backend",
            )
        if len(names) > 1 and LOCAL in names and LOCAL not in states and not self._local.has_docker():
            names.remove(LOCAL)
        return self._here(names, states) if spec.egress.mode == "allow" else names

    def _here(self, names: list[str], states: dict[str, HostState]) -> list[str]:
        """Those of this machine, where the proxy of an allow-list runs; raises NoHost where all are others."""
        here = [
            name
            for name in names
            if name == BUBBLEWRAP
            or (states[name].host if name in states else self._local.describe(name)).address.startswith("unix:")
        ]
        if not here:
            raise NoHost(
                f"an allow-list works on engines of this machine alone, and {', '.join(names)} is on another one",
                "place it with --host on an engine of this machine, or take --egress none or open",
            )
        return here

    def _choose(
        self, connection: Connection, spec: EnvironmentSpec, names: Sequence[str], states: dict[str, HostState],
        facts: dict[str, HostFacts | str],
    ) -> str:  # fmt: skip
        if len(names) == 1 and names[0] not in states and spec.gpu.want != "required":
            return names[0]
        candidates, obstacles = [], []
        for name in names:
            known = facts.get(name)
            if not isinstance(known, HostFacts):
                obstacles.append(f"{name}: {known or 'it was not measured'}")
                continue
            host = states[name].host if name in states else self._local.describe(name)
            candidate = _promised(connection, host, known)
            if words := obstacle(spec, candidate):
                obstacles.append(f"{name}: {words}")
            else:
                candidates.append(candidate)
        if not candidates:
            raise NoHost(
                f"no host can take {spec.name!r}: {'; '.join(obstacles)}",
                "add a host, or ask for less; see `devctl hosts ls`",
            )
        return best(spec, candidates).host.name

    def _facts(self, states: Sequence[HostState]) -> dict[str, HostFacts | str]:
        """What the hosts have, measured now where it is old; a word of why for one that does not answer."""
        found: dict[str, HostFacts | str] = {}
        old = [state for state in states if state.facts is None or (state.age or 0) > FRESH_SECONDS or state.failures]
        for state in states:
            if state not in old and state.facts is not None:
                found[state.host.name] = state.facts
        return found | self._measured_now(old)

    def _measured_now(self, states: Sequence[HostState]) -> dict[str, HostFacts | str]:
        """What hosts have, asked at the same time; a word of why for one that does not answer."""
        if not states:
            return {}
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_MEASURERS) as threads:
            return dict(zip([state.host.name for state in states], threads.map(self._measured, states), strict=True))

    def _measured(self, state: HostState) -> HostFacts | str:
        try:
            facts = self.engine(state.host.name).facts()
        except DevctlError as error:
            return error.message
        self.registry.measured(state.host.name, facts)
        return facts

    def measure(self) -> dict[str, HostFacts | str]:
        """Measure all added hosts at the same time; for the service's background, and `devctl hosts ls`."""
        return self._measured_now(self.registry.all())

    def states(self, measure: bool = False) -> list[HostState]:
        """The hosts that were added, by name, with how many environments each has; measured first, where it is wanted."""
        if measure:
            self.measure()
        counts = self.counts()
        return [
            state.model_copy(update={"environments": counts.get(state.host.name, 0)}) for state in self.registry.all()
        ]

    def engine(self, name: str) -> HostEngine:
        """Connect to a host when it is first asked for; raises NoHost and HostUnreachable.

        A host that failed several times in a row is left alone for a while; then one call tries it again.
        """
        state = self.registry.find(name)
        if state is None:
            return self._local.engine(name)
        if not self.registry.may_try(name):
            raise HostUnreachable(
                f"the host {name} failed {state.failures} times in a row: {state.failure}",
                f"it is tried again in {state.closed_for:.0f} s",
            )
        try:
            return self._connections.to(state.host)
        except HostUnreachable as error:
            self.registry.failed(name, error.message)
            raise

    def add(self, host: Host) -> HostFacts:
        """Connect to a new host, measure it and write it down; raises HostUnreachable, NameTaken and SettingsInvalid."""
        if host.name == BUBBLEWRAP:
            raise NameTaken(f"a host is called {host.name!r} already", "choose another name")
        self.registry.add(host)
        try:
            facts = self.engine(host.name).facts()
        except BaseException:
            self.registry.remove(host.name)
            raise
        self.registry.measured(host.name, facts)
        return facts

    def remove(self, name: str, force: bool = False) -> None:
        """Forget a host; raises NoHost, and NotRunning while environments are on it."""
        if not force and (count := self.counts().get(name)):
            raise NotRunning(f"{count} environments are on {name!r}", "remove them first, or drain the host")
        self.registry.remove(name)
        self._connections.forget(name)

    def counts(self) -> dict[str, int]:
        """How many environments each host has."""
        query = "SELECT host, count(*) AS count FROM environment WHERE phase <> 'removed' GROUP BY host"
        return {row["host"]: row["count"] for row in self._database.rows(query)}

    def bring(self, image: str, host: str) -> None:
        """See to it that a host has an image that another one has; nothing is asked where there is only one host."""
        if host != BUBBLEWRAP and self.registry.all():
            bring(image, self.engine(host), self._dockers())

    def prefetch(self, images: Sequence[str] | None = None) -> list[Fetched]:
        """Fetch images to every host that takes environments: these, or what is said to be needed and was used of late."""
        if images is None:
            told = wanted_images(self.settings.wanted_images, self.settings.hook_env)
            images = [*told, *recent_images(self._database)]
        done = []
        for engine in self._dockers():
            if self.describe(engine.name).draining:
                continue
            for image in dict.fromkeys(images):
                try:
                    done.append(bring(image, engine, self._dockers()))
                except DevctlError as error:
                    done.append(Fetched(host=engine.name, image=image, how="failed", why=error.message))
        return done

    def _dockers(self) -> Iterator[HostEngine]:
        """The Docker hosts that answer."""
        for name in self.names():
            if name != BUBBLEWRAP:
                try:
                    yield self.engine(name)
                except DevctlError as error:
                    log.info("%s is left out: %s", name, error.message)

    def close(self) -> None:
        """Return connections; those over SSH stay for other programs, until they have been idle for a while."""
        self._local.close()
        self._connections.close()


def _promised(connection: Connection, host: Host, facts: HostFacts) -> Candidate:
    """What the living environments of a host were promised, as the rows say under the lock."""
    query = """SELECT count(*) AS environments, coalesce(sum((spec #>> '{limits,cpus}')::float), 0) AS cpus,
        coalesce(sum((spec #>> '{limits,memory_mb}')::bigint), 0) AS memory_mb
        FROM environment WHERE host = %s AND phase = ANY(%s)"""
    row = connection.execute(query, [host.name, list(ALIVE)]).fetchone() or {}
    return Candidate(
        host=host, facts=facts, environments=row.get("environments", 0), cpus=float(row.get("cpus", 0)),
        memory_mb=int(row.get("memory_mb", 0)),
    )  # fmt: skip
