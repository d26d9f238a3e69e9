"""Looking for GPUs: the vendor's own tool, device files, CDI specifications, and what the engine can hand on.

None of them is enough alone: an engine can have NVIDIA's runtime without any GPU, and a machine a GPU that no
container gets. It needs nothing beside Python, so that it can be run on a bare machine.
"""

import csv
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

Way = Literal["", "cdi", "nvidia", "amd"]
"""How a container gets a GPU: by a CDI device, by NVIDIA's runtime, by AMD's device files; or not at all."""

SECONDS = 20.0
"""What nvidia-smi has: a broken driver lets it hang."""
_QUERY = "index,uuid,name,memory.total,driver_version"
_NVIDIA, _AMD = "nvidia.com/gpu", "amd.com/gpu"


class Gpu(NamedTuple):
    """One GPU of a machine."""

    vendor: Literal["nvidia", "amd"]
    number: int
    """As the vendor's tool counts."""
    name: str = ""
    uuid: str = ""
    memory_mb: int | None = None
    driver: str = ""


class GpuPlaces(NamedTuple):
    """Where it is looked."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    cdi: tuple[Path, ...] = (Path("/etc/cdi"), Path("/var/run/cdi"))
    search_path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Seen(NamedTuple):
    """What this machine has."""

    gpus: tuple[Gpu, ...]
    cdi_devices: tuple[str, ...]
    """As containers ask for them: `nvidia.com/gpu=0`, `nvidia.com/gpu=all`."""
    problems: tuple[str, ...]


class GpuReport(NamedTuple):
    """Whether containers of an engine get a GPU."""

    gpus: tuple[Gpu, ...]
    way: Way
    devices: tuple[str, ...] = ()
    """CDI devices, where that is the way."""
    problems: tuple[str, ...] = ()
    hint: str = ""

    @property
    def usable(self) -> bool:
        """Whether a container gets one."""
        return self.way != ""

    @property
    def memory_mb(self) -> int | None:
        """Memory of the smallest; None where it is not known."""
        return min((gpu.memory_mb for gpu in self.gpus if gpu.memory_mb is not None), default=None)


def look(places: GpuPlaces = GpuPlaces()) -> Seen:  # noqa: B008 - an immutable default
    """Look for GPUs on this machine."""
    gpus, problem = _nvidia(places)
    problems = [problem] if problem else []
    devices, unread = _cdi_devices(places.cdi)
    return Seen((*gpus, *_amd(places)), devices, (*problems, *unread))


def judge(info: Mapping[str, Any], seen: Seen | None) -> GpuReport:
    """Say whether containers get a GPU, from what the engine says of itself (`docker info`) and what was seen.

    Without having seen the machine, as with an engine far away, only devices that the engine itself discovered count:
    that NVIDIA's runtime is installed says nothing about a GPU.
    """
    discovered = tuple(
        str(one.get("ID"))
        for one in info.get("DiscoveredDevices") or ()
        if str(one.get("ID", "")).startswith((_NVIDIA, _AMD))
    )
    runtime = "nvidia" in (info.get("Runtimes") or {})
    if discovered:
        return GpuReport(seen.gpus if seen else (), "cdi", discovered, seen.problems if seen else ())
    if seen is None:
        problem = ("the engine has NVIDIA's runtime, which does not say that there is a GPU",) if runtime else ()
        return GpuReport((), "", (), problem, "label the host gpu=true where it has one" if runtime else "")
    return _judge_here(info, seen, runtime)


def _judge_here(info: Mapping[str, Any], seen: Seen, runtime: bool) -> GpuReport:
    nvidia = [gpu for gpu in seen.gpus if gpu.vendor == "nvidia"]
    devices = tuple(name for name in seen.cdi_devices if name.startswith(_NVIDIA))
    if nvidia and devices and info.get("CDISpecDirs"):
        return GpuReport(seen.gpus, "cdi", devices, seen.problems)
    if nvidia and runtime:
        return GpuReport(seen.gpus, "nvidia", (), seen.problems)
    if nvidia:
        return GpuReport(
            seen.gpus, "", (), (*seen.problems, "this machine has a GPU, and the engine cannot hand it on to containers"),
            "install nvidia-container-toolkit and run `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`",
        )  # fmt: skip
    if any(gpu.vendor == "amd" for gpu in seen.gpus):
        return GpuReport(seen.gpus, "amd", (), seen.problems)
    problems = seen.problems
    if runtime or devices:
        problems += ("the engine is made ready for GPUs, and no GPU answers",)
    return GpuReport((), "", (), problems, "check the driver with `nvidia-smi`" if problems else "")


def read_smi(text: str) -> list[Gpu]:
    """Read what nvidia-smi lists, a line for each GPU; what is no number stays unknown."""
    found = []
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        if len(row) == 5 and row[0].strip().isdigit():
            index, uuid, name, memory, driver = (field.strip() for field in row)
            size = int(memory) if memory.isdigit() else None
            found.append(Gpu("nvidia", int(index), name, uuid, size, driver))
    return found


def _nvidia(places: GpuPlaces) -> tuple[list[Gpu], str]:
    """Ask the driver's own tool; device files without a driver that answers are a problem, and no GPU."""
    files = sorted(path.name for path in places.dev.glob("nvidia[0-9]*")) if places.dev.is_dir() else []
    program = shutil.which("nvidia-smi", path=places.search_path)
    if program is None:
        return (
            [],
            f"{places.dev}/{files[0]} is there, and nvidia-smi is not: install the driver's tools" if files else "",
        )
    words = [program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        asked = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return [], f"nvidia-smi does not answer within {SECONDS:g} s: the driver hangs"
    except OSError as error:
        return [], f"nvidia-smi does not run: {error.strerror}"
    gpus = read_smi(asked.stdout)
    if asked.returncode != 0 or not gpus:
        said = (asked.stdout + asked.stderr).strip().splitlines()
        return [], f"nvidia-smi finds no GPU: {said[0] if said else f'it ended with {asked.returncode}'}"
    if not files:
        return gpus, f"nvidia-smi lists {len(gpus)}, and {places.dev} has no device files of them"
    return gpus, ""


def _amd(places: GpuPlaces) -> list[Gpu]:
    """GPUs of the kernel's compute driver; processors are listed there with the number 0."""
    if not (places.dev / "kfd").exists():
        return []
    found: list[Gpu] = []
    for node in sorted(places.sys.glob("class/kfd/kfd/topology/nodes/*")):
        number = _text(node / "gpu_id")
        if number not in ("", "0"):
            found.append(Gpu("amd", len(found), _text(node / "name"), number))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _cdi_devices(folders: Sequence[Path]) -> tuple[tuple[str, ...], list[str]]:
    """The devices that CDI specifications name; a later folder's win over an earlier one's."""
    found: dict[str, None] = {}
    problems = []
    for folder in folders:
        for path in sorted([*folder.glob("*.json"), *folder.glob("*.yaml"), *folder.glob("*.yml")]):
            try:
                found |= dict.fromkeys(_devices_of(path))
            except (OSError, ValueError, TypeError, KeyError) as error:
                problems.append(f"the CDI specification {path} cannot be read: {error}")
    return tuple(found), problems


def _devices_of(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        spec = json.loads(text)
    else:
        import yaml

        try:
            spec = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(str(error).splitlines()[0]) from error
    return [f"{spec['kind']}={device['name']}" for device in spec["devices"]]
