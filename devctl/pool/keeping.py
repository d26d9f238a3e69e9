"""Looking after the warm stock of an installation: what there is, how many are kept, filling and draining it once."""

import builtins

from devctl.errors import NoSuchResource
from devctl.fleet.fleet import Fleet
from devctl.pool.opening import all_pools, rules_of
from devctl.pool.records import WarmStock
from devctl.pool.stock import Stock
from devctl.settings import DevctlSettings


class WarmKeeping:
    """The warm stock of this installation."""

    def __init__(self, fleet: Fleet, settings: DevctlSettings) -> None:
        self._fleet, self._settings = fleet, settings
        self._stock = Stock(fleet.parts.database)

    def stock(self) -> WarmStock:
        """The shapes that are kept, and the containers."""
        shapes = self._stock.wanted(rules_of(self._settings))
        return WarmStock(shapes=tuple(shapes), containers=tuple(self._stock.slots()))

    def size(self, key: str, count: int | None) -> None:
        """Keep so many of a shape."""
        if not self._stock.set_minimum(key, count):
            raise NoSuchResource(f"no shape has the key {key!r}", "`devctl pool ls` lists them")

    def fill(self) -> builtins.list[str]:
        """Level the stocks once."""
        parts = self._fleet.parts
        with all_pools(self._settings, parts.database, parts.hosts, self._fleet.installation()) as pools:
            return [words for one in pools for words in one.refill()]

    def drain(self) -> int:
        """Remove all that nobody has claimed."""
        parts = self._fleet.parts
        with all_pools(self._settings, parts.database, parts.hosts, self._fleet.installation()) as pools:
            return sum(one.drain() for one in pools)
