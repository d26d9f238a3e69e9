"""Rounds of samples: what they ask for, and what they leave out."""

from pathlib import Path

from devctl.fleet.database import Database
from devctl.fleet.records import EnvironmentSpec, User
from devctl.fleet.rows import insert
from devctl.hosts.engine import HostEngine
from devctl.hosts.pool import Hosts
from devctl.metrics.sampler import Sampler
from devctl.settings import DevctlSettings

ANN = User(name="ann", tier="free")


class Asked(Hosts):
    """Notes which hosts are asked for."""

    asked: list[str]

    def engine(self, name: str) -> HostEngine:
        self.asked.append(name)
        return super().engine(name)


def test_a_round_asks_for_each_host_once_however_many_environments_it_has(database: Database, tmp_path: Path) -> None:
    settings = DevctlSettings.from_environment({}, folder=tmp_path, docker_host=f"unix://{tmp_path}/none")
    hosts = Asked(settings, database, "home")
    hosts.asked = []
    for number in range(6):
        with database.transaction() as connection:
            record = insert(connection, ANN, EnvironmentSpec(name=f"e-{number}", image="debian:12"), 60)
        host = ("local", "lost", "")[number % 3]
        database.rows(
            "UPDATE environment SET phase = 'running', host = %s, started = now() WHERE id = %s RETURNING id",
            *(host, record.id),
        )
    sampler = Sampler(database, hosts)
    sampler.sample()
    assert sorted(hosts.asked) == ["local", "lost"]
    assert len(sampler.latest()) == 6 and all(one.counters is None for one in sampler.latest())
    hosts.close()
