"""Machines with GPUs, as folders: device files, CDI specifications, and a program that speaks as nvidia-smi does."""

from pathlib import Path

from devctl.gpu.detection import GpuPlaces

SMI = """#!/bin/sh
case "$1" in
--query-gpu=index,uuid,name,memory.total,driver_version) cat "{folder}/smi.csv"; exit {code} ;;
--query-gpu=index,uuid,name,driver_version,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw)
    cat "{folder}/use.csv" && exit {code}; exit 9 ;;
--query-compute-apps=pid,used_gpu_memory) cat "{folder}/apps.csv"; exit {code} ;;
pmon) [ -f "{folder}/pmon" ] && cat "{folder}/pmon" && exit 0; echo "Not supported on the device(s)"; exit 3 ;;
*) echo "Invalid combination of input arguments." ; exit 2 ;;
esac
"""
TWO = "0, GPU-aaaa, NVIDIA H200, 143771, 570.86.15\n1, GPU-bbbb, NVIDIA H200, [N/A], 570.86.15\n"
USE = """0, GPU-aaaa, NVIDIA H200, 570.86.15, 37, 1024, 143771, 41, 121.50
1, GPU-bbbb, NVIDIA H200, 570.86.15, [N/A], 0, [N/A], 38, [Not Supported]
"""
PMON = """# gpu         pid   type     sm    mem    enc    dec    jpg    ofa    command
# Idx           #    C/G      %      %      %      %      %      %    name
    0       {pid}     C     30     10      -      -      -      -    python3
    1       {pid}     C     12      0      -      -      -      -    python3
    1           7     C      -      -      -      -      -      -    idle
    2           -     -      -      -      -      -      -      -    -
"""
CDI = """cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
- name: "0"
  containerEdits: {deviceNodes: [{path: /dev/nvidia0}]}
- name: "1"
- name: all
"""


def machine(
    folder: Path, *, smi: str | None = None, code: int = 0, files: tuple[str, ...] = (), cdi: str | None = None
) -> GpuPlaces:
    """Lay a machine out."""
    for name in ("dev", "sys", "cdi", "bin"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / "dev" / name).touch()
    if smi is not None:
        (folder / "smi.csv").write_text(smi)
        (folder / "bin/nvidia-smi").write_text(SMI.format(folder=folder, code=code))
        (folder / "bin/nvidia-smi").chmod(0o755)
    if cdi is not None:
        (folder / "cdi/nvidia.yaml").write_text(cdi)
    return GpuPlaces(folder / "dev", folder / "sys", (folder / "cdi", folder / "none"), str(folder / "bin"))


def busy_machine(folder: Path, pid: int, pmon: bool = True) -> GpuPlaces:
    """Two GPUs, on which a process runs."""
    places = machine(folder, smi=TWO, files=("nvidia0", "nvidia1"))
    (folder / "use.csv").write_text(USE)
    (folder / "apps.csv").write_text(f"{pid}, 512\n{pid}, 256\n7, [N/A]\n")
    if pmon:
        (folder / "pmon").write_text(PMON.format(pid=pid))
    return places
