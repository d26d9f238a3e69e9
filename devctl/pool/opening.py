"""The pools of this machine, as the settings ask for them."""

import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from devctl.docker_engine import Engine
from devctl.errors import DevctlError, HostUnreachable, NoHost, StateUnavailable
from devctl.fleet.database import Database, open_database
from devctl.fleet.interfaces import HostPool
from devctl.fleet.records import EnvironmentRecord
from devctl.hosts.docker_host import DockerHost
from devctl.pool.makers import KeptMaker, SandboxMaker
from devctl.pool.records import PoolRules, Shape, Slot
from devctl.pool.stock import Stock
from devctl.pool.warm_pool import WarmPool
from devctl.records import LaunchRequest
from devctl.settings import DevctlSettings
from devctl.store import Store

log = logging.getLogger(__name__)


def rules_of(settings: DevctlSettings) -> PoolRules:
    """How many are kept warm, as the settings say."""
    return PoolRules(
        minimum=settings.pool_minimum, maximum=settings.pool_maximum, total=settings.pool_total,
        paused=settings.pool_paused,
    )  # fmt: skip


class SandboxPool:
    """The stock that sandboxes are taken from."""

    def __init__(self, database: Database, engine: Engine, store: Store, rules: PoolRules) -> None:
        self._maker = SandboxMaker(engine, store)
        self.warm = WarmPool(database, self._maker, rules)

    def shape(self, request: LaunchRequest, image: str, image_id: str, network: str) -> Shape:
        """The shape of what a launch asks for."""
        return self._maker.shape(image, image_id, request.limits, network)


def open_sandbox_pool(settings: DevctlSettings, engine: Engine, store: Store) -> SandboxPool | None:
    """Open the stock of sandboxes, refilled in the background until the program ends; None where it cannot be."""
    try:
        database = open_database(settings)
    except StateUnavailable as error:
        log.warning("nothing is kept warm: %s", error)
        return None
    pool = SandboxPool(database, engine, store, rules_of(settings))
    atexit.register(database.close)
    atexit.register(pool.warm.close)  # runs first
    pool.warm.start()
    return pool


class FleetPool:
    """The stock that kept environments are taken from, on all Docker hosts."""

    def __init__(self, database: Database, hosts: HostPool, home: str, rules: PoolRules) -> None:
        self._database = database
        self._hosts = hosts
        self._home = home
        self._rules = rules
        self._pools: dict[str, tuple[KeptMaker, WarmPool]] = {}

    def claim(self, record: EnvironmentRecord, host: str) -> str | None:
        """Take a container that fits the record's spec, running and clean; returns its engine's id, or None."""
        try:
            found = self._of(host)
            shape = found[0].shape(record) if found is not None else None
        except DevctlError as error:
            log.debug("no warm container for %s: %s", record.name, error)
            return None
        if found is None or shape is None:
            return None
        slot = found[1].claim(shape, record.id)
        if slot is None:
            return None
        found[1].taken(slot)
        return slot.container

    def containers(self, host: str) -> set[str]:
        """The engine's ids and the labels' ids of the containers of the stock, until their claimers have noted them."""
        slots = [slot for slot in Stock(self._database).slots(host) if slot.state != "claimed" or self._is_made(slot)]
        return {known for slot in slots for known in (slot.name, slot.container) if known}

    def _is_made(self, slot: Slot) -> bool:
        """Whether whoever claimed one is still at making an environment of it."""
        query = "SELECT id FROM environment WHERE id = %s AND phase = 'creating'"
        return bool(self._database.rows(query, slot.claimed_by))

    def refill(self) -> list[str]:
        """Level the stocks of all hosts once."""
        done = []
        for pool in self.pools():
            done += pool.refill()
        return done

    def pools(self) -> Iterator[WarmPool]:
        """The stocks of the Docker hosts that answer."""
        for host in self._hosts.names():
            try:
                found = self._of(host)
            except (HostUnreachable, NoHost):
                continue
            if found is not None:
                yield found[1]

    def _of(self, host: str) -> tuple[KeptMaker, WarmPool] | None:
        if host not in self._pools:
            engine = self._hosts.engine(host)
            if not isinstance(engine, DockerHost):
                return None
            maker = KeptMaker(engine, self._home)
            self._pools[host] = maker, WarmPool(self._database, maker, self._rules)
        return self._pools[host]


@contextmanager
def all_pools(settings: DevctlSettings, database: Database, hosts: HostPool, home: str) -> Iterator[list[WarmPool]]:
    """The stocks of sandboxes and of kept environments, for looking after them."""
    rules = rules_of(settings)
    pools = list(FleetPool(database, hosts, home, rules).pools())
    try:
        engine = Engine(settings)
        pools.append(SandboxPool(database, engine, Store(settings.folder), rules).warm)
    except DevctlError as error:
        log.debug("no stock of sandboxes: %s", error)
    yield pools
