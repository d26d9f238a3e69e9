"""Whether something of a fleet is still there when nothing of it should be: containers, processes, mounts, groups."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from devctl import cgroups

SECONDS = 30.0
"""What was killed may take a moment to be gone on a busy machine."""


def left_behind(home: str, folder: Path, docker: bool) -> list[str]:
    """What there is of an installation and its folder at this moment, in words."""
    return [*(containers_of(home) if docker else ()), *processes_at(folder), *mounts_at(folder)]


def settled(look: Callable[[], list[str]]) -> list[str]:
    """What is still there after a while."""
    deadline = time.monotonic() + SECONDS
    while (left := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def containers_of(home: str) -> list[str]:
    """Containers with the label of an installation."""
    form = "container {{.Names}} {{.Image}} {{.Status}}"
    argv = ["docker", "ps", "-a", "--no-trunc", "--filter", f"label=devctl.home={home}", "--format", form]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


def processes_at(folder: Path) -> list[str]:
    """Processes, but this one, that were started with the folder among their words or are in it."""
    found, wanted = [], f"{folder}/"
    for place in Path("/proc").iterdir():
        if not place.name.isdigit() or int(place.name) == os.getpid():
            continue
        try:
            words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            where = f"{(place / 'cwd').readlink()}/"
        except OSError:
            continue  # it has ended meanwhile
        if wanted in f"{words}/" or where.startswith(wanted):
            found.append(f"process {place.name}: {words[:200]}")
    return found


def mounts_at(folder: Path) -> list[str]:
    """What is mounted below the folder in this namespace."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [f"mount {line}" for line in lines if line.split(" ")[1].startswith(f"{folder}/")]


def groups_of(identities: set[str]) -> list[str]:
    """Control groups of environments."""
    return [
        f"control group {folder}"
        for hierarchy in cgroups.hierarchies()
        for folder in (hierarchy.mount / "devctl").glob("*")
        if folder.name in identities
    ]
