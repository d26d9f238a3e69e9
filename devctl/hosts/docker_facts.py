"""What an engine says of its machine, and how much of it the containers have reserved."""

from typing import Any

import docker

from devctl.hosts.engine import HostFacts


def fixed(client: docker.DockerClient) -> HostFacts:
    """What does not change while the engine runs."""
    info = client.api.info()
    return HostFacts(
        cpus=int(info.get("NCPU") or 1),
        memory_mb=int(info.get("MemTotal") or 0) // 2**20,
        gpu="nvidia" in (info.get("Runtimes") or {}) or bool(info.get("DiscoveredDevices")),
        version=str(info.get("ServerVersion", "")),
        disk_limits=_has_quotas(info),
    )


def measure(client: docker.DockerClient, known: HostFacts) -> HostFacts:
    """The same with what is taken at this moment."""
    running = client.api.containers()
    tags = [tag for image in client.api.images() for tag in image.get("RepoTags") or ()]
    configs = [client.api.inspect_container(one["Id"])["HostConfig"] for one in running]
    return known.model_copy(
        update={
            "environments": len(running),
            "reserved_cpus": sum((config.get("NanoCpus") or 0) / 1e9 for config in configs),
            "reserved_memory_mb": sum((config.get("Memory") or 0) // 2**20 for config in configs),
            "images": tuple(sorted(tag for tag in tags if tag != "<none>:<none>")),
        }
    )


def _has_quotas(info: dict[str, Any]) -> bool:
    """Whether the storage can limit a container's size: overlay2 on XFS (with pquota, which only a try tells)."""
    driver = info.get("Driver")
    backing = dict(info.get("DriverStatus") or ()).get("Backing Filesystem", "")
    return driver in ("btrfs", "zfs", "windowsfilter") or (driver == "overlay2" and backing == "xfs")
