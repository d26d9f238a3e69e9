"""What an engine says of its machine, and how much of it the containers have reserved."""

import shutil
from typing import Any

import docker

from devctl.gpu.detection import GpuReport
from devctl.hosts.engine import HostFacts


def fixed(client: docker.DockerClient, gpu: GpuReport) -> HostFacts:
    """What does not change while the engine runs."""
    info = client.api.info()
    return HostFacts(
        cpus=int(info.get("NCPU") or 1),
        memory_mb=int(info.get("MemTotal") or 0) // 2**20,
        gpu=gpu.usable,
        gpus=len(gpu.gpus),
        gpu_memory_mb=gpu.memory_mb,
        version=str(info.get("ServerVersion", "")),
        disk_limits=_has_quotas(info),
    )


def measure(client: docker.DockerClient, known: HostFacts, local: bool) -> HostFacts:
    """The same with what is taken at this moment."""
    tags = [tag for image in client.api.images() for tag in image.get("RepoTags") or ()]
    images = tuple(sorted(tag for tag in tags if tag != "<none>:<none>"))
    free = _free_mb(str(client.api.info().get("DockerRootDir", ""))) if local else None
    changed = {"environments": len(client.api.containers()), "images": images, "disk_free_mb": free}
    return known.model_copy(update=changed)


def _free_mb(folder: str) -> int | None:
    """Room on the disk of a folder of this machine; None where it cannot be seen."""
    try:
        return shutil.disk_usage(folder).free // 2**20
    except OSError:
        return None


def _has_quotas(info: dict[str, Any]) -> bool:
    """Whether the storage can limit a container's size: overlay2 on XFS (with pquota, which only a try tells)."""
    driver = info.get("Driver")
    backing = dict(info.get("DriverStatus") or ()).get("Backing Filesystem", "")
    return driver in ("btrfs", "zfs", "windowsfilter") or (driver == "overlay2" and backing == "xfs")
