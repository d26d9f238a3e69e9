"""Counters that are read from the database, whoever wrote the rows."""

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg.conninfo import make_conninfo

from devctl.admission.policy_admission import PolicyAdmission
from devctl.errors import LaunchRefused
from devctl.fleet.database import Database
from devctl.fleet.records import EnvironmentSpec, KeptLimits, User
from devctl.metrics.feed import Feed
from devctl.metrics.stock import PoolCounts
from devctl.metrics.stored import StoredCounts
from devctl.pool.records import PoolRules, Shape
from devctl.pool.stock import Stock
from policies import PolicySettings, open_engine

ANN = User(name="ann", tier="free")
BIG = EnvironmentSpec(name="big", image="debian:12", limits=KeptLimits(cpus=64, memory_mb=10**6))
SHAPE = Shape(kind="kept", image="debian:12", image_id="sha256:1", cpus=1, memory_mb=64, pids=16, disk_mb=64)


def test_each_row_is_read_once_also_one_whose_transaction_ends_late(database: Database, database_url: str) -> None:
    write = "INSERT INTO audit (who, operation, subject, allowed) VALUES (%s, 'exec', 'x', false)"
    database.rows(f"{write} RETURNING id", "before")
    feed = Feed(database, "audit", "who", "NOT allowed")
    with psycopg.connect(make_conninfo(database_url, options="-c search_path=devctl")) as slow:
        slow.execute(write, ["slow"])
        database.rows(f"{write} RETURNING id", "quick")
        assert [row["who"] for row in feed.new()] == ["quick"]
        assert feed.new() == []
        slow.commit()
    assert [row["who"] for row in feed.new()] == ["slow"]
    database.rows("UPDATE audit SET at = at - interval '1 hour' RETURNING id")
    assert feed.new() == []
    database.rows(f"{write} RETURNING id", "last")
    assert [row["who"] for row in feed.new()] == ["last"]


@pytest.mark.parametrize("dry_run", [False, True])
def test_denials_are_counted_by_rule_also_in_a_dry_run(database: Database, dry_run: bool) -> None:
    registry = CollectorRegistry()
    counts = StoredCounts(database, registry)
    admission = PolicyAdmission(database, open_engine(PolicySettings(dry_run=dry_run)))
    if dry_run:
        admission.reserve(ANN, BIG, 60)
    else:
        with pytest.raises(LaunchRefused):
            admission.reserve(ANN, BIG, 60)
    counts.update()
    counts.update()
    dry = str(dry_run).lower()
    assert registry.get_sample_value("devctl_denials_total", {"operation": "create", "dry_run": dry}) == 1
    assert registry.get_sample_value("devctl_denied_rules_total", {"rule": "limit", "dry_run": dry}) == 1


def test_stock_claims_and_refills_are_counted_by_host(database: Database) -> None:
    registry = CollectorRegistry()
    counts, stock = PoolCounts(database, registry), Stock(database)
    stock.note("east", SHAPE, False)
    stock.know("east", SHAPE, 1)
    slot = stock.reserve("east", SHAPE, PoolRules(), target=1)
    assert slot is not None
    stock.ready(slot, "c1", (), False)
    stock.happened("east", "made", 0.2)
    stock.happened("east", "failed")
    counts.update()
    value = registry.get_sample_value
    assert value("devctl_pool_containers", {"host": "east", "state": "ready"}) == 1
    assert value("devctl_pool_containers", {"host": "east", "state": "claimed"}) == 0
    assert value("devctl_pool_claims_total", {"host": "east", "result": "miss"}) == 1
    assert value("devctl_pool_claims_total", {"host": "east", "result": "hit"}) == 0
    assert value("devctl_pool_refills_total", {"host": "east", "result": "failed"}) == 1
    assert value("devctl_pool_refill_seconds_sum", {"host": "east"}) == pytest.approx(0.2)
    stock.forget(slot)
    counts.update()
    assert value("devctl_pool_containers", {"host": "east", "state": "ready"}) is None
