"""Whether containers of a machine get its GPUs."""

from typing import Literal

from devctl.builder.builder import engine_host
from devctl.fleet.database import Database
from devctl.gpu.smoke import SmokeResult, record, smoke_test
from devctl.hosts.docker_gpu import GpuEngine
from devctl.records import Record
from devctl.settings import DevctlSettings


class GpuSeen(Record):
    """One GPU."""

    vendor: Literal["nvidia", "amd"]
    number: int
    name: str
    uuid: str
    memory_mb: int | None
    driver: str


class GpusExamined(Record):
    """What the machine has, and what a container saw of it."""

    gpus: tuple[GpuSeen, ...]
    way: str
    """How containers get one; empty where they do not."""
    problems: tuple[str, ...]
    hint: str
    smoke_test: SmokeResult


def examine_gpus(settings: DevctlSettings, database: Database, image: str | None) -> GpusExamined:
    """Launch a container with a GPU and write down how that went; raises HostUnreachable."""
    with GpuEngine(engine_host(settings)) as engine:
        report = engine.report()
        result = smoke_test(engine, report, image or settings.docker_image)
    record(database, result)
    seen = tuple(GpuSeen.model_validate(gpu._asdict()) for gpu in report.gpus)
    return GpusExamined(gpus=seen, way=report.way, problems=report.problems, hint=report.hint, smoke_test=result)
