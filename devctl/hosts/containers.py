"""What a kept environment's container is made with: limits, rights, mounts, labels."""

import contextlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
from docker.types import LogConfig, Ulimit
from docker.types import Mount as DockerMount

from devctl import mounts, seccomp
from devctl.archives import LAID_OUT
from devctl.errors import LaunchFailed
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, Mount
from devctl.hosts.engine import HostFacts, NetworkPlan, is_root
from devctl.inside import connect

KEEPER_UID, UID = 10_002, 10_001
"""The sleeping program and the commands have different users, so that a command cannot end the container."""
SECRETS = "/run/secrets"
ROOT_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"]
"""What installing packages takes; given only where the environment's own user is root."""
PROGRAMS = ("connect.py", "egress.py", "egress.pl")
"""Of `devctl/inside`: what kept environments get."""
HOME_LABEL, ID_LABEL = "devctl.home", "devctl.id"
DISK_NOTE = "the size of each file is limited; that of all together is watched, as the host's storage has no quotas"


def user_of(spec: EnvironmentSpec) -> str:
    """Whom commands run as."""
    return spec.user or f"{UID}:{UID}"


def labels_of(record: EnvironmentRecord, home: str) -> dict[str, str]:
    """Labels by which people and `reconcile` find the container."""
    own = {HOME_LABEL: home, ID_LABEL: record.id, "devctl.name": record.name, "devctl.owner": record.owner}
    return {**record.spec.labels, **own}


def container_options(
    record: EnvironmentRecord,
    home: str,
    plan: NetworkPlan,
    facts: HostFacts,
    api: docker.APIClient,
    gpu: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The arguments of the engine's `create` call."""
    spec = record.spec
    keeper = spec.command == ()
    seconds = "infinity" if spec.limits.seconds is None else str(max(1, round(spec.limits.seconds)))
    return {
        "image": spec.image,
        "name": f"devctl-{record.id}",
        "hostname": spec.name,
        "entrypoint": [*plan.before, *(["sleep"] if keeper else spec.command[:1])],
        "command": [seconds] if keeper else list(spec.command[1:]),
        "user": f"{KEEPER_UID}:{KEEPER_UID}" if keeper else user_of(spec),
        "working_dir": "/" if keeper else spec.workdir,
        "environment": None if keeper else {**home_variables(spec), **plan.env, **spec.env},
        "labels": labels_of(record, home),
        "host_config": api.create_host_config(**_host_config(spec, plan, facts), **(gpu or {})),
    }


def home_variables(spec: EnvironmentSpec) -> dict[str, str]:
    """Variables of the ordinary user, whom the image does not know."""
    base = {"LANG": "C.UTF-8"}
    return base if spec.user is not None else {**base, "HOME": mounts.HOME, "USER": "devctl"}


def _host_config(spec: EnvironmentSpec, plan: NetworkPlan, facts: HostFacts) -> dict[str, Any]:
    limits = spec.limits
    memory = limits.memory_mb * 2**20
    config: dict[str, Any] = {
        "init": True,
        "network_mode": plan.network,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", f"seccomp={seccomp.docker_profile()}"],
        "pids_limit": limits.pids,
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int(min(limits.cpus, facts.cpus) * 1e9),
        "ipc_mode": "private",
        "shm_size": (spec.shm_mb or 64) * 2**20,
        "ulimits": [
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="fsize", soft=limits.disk_mb * 2**20, hard=limits.disk_mb * 2**20),
        ],
        "tmpfs": {SECRETS: "rw,noexec,nosuid,nodev,size=1m,mode=1777"},
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "10m", "max-file": "2"}),
        "mounts": [*_mounts(spec), *_plan_mounts(plan)],
    }
    if is_root(spec.user) or spec.entrypoints:
        config["cap_add"] = ROOT_CAPABILITIES
    if facts.disk_limits:
        config["storage_opt"] = {"size": f"{limits.disk_mb}M"}
    return config


def _mounts(spec: EnvironmentSpec) -> list[DockerMount]:
    return [_mount(mount) for mount in spec.mounts]


def _mount(mount: Mount) -> DockerMount:
    if mount.kind == "bind" and not mount.source.startswith("/"):
        raise LaunchFailed(f"the mount of {mount.source!r} is no absolute path", "write the path from / on")
    return DockerMount(
        target=mount.target, source=mount.source or None, type=mount.kind, read_only=mount.read_only,
        labels=None,
    )  # fmt: skip


def _plan_mounts(plan: NetworkPlan) -> list[DockerMount]:
    return [
        DockerMount(target=inside, source=outside, type="bind", read_only=True)
        for inside, outside in plan.binds.items()
    ]


def layout_of(spec: EnvironmentSpec) -> bytes | None:
    """The folders and programs of an environment, the same bytes each time; None where only the image knows its user."""
    numbers = numeric_user(user_of(spec))
    return layout(spec.workdir, *numbers, own_home=spec.user is None) if numbers is not None else None


def layout(workdir: str, uid: int, gid: int, own_home: bool) -> bytes:
    """The folders and programs that every container gets, relative to its root; folders above them are left alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        _folder(archive, "opt/devctl/inside", 0, 0)
        _folder(archive, SECRETS.strip("/"), 0, 0, 0o1777)  # a tmpfs takes over the mode of what it covers
        if own_home:
            _folder(archive, mounts.HOME.strip("/"), uid, gid)
        if workdir.strip("/"):
            _folder(archive, workdir.strip("/"), uid, gid)
        for name in PROGRAMS:
            data = Path(connect.__file__).with_name(name).read_bytes()
            entry = tarfile.TarInfo(f"opt/devctl/inside/{name}")
            entry.size, entry.mode, entry.mtime = len(data), 0o644, LAID_OUT
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _folder(archive: tarfile.TarFile, name: str, uid: int, gid: int, mode: int = 0o755) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, mode, LAID_OUT
    entry.uid, entry.gid = uid, gid
    archive.addfile(entry)


def numeric_user(user: str) -> tuple[int, int] | None:
    """The numbers of a user written in numbers; None for a name, which only the image knows."""
    if user == "root":
        return 0, 0
    with contextlib.suppress(ValueError):
        uid, _, gid = user.partition(":")
        return int(uid), int(gid or uid)
    return None
