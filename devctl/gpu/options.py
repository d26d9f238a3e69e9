"""What a container is made with to have a GPU, and what stands in the way."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devctl.errors import LaunchFailed
from devctl.fleet.records import GpuWish
from devctl.gpu.detection import GpuReport

NO_GPU = "it has no GPU: the host has none that containers get"
_CAPABILITIES = ["gpu", "compute", "utility"]
_AMD_DEVICES = ("/dev/kfd", "/dev/dri")


def shortage(wish: GpuWish, report: GpuReport) -> str:
    """Why a host's GPUs do not do for a wish; empty when they do, or none is wanted."""
    if wish.want == "none":
        return ""
    if not report.usable:
        return "it has no GPU"
    if report.gpus and len(report.gpus) < wish.count:
        return f"it has {len(report.gpus)} GPUs, and {wish.count} are wanted"
    if wish.memory_mb is not None and report.memory_mb is not None and report.memory_mb < wish.memory_mb:
        return f"its GPU has {report.memory_mb} MiB of memory, and {wish.memory_mb} are wanted"
    return ""


def given(wish: GpuWish, report: GpuReport) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Arguments of the engine's host configuration, and notes.

    Raises LaunchFailed for a required GPU that is not there; an optional one is left out with a note.
    """
    if wish.want == "none":
        return {}, ()
    if missing := shortage(wish, report):
        if wish.want == "required":
            raise LaunchFailed(
                f"a GPU is required, and of this host: {missing}",
                report.hint or "make it optional, or choose a host that has one: `devctl hosts ls`",
            )
        return {}, (NO_GPU if not report.usable else f"it has no GPU: of the host, {missing}",)
    if report.way == "amd":
        groups = sorted({path.stat().st_gid for path in _amd_files()} - {0})
        devices = [f"{place}:{place}:rwm" for place in _AMD_DEVICES]
        return {"devices": devices, "group_add": [str(group) for group in groups]}, ()
    if report.way == "cdi":
        return {"device_requests": [{"Driver": "cdi", "DeviceIDs": list(_chosen(report.devices, wish.count))}]}, ()
    return {"device_requests": [{"Driver": "nvidia", "Count": wish.count, "Capabilities": [_CAPABILITIES]}]}, ()


def _chosen(devices: Sequence[str], count: int) -> Sequence[str]:
    """The first devices with numbers; `all` where there are none."""
    numbered = sorted(
        (name for name in devices if name.rpartition("=")[2].isdigit()), key=lambda name: int(name.rpartition("=")[2])
    )
    return numbered[:count] or [name for name in devices if name.endswith("=all")] or list(devices[:count])


def _amd_files() -> list[Path]:
    return [path for path in (Path("/dev/kfd"), *Path("/dev/dri").glob("renderD*")) if path.exists()]
