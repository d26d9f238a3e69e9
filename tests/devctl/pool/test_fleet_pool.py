"""Kept environments that take warm containers."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from devctl.fleet.fleet import Fleet
from devctl.fleet.records import Mount
from devctl.metrics.stock import PoolCounts
from devctl.pool.opening import FleetPool
from devctl.pool.stock import Stock
from tests.devctl.fleets import ADA, containers, fleet_on, wanted


@pytest.fixture
def fleet(database_url: str) -> Iterator[Fleet]:
    with fleet_on("docker", database_url, pool=True, pool_maximum=2) as opened:
        yield opened
        pool_of(opened).refill()
        for one in pool_of(opened).pools():
            one.drain()


def pool_of(fleet: Fleet) -> FleetPool:
    pool = fleet.parts.pool
    assert isinstance(pool, FleetPool)
    return pool


def test_second_launch_of_a_shape_is_warm_and_whole(fleet: Fleet) -> None:
    fleet.up(ADA, wanted("docker", "one"))
    assert len(pool_of(fleet).refill()) == 1
    said: list[str] = []
    warm = fleet.up(ADA, wanted("docker", "two", env={"FLAVOUR": "plain"}), progress=said.append)
    assert "took a warm container" in said
    done = fleet.exec(ADA, "two", ["sh", "-c", "echo $FLAVOUR >note; cat note; pwd; id -u"])
    assert done.output == "plain\n/work\n10001\n"
    fleet.stop(ADA, "two", grace=0)
    fleet.start(ADA, "two")
    assert fleet.exec(ADA, "two", ["cat", "note"]).output == "plain\n"
    assert fleet.reconcile() == []
    fleet.remove(ADA, "two")
    assert warm.container is not None
    assert not [one for one in containers(fleet) if warm.container.startswith(one)]
    pool_of(fleet).refill()
    assert warm.container not in pool_of(fleet).containers("local")


def test_stock_is_not_taken_for_lost_containers(fleet: Fleet) -> None:
    fleet.up(ADA, wanted("docker", "one"))
    pool_of(fleet).refill()
    assert len(containers(fleet)) == 2
    assert fleet.reconcile() == []
    assert len(containers(fleet)) == 2


def test_one_made_to_measure_is_cold(fleet: Fleet) -> None:
    for name in ("one", "two"):
        mount = Mount(kind="tmpfs", target="/cache")
        said: list[str] = []
        fleet.up(ADA, wanted("docker", name, mounts=(mount,)), progress=said.append)
        assert "took a warm container" not in said
        assert pool_of(fleet).refill() == []


def test_claims_refills_and_their_failures_are_counted(fleet: Fleet) -> None:
    database, registry = fleet.parts.database, CollectorRegistry()
    counts = PoolCounts(database, registry)
    fleet.up(ADA, wanted("docker", "one"))
    assert len(pool_of(fleet).refill()) == 1
    [slot] = Stock(database).slots("local")
    fleet.up(ADA, wanted("docker", "two"))
    gone = slot.shape.model_copy(update={"image": "none.invalid/x:1", "image_id": "sha256:" + "0" * 64})
    Stock(database).know("local", gone, 1)
    pool_of(fleet).refill()
    Stock(database).set_minimum(gone.key, 0)
    counts.update()
    value = registry.get_sample_value
    assert value("devctl_pool_claims_total", {"host": "local", "result": "miss"}) == 1
    assert value("devctl_pool_claims_total", {"host": "local", "result": "hit"}) == 1
    assert (value("devctl_pool_refills_total", {"host": "local", "result": "made"}) or 0) >= 1
    assert value("devctl_pool_refills_total", {"host": "local", "result": "failed"}) == 1
    assert (value("devctl_pool_containers", {"host": "local", "state": "ready"}) or 0) >= 1
    assert (value("devctl_pool_refill_seconds_sum", {"host": "local"}) or 0) > 0
