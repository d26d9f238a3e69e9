"""Warm containers of sandboxes, on a real engine: claimed once, clean, refilled, brought together after crashes."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devctl import archives
from devctl.docker_engine import Engine, container_name
from devctl.errors import SandboxUnavailable
from devctl.fleet.database import Database
from devctl.launcher import Launcher, open_launcher
from devctl.pool.opening import SandboxPool
from devctl.pool.records import PoolRules, Shape, Slot
from devctl.records import LaunchRequest, Limits
from devctl.settings import DevctlSettings
from devctl.store import Store
from tests.devctl.fleets import IMAGE, needs_docker
from tests.devctl.machines import remove_laid_out

LIMITS = Limits(cpus=1, memory_mb=128, pids=64, disk_mb=64)
RULES = PoolRules(minimum=1, maximum=3, at_once=4)


@pytest.fixture
def settings(database_url: str) -> Iterator[DevctlSettings]:
    needs_docker()
    with tempfile.TemporaryDirectory(prefix="dp", dir="/tmp") as folder:
        yield DevctlSettings.from_environment(
            {}, folder=Path(folder) / "d", backend="docker", docker_image=IMAGE, database_url=database_url
        )
        remove_laid_out(Path(folder) / "d")


@pytest.fixture
def engine(settings: DevctlSettings) -> Engine:
    try:
        return Engine(settings)
    except SandboxUnavailable as error:
        pytest.skip(f"not run on docker: {error}")


@pytest.fixture
def pool(settings: DevctlSettings, engine: Engine, database: Database) -> Iterator[SandboxPool]:
    opened = SandboxPool(database, engine, Store(settings.folder), RULES)
    yield opened
    opened.warm.drain()
    for slot in opened.warm.stock.slots():
        engine.remove(container_name(slot.name))


@pytest.fixture
def shape(engine: Engine, pool: SandboxPool) -> Shape:
    wanted = pool.shape(LaunchRequest(limits=LIMITS), IMAGE, engine.ensure_image(IMAGE), "none")
    pool.warm.stock.know(pool.warm.host, wanted, minimum=1)
    return wanted


def there(engine: Engine, slot: Slot) -> bool:
    return bool(engine.client.api.containers(all=True, filters={"name": container_name(slot.name)}))


def claim(pool: SandboxPool, shape: Shape) -> Slot:
    slot = pool.warm.claim(shape, "test")
    assert slot is not None
    return slot


def sh(slot: Slot, script: str, user: str = "10001") -> None:
    argv = ["docker", "exec", "--user", user, container_name(slot.name), "sh", "-c", script]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)


def test_one_is_made_and_claimed_once(pool: SandboxPool, shape: Shape) -> None:
    assert pool.warm.claim(shape, "test") is None
    assert len(pool.warm.refill()) == 1
    slot = claim(pool, shape)
    assert (slot.state, slot.claimed_by) == ("claimed", "test")
    assert pool.warm.claim(shape, "test") is None
    pool.warm.taken(slot)
    assert len(pool.warm.refill()) == 1
    assert claim(pool, shape).name != slot.name


def test_other_shapes_are_other_containers(pool: SandboxPool, shape: Shape) -> None:
    pool.warm.refill()
    for change in ({"memory_mb": 129}, {"cpus": 0.5}, {"network": "host"}, {"image_id": "sha256:1"}, {"pids": 65}):
        assert pool.warm.claim(shape.model_copy(update=change), "test") is None


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("touch /work/x", "commands were run in it"),
        ("sleep 60 & true", "commands were run in it"),
    ],
)
def test_used_one_is_not_handed_out(pool: SandboxPool, shape: Shape, engine: Engine, script: str, why: str) -> None:
    pool.warm.refill()
    [slot] = pool.warm.stock.slots()
    sh(slot, script)
    assert pool.warm.claim(shape, "test") is None
    [spoilt] = pool.warm.stock.slots()
    assert spoilt.state == "spoilt"
    assert spoilt.why in (why, "programs run in it", "its folders are not as they were")
    pool.warm.refill()
    assert not there(engine, slot)


def test_files_in_its_folders_spoil_it(pool: SandboxPool, shape: Shape, engine: Engine) -> None:
    pool.warm.refill()
    [slot] = pool.warm.stock.slots()
    engine.upload(container_name(slot.name), "/", _archive("tmp/hello"))
    assert pool.warm.claim(shape, "test") is None
    assert pool.warm.stock.slots()[0].why == "its folders are not as they were"


def test_stopped_one_is_not_handed_out(pool: SandboxPool, shape: Shape, engine: Engine) -> None:
    pool.warm.refill()
    [slot] = pool.warm.stock.slots()
    engine.client.api.kill(container_name(slot.name))
    engine.client.api.wait(container_name(slot.name))
    assert pool.warm.claim(shape, "test") is None
    assert pool.warm.stock.slots()[0].why == "its container is exited"


def test_paused_ones_run_when_they_are_handed_out(
    settings: DevctlSettings, engine: Engine, database: Database, pool: SandboxPool, shape: Shape
) -> None:
    rules = RULES.model_copy(update={"paused": True})
    frozen = SandboxPool(database, engine, Store(settings.folder), rules)
    frozen.warm.refill()
    [slot] = frozen.warm.stock.slots()
    assert engine.client.api.inspect_container(container_name(slot.name))["State"]["Status"] == "paused"
    claim(frozen, shape)
    assert engine.client.api.inspect_container(container_name(slot.name))["State"]["Status"] == "running"


def test_many_claims_at_once_get_each_their_own(pool: SandboxPool, shape: Shape) -> None:
    pool.warm.stock.know(pool.warm.host, shape, minimum=3)
    pool.warm.refill()
    with ThreadPoolExecutor(8) as threads:
        got = [slot for slot in threads.map(lambda number: pool.warm.claim(shape, str(number)), range(8)) if slot]
    assert len(got) == 3
    assert len({slot.name for slot in got}) == 3


def test_rows_and_containers_come_together_after_a_crash(
    pool: SandboxPool, shape: Shape, engine: Engine, database: Database
) -> None:
    pool.warm.stock.know(pool.warm.host, shape, minimum=3)
    pool.warm.refill()
    gone, unknown, abandoned = pool.warm.stock.slots()
    engine.remove(container_name(gone.name))
    database.rows("DELETE FROM warm WHERE name = %s RETURNING name", unknown.name)
    late = "UPDATE warm SET state = 'claimed', deadline = now() - interval '1 s' WHERE name = %s RETURNING name"
    database.rows(late, abandoned.name)
    done = pool.warm.refill()
    assert f"removed {gone.name}: its folder is gone" in done or f"removed {gone.name}: its container is gone" in done
    assert f"removed {unknown.name}, which no row knows" in done
    assert f"removed {abandoned.name}: whoever was claimed it has died" in done
    assert not there(engine, unknown)
    assert not there(engine, abandoned)
    assert [slot.state for slot in pool.warm.stock.slots()] == ["ready"] * 3


def test_demand_decides_how_many_are_kept(pool: SandboxPool, shape: Shape) -> None:
    stock = pool.warm.stock
    stock.set_minimum(shape.key, None)
    assert [one.target for one in stock.wanted(RULES)] == [0]
    for expected in (1, 2, 3, 3):
        stock.note(pool.warm.host, shape, hit=False)
        assert [one.target for one in stock.wanted(RULES)] == [expected]
    pool.warm.refill()
    assert len(stock.slots()) == 3
    stock._database.rows("UPDATE warm_demand SET at = now() - interval '2 hours' RETURNING id")
    pool.warm.refill()
    assert stock.slots() == []


def test_engine_that_cannot_make_them_leaves_nothing(pool: SandboxPool, shape: Shape) -> None:
    wrong = shape.model_copy(update={"image_id": "no-such-image:1"})
    pool.warm.stock.set_minimum(shape.key, 0)
    pool.warm.stock.know(pool.warm.host, wrong, minimum=2)
    pool.warm.refill()
    assert pool.warm.stock.slots() == []


@pytest.fixture
def launcher(settings: DevctlSettings, pool: SandboxPool) -> Iterator[Launcher]:
    opened = open_launcher(settings.model_copy(update={"pool": True}), None)
    yield opened
    opened.stop_all()
    backend = opened._backend
    backend._warm_pool().warm.close()  # type: ignore[attr-defined] # the Docker backend's own


def test_launcher_takes_a_warm_container_and_falls_back(launcher: Launcher, pool: SandboxPool, engine: Engine) -> None:
    with launcher.launch(LaunchRequest(limits=LIMITS)) as cold:
        assert cold.exec(["echo", "cold"]).output == "cold\n"
    deadline = time.monotonic() + 60  # the launcher refills by itself, in the background
    while not (ready := ready_names(pool)) and time.monotonic() < deadline:
        time.sleep(0.05)
    with launcher.launch(LaunchRequest(limits=LIMITS, env={"FLAVOUR": "plain"})) as warm:
        assert warm.id in ready
        warm.put(Path(__file__))
        listed = warm.exec(["sh", "-c", "ls; echo $FLAVOUR; id -u"]).output
        assert listed == f"{Path(__file__).name}\nplain\n10001\n"
        assert warm.id in {info.id for info in launcher.running()}
    assert not engine.client.api.containers(all=True, filters={"name": container_name(warm.id)})


def ready_names(pool: SandboxPool) -> set[str]:
    return {slot.name for slot in pool.warm.stock.slots() if slot.state == "ready"}


def _archive(name: str) -> bytes:
    return archives.of_bytes({name: b"x"}, 10001)
