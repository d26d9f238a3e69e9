"""Machines with GPUs, as folders: device files, CDI specifications, and a program that speaks as nvidia-smi does."""

from pathlib import Path

from devctl.gpu.detection import GpuPlaces

SMI = """#!/bin/sh
case "$1" in
--query-gpu=index,uuid,name,memory.total,driver_version) cat "{folder}/smi.csv"; exit {code} ;;
*) echo "Invalid combination of input arguments." ; exit 2 ;;
esac
"""
TWO = "0, GPU-aaaa, NVIDIA H200, 143771, 570.86.15\n1, GPU-bbbb, NVIDIA H200, [N/A], 570.86.15\n"
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
