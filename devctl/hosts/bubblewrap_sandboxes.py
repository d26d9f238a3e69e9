"""The sandbox of each command in a kept environment under bubblewrap."""

import os
import posixpath
import subprocess

from devctl import mounts
from devctl.cgroups import Group
from devctl.errors import LaunchFailed
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, Mount
from devctl.hosts.bubblewrap_streams import Ends, launched, set_size
from devctl.hosts.engine import HOST_IMAGE, ExecRequest
from devctl.hosts.kept_folders import KeptFolder
from devctl.layers import environment_of
from devctl.records import WORKDIR, Command, Limits
from devctl.sandbox import Sandbox, command_line
from devctl.settings import DevctlSettings


def check(spec: EnvironmentSpec) -> tuple[str, ...]:
    """What of a spec is not done here; raises LaunchFailed for what nobody would want left out."""
    if spec.image != HOST_IMAGE and not spec.image.startswith(f"{HOST_IMAGE}:"):
        raise LaunchFailed(f"the image {spec.image!r} needs Docker", "start Docker, or leave the image out")
    if spec.command:
        raise LaunchFailed("a main process needs Docker", "start it with `devctl exec` instead")
    if spec.gpu.want == "required":
        raise LaunchFailed("a GPU needs Docker", "start Docker, or make the GPU optional")
    notes = ["it has no GPU: bubblewrap hands none on"] if spec.gpu.want == "optional" else []
    notes += [f"commands run as its ordinary user, not as {spec.user}"] if spec.user else []
    notes += ["features' entrypoints are not run under bubblewrap"] if spec.entrypoints else []
    notes += [
        f"the volume {mount.source or mount.target} is not shared with other environments"
        for mount in spec.mounts
        if mount.kind == "volume"
    ]
    return tuple(notes)


def limits_of(record: EnvironmentRecord) -> Limits:
    """The limits in the words of sandboxes."""
    kept = record.spec.limits
    return Limits(
        memory_mb=kept.memory_mb, cpus=kept.cpus, pids=kept.pids, output_bytes=kept.output_bytes, disk_mb=kept.disk_mb
    )


def sandbox_of(settings: DevctlSettings, record: EnvironmentRecord, kept: KeptFolder, group: Group | None) -> Sandbox:
    """All that is fixed about the sandboxes of an environment."""
    spec = record.spec
    interpreter = mounts.find_interpreter(settings.interpreter)
    arguments = [*mounts.system_mounts(), *mounts.kernel_mounts(spec.shm_mb or 64)]
    arguments += [*mounts.private_mounts(kept.folder), *interpreter.binds]
    if spec.workdir != WORKDIR:
        arguments += [*_parents(spec.workdir), "--bind", str(kept.folder / "work"), spec.workdir]
    if kept.secrets.is_dir():
        arguments += [*_parents("/run/secrets"), "--ro-bind", str(kept.secrets), "/run/secrets"]
    for inside, outside in kept.plan.binds.items():
        arguments += [*_parents(inside), "--ro-bind", outside, inside]
    for mount in spec.mounts:
        arguments += _mount(mount, kept)
    is_open = kept.plan.network != "none"
    if is_open:
        arguments += mounts.network_mounts(settings.certificates)
    env = {**environment_of(interpreter.inside, None), "DEVCTL_WORK": spec.workdir, **kept.plan.env, **spec.env}
    return Sandbox(
        mounts=tuple(arguments), env=env, limits=limits_of(record), uid=kept.uid, network=is_open,
        limited=group.controllers if group is not None else frozenset(),
    )  # fmt: skip


def start(sandbox: Sandbox, group: Group | None, request: ExecRequest, ends: Ends) -> subprocess.Popen[bytes]:
    """Start a command in a sandbox of its own."""
    if request.tty:
        set_size(ends.input, *(request.size or (24, 80)))
    command = Command(
        argv=("/usr/bin/setsid", "--ctty", "--wait", *request.argv) if request.tty else request.argv,
        env={**({"TERM": "xterm-256color"} if request.tty else {}), **request.env},
        cwd=_relative(sandbox, request),
        seconds=request.seconds,
    )
    told = os.open(os.devnull, os.O_WRONLY)
    try:
        with command_line(sandbox, command, group, told) as (argv, inherited):
            return launched(argv, ends, inherited)
    finally:
        os.close(told)


def _relative(sandbox: Sandbox, request: ExecRequest) -> str:
    """The folder of a command, relative to the work folder, as the first lines of each command want it."""
    workdir = sandbox.env["DEVCTL_WORK"]
    return posixpath.relpath(posixpath.join(workdir, request.cwd or ""), workdir)


def _mount(mount: Mount, kept: KeptFolder) -> list[str]:
    if mount.kind == "tmpfs":
        return [*_parents(mount.target), "--perms", "1777", "--tmpfs", mount.target]
    source = mount.source
    if mount.kind == "volume":
        folder = kept.folder / "volumes" / (mount.source or mount.target).strip("/").replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        if kept.uid is not None:
            os.chown(folder, kept.uid, kept.uid)
        source = str(folder)
    elif not source.startswith("/"):
        raise LaunchFailed(f"the mount of {source!r} is no absolute path", "write the path from / on")
    return [*_parents(mount.target), "--ro-bind" if mount.read_only else "--bind", source, mount.target]


def _parents(path: str) -> list[str]:
    """Open folders above a mount, as bubblewrap would close them."""
    found: list[str] = []
    folder = ""
    for step in path.strip("/").split("/")[:-1]:
        folder = f"{folder}/{step}"
        found += ["--perms", "0755", "--dir", folder]
    return found
