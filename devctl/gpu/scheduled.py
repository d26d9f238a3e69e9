"""The smoke test as a job: every Docker host in turn, when its last test is old enough, by one program at a time."""

import logging
from typing import Protocol

from devctl.errors import DevctlError
from devctl.fleet.database import Database
from devctl.fleet.records import Host
from devctl.gpu.smoke import SmokeResult, record, smoke_test
from devctl.hosts.docker_gpu import GpuEngine

log = logging.getLogger(__name__)

LOCK = 7_236_031
"""Key of the advisory lock that lets one program test at a time."""
_DUE = "SELECT NOT EXISTS (SELECT FROM gpu_smoke WHERE host = %s AND at > now() - make_interval(secs => %s)) AS due"


class KnownHosts(Protocol):
    """What is asked of the hosts."""

    def names(self) -> list[str]: ...

    def describe(self, name: str) -> Host: ...


def smoke_due(database: Database, hosts: KnownHosts, image: str, seconds: float) -> list[SmokeResult]:
    """Test the hosts whose last test is older than `seconds`, and write the results down; raises StateUnavailable.

    A host that does not answer is left to those who watch over hosts: that says nothing of its GPU.
    """
    results = []
    with database.transaction() as connection:
        row = connection.execute("SELECT pg_try_advisory_xact_lock(%s) AS got", [LOCK]).fetchone()
        if not row or not row["got"]:
            return []
        for name in hosts.names():
            if database.rows(_DUE, name, seconds)[0]["due"] and (result := _tested(hosts, name, image)) is not None:
                record(database, result)
                results.append(result)
    return results


def _tested(hosts: KnownHosts, name: str, image: str) -> SmokeResult | None:
    try:
        host = hosts.describe(name)
        if host.address.startswith("bubblewrap:"):
            return None
        with GpuEngine(host) as engine:
            result = smoke_test(engine, engine.report(), image)
    except DevctlError as error:
        log.info("the GPU of %s was not tested: %s", name, error.message)
        return None
    level = logging.WARNING if result.outcome == "failed" else logging.INFO
    log.log(level, "GPU smoke test of %s: %s: %s", name, result.outcome, result.words)
    return result
