"""The smoke test: a container that asks for a GPU, and whether it really sees one."""

import time
from datetime import UTC, datetime

from devctl.errors import DevctlError
from devctl.fleet.database import Database
from devctl.fleet.records import GpuWish
from devctl.gpu import options
from devctl.gpu.detection import GpuReport
from devctl.hosts.docker_gpu import GpuEngine
from devctl.records import Record

_SEEN = {"amd": ["sh", "-c", "test -r /dev/kfd && ls /dev/dri"]}
_LIST = ["nvidia-smi", "-L"]


class SmokeResult(Record):
    """How one test went."""

    host: str
    at: datetime
    outcome: str
    """`passed`, `failed`, or `no gpu` where there is nothing to test."""
    seconds: float = 0.0
    words: str = ""
    """What the container saw, or why it did not come to it."""


def smoke_test(engine: GpuEngine, report: GpuReport, image: str) -> SmokeResult:
    """Launch a container with a GPU and have it list what it sees; a host without one is no failure."""
    begin = time.monotonic()
    host, now = engine.name, datetime.now(UTC)
    if not report.usable:
        words = "; ".join(report.problems) or "no GPU was found"
        return SmokeResult(host=host, at=now, outcome="failed" if report.gpus else "no gpu", words=words)
    try:
        arguments, _ = options.given(GpuWish(want="required"), report)
        code, words = engine.run(image, _SEEN.get(report.way, _LIST), arguments)
    except DevctlError as error:
        code, words = 1, str(error)
    outcome = "passed" if code == 0 and words.strip() else "failed"
    return SmokeResult(host=host, at=now, outcome=outcome, seconds=time.monotonic() - begin, words=words.strip()[:2000])


def record(database: Database, result: SmokeResult) -> None:
    """Write a result down, for the share of failures."""
    query = "INSERT INTO gpu_smoke (host, at, outcome, seconds, words) VALUES (%s, %s, %s, %s, %s)"
    with database.connection() as connection:
        connection.execute(query.encode(), [result.host, result.at, result.outcome, result.seconds, result.words])


def failed_share(database: Database, days: float = 7.0) -> float | None:
    """The share of tests that failed of late, where there was a GPU; None where none was tested."""
    query = """SELECT avg((outcome = 'failed')::int)::float8 AS share FROM gpu_smoke
        WHERE outcome <> 'no gpu' AND at > now() - make_interval(secs => %s)"""
    share = database.rows(query, days * 86_400)[0]["share"]
    return None if share is None else float(share)
