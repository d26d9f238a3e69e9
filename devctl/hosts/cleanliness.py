"""Whether a warm container is still as it was made: asked just before it is handed out."""

import io
import itertools
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import docker
from docker.errors import APIError, NotFound

from devctl.hosts.laid_out import BASE_LABEL
from devctl.hosts.vitals import cgroup_processes


class Expected(Protocol):
    """What a container was made with."""

    @property
    def image_id(self) -> str: ...

    @property
    def memory_mb(self) -> int: ...

    @property
    def pids(self) -> int: ...

    @property
    def network(self) -> str: ...


FOLDERS = ("tmp", "work", "home/devctl")
KEEPERS = 2
"""The engine's init and the sleeping program below it."""


def why_spoilt(api: docker.APIClient, container: str, expected: Expected, baseline: Sequence[str], local: bool) -> str:
    """Say what is wrong with a container; empty when it can be handed out. Reads only, and runs nothing inside."""
    try:
        found = api.inspect_container(container)
    except NotFound:
        return "its container is gone"
    state, config = found["State"], found["HostConfig"]
    checks = (
        (state["Status"] in ("running", "paused"), f"its container is {state['Status']}"),
        (not state.get("OOMKilled"), "a process of it was killed for want of memory"),
        (not found.get("ExecIDs"), "commands were run in it"),
        (_base_image(found) == expected.image_id, "its image is another one"),
        (config["Memory"] == expected.memory_mb * 2**20, "its memory limit is another one"),
        (config["PidsLimit"] == expected.pids, "its limit of processes is another one"),
        (config["NetworkMode"] == expected.network, "its network is another one"),
    )
    if wrong := next((words for good, words in checks if not good), ""):
        return wrong
    pid = int(state["Pid"])
    if _processes(api, container, pid, local) > KEEPERS:
        return "programs run in it"
    if tuple(contents(api, container, pid, local)) != tuple(baseline):
        return "its folders are not as they were"
    return ""


def _base_image(found: Mapping[str, Any]) -> str:
    """The image that a container was asked for, whichever image with its folders it was made of."""
    return str((found["Config"].get("Labels") or {}).get(BASE_LABEL) or found["Image"])


def contents(api: docker.APIClient, container: str, pid: int, local: bool) -> list[str]:
    """What lies at the top of its folders, with sizes."""
    root = Path(f"/proc/{pid}/root")
    if local and os.geteuid() == 0 and (root / "work").is_dir():
        return sorted(_by_root(root))
    return sorted(_by_archive(api, container))


def _by_root(root: Path) -> Iterator[str]:
    for folder in FOLDERS:
        try:
            with os.scandir(root / folder) as entries:
                yield from (f"{folder}/{entry.name}" for entry in entries)
        except OSError:
            continue


def _by_archive(api: docker.APIClient, container: str) -> Iterator[str]:
    for folder in FOLDERS:
        try:
            stream, _ = api.get_archive(container, f"/{folder}")
        except APIError:
            continue
        data = b"".join(itertools.islice(stream, 64))  # at most 128 MiB: more is no clean container's
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for entry in archive:
                below = entry.name.strip("/").split("/")[1:]
                if len(below) == 1:
                    yield f"{folder}/{below[0]}"


def _processes(api: docker.APIClient, container: str, pid: int, local: bool) -> int:
    if local and (own := cgroup_processes(pid, container)) is not None:
        return own
    return len(api.top(container)["Processes"])
