"""Running the steps of an installation on this host: in a sandbox, or plainly where there is none."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from devctl import mounts
from devctl.capture import Job, run
from devctl.ecosystems.records import Plan, Seen, Step
from devctl.records import Command, ExecResult, Limits, Record, Toolchain
from devctl.sandbox import Sandbox
from devctl.sandboxed_run import result_of, run_in
from devctl.settings import CERTIFICATES, DevctlSettings
from devctl.store import FIRST_UID

INSTALLER_UID = FIRST_UID - 1
"""The user that installs when devctl runs as root; it owns the downloads and nothing else."""


class Site(Record):
    """Where one installation happens on this host."""

    scratch: Path
    """A folder that is thrown away, all but its `result`."""
    downloads: Path
    """What installations of one ecosystem share; no step that runs code of packages sees it."""
    ecosystem: str
    toolchain: Toolchain
    interpreter: mounts.Interpreter
    limits: Limits


class Installer(Protocol):
    """Runs the steps of one installation."""

    seen: Seen

    def run(self, step: Step, env: Mapping[str, str]) -> ExecResult:
        """Run one step to its end."""


class InstallerMaker(Protocol):
    """Makes the installer of one preparation."""

    def __call__(self, settings: DevctlSettings, site: Site, plan: Plan) -> Installer:
        """Lay out the scratch folder for one run."""


class SandboxedInstaller:
    """Runs steps in a sandbox with the network of this host and none of its files or secrets."""

    def __init__(self, settings: DevctlSettings, site: Site, plan: Plan) -> None:
        trusted = settings.certificates is not None and settings.certificates.is_file()
        self.seen = Seen(
            plan=mounts.PLAN,
            result=mounts.result_place(site.ecosystem),
            downloads=mounts.DOWNLOADS,
            home=mounts.HOME,
            certificates=mounts.CERTIFICATES if trusted else None,
            python=site.interpreter.inside,
        )
        self._seconds = site.limits.seconds
        scratch = site.scratch
        uid = INSTALLER_UID if os.geteuid() == 0 else None
        site.downloads.mkdir(exist_ok=True, parents=True)
        alone = scratch / "downloads"
        for folder in (site.downloads, alone, scratch / "result", *(scratch / name for name in mounts.PRIVATE)):
            folder.mkdir(exist_ok=True)
            if uid is not None:
                os.chown(folder, uid, uid)
        _write_plan(scratch / "plan", plan)
        mounts.write_accounts(scratch, uid or os.getuid(), uid or os.getgid())
        arguments = [*mounts.system_mounts(), *mounts.kernel_mounts(256), *mounts.private_mounts(scratch)]
        arguments += [*site.interpreter.binds, *mounts.network_mounts(settings.certificates)]
        tools = mounts.toolchain_mounts([site.toolchain])
        arguments += [*tools.arguments, "--ro-bind", str(scratch / "plan"), mounts.PLAN]
        arguments += ["--bind", str(scratch / "result"), self.seen.result]
        self._downloads = {False: site.downloads, True: alone}
        env = common_env(settings, self.seen, f"{mounts.BIN}:/usr/local/bin:/usr/bin:/bin") | tools.env
        self._sandbox = Sandbox(mounts=tuple(arguments), env=env, limits=site.limits, uid=uid, network=True)

    def run(self, step: Step, env: Mapping[str, str]) -> ExecResult:
        binds = (*self._sandbox.mounts, "--bind", str(self._downloads[step.alone]), mounts.DOWNLOADS)
        sandbox = self._sandbox.model_copy(update={"network": step.network, "mounts": binds})
        argv = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", f"{self.seen.result}/{step.cwd}", *step.argv)
        return run_in(sandbox, Command(argv=argv, env=dict(env), seconds=self._seconds))


class HostInstaller:
    """Runs steps as this user; what packages run at their installation runs as this user too."""

    def __init__(self, settings: DevctlSettings, site: Site, plan: Plan) -> None:
        scratch = site.scratch
        certificates = settings.certificates
        self.seen = Seen(
            plan=str(scratch / "plan"),
            result=str(scratch / "result"),
            downloads=str(site.downloads),
            home=str(scratch / "home"),
            certificates=str(certificates) if certificates is not None else None,
            python=str(site.interpreter.host),
        )
        self._seconds = site.limits.seconds  # plain processes of this user are bounded by time alone
        for folder in (scratch / "result", scratch / "home", site.downloads):
            folder.mkdir(exist_ok=True, parents=True)
        _write_plan(scratch / "plan", plan)
        link_programs(scratch / "bin", [site.toolchain])
        path = f"{scratch / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        self._env = common_env(settings, self.seen, path) | site.toolchain.env

    def run(self, step: Step, env: Mapping[str, str]) -> ExecResult:
        cwd = Path(self.seen.result) / step.cwd
        return result_of(run(Job(argv=step.argv, env={**self._env, **env}, cwd=cwd, seconds=self._seconds)))


def common_env(settings: DevctlSettings, seen: Seen, path: str) -> dict[str, str]:
    """What every installer sees: proxy and index, where it may write, and nothing else."""
    env = {"HOME": seen.home, "PATH": path, "LANG": "C.UTF-8", **settings.installer_env}
    if seen.certificates is not None:
        env |= dict.fromkeys(CERTIFICATES, seen.certificates)
    return env


def link_programs(folder: Path, toolchains: list[Toolchain]) -> None:
    """Make a folder that leads to programs by their names, where there is no sandbox."""
    folder.mkdir(exist_ok=True)
    for toolchain in toolchains:
        for name, program in toolchain.programs.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(program)


def _write_plan(folder: Path, plan: Plan) -> None:
    """Write what is to be installed where the installer's user can read it, whatever our umask is."""
    folder.mkdir()
    folder.chmod(0o755)
    for path, content in {**plan.more, **plan.files}.items():
        for parent in reversed((folder / path).relative_to(folder).parents):
            (folder / parent).mkdir(exist_ok=True)
            (folder / parent).chmod(0o755)
        (folder / path).write_bytes(content)
        (folder / path).chmod(0o644)
