"""`hostRequirements` of devcontainer.json."""

from devctl.fleet.records import GpuWish
from devctl.records import Record
from devctl.sources.fields import Fields
from devctl.sources.sizes import mebibytes


class Requirements(Record):
    """The least that the machine must give."""

    cpus: float | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    gpu: GpuWish = GpuWish()


def read_requirements(fields: Fields) -> Requirements:
    """Read the section; raises SourceInvalid."""
    section = fields.fields("hostRequirements")
    if section is None:
        return Requirements()
    cpus = section.find("cpus", "number")
    if cpus is not None and (not isinstance(cpus.scalar, int | float) or cpus.scalar <= 0):
        raise section.wrong("cpus", f"cpus is {cpus.scalar!r}: it must be above nought")
    found = Requirements(
        cpus=float(str(cpus.scalar)) if cpus else None,
        memory_mb=_size(section, "memory"),
        disk_mb=_size(section, "storage"),
        gpu=_gpu(section),
    )
    if rest := section.rest():
        raise section.wrong(
            rest[0], f"hostRequirements has no key {rest[0]!r}", "it knows cpus, memory, storage and gpu"
        )
    return found


def _size(section: Fields, key: str) -> int | None:
    node = section.find(key, "string", "number")
    if node is None:
        return None
    size = mebibytes(section.text(node))
    if size is None:
        raise section.wrong(key, f"{key} is {node.scalar!r}, which is no size", "write it as 4gb or 512mb")
    return size


def _gpu(section: Fields) -> GpuWish:
    node = section.find("gpu", "boolean", "string", "object")
    if node is None or node.scalar is False:
        return GpuWish()
    if node.scalar is True:
        return GpuWish(want="required")
    if node.kind == "string":
        if node.scalar != "optional":
            raise section.wrong("gpu", f"gpu is {node.scalar!r}", 'write true, false, "optional" or an object')
        return GpuWish(want="optional")
    inner = section.fields("gpu")
    cores = inner.find("cores", "number") if inner else None
    return GpuWish(
        want="required",
        cores=int(str(cores.scalar)) if cores and isinstance(cores.scalar, int) else None,
        memory_mb=_size(inner, "memory") if inner else None,
    )
