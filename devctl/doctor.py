"""Finding out which backends work on this machine, by trying them, and why one does not."""

import os
import platform
import shutil
from pathlib import Path

from devctl.backend import Usability
from devctl.errors import DevctlError
from devctl.records import BackendName
from devctl.settings import DevctlSettings
from devctl.store import Store

_USERNS = {
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "AppArmor keeps ordinary users from making user namespaces (Ubuntu 23.10 and later)",
        "allow it with `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, install Ubuntu's own "
        "bubblewrap profile, or start Docker",
    ),
    "/proc/sys/kernel/unprivileged_userns_clone": (
        "0",
        "this kernel keeps ordinary users from making user namespaces",
        "allow it with `sudo sysctl -w kernel.unprivileged_userns_clone=1`, or start Docker",
    ),
    "/proc/sys/user/max_user_namespaces": (
        "0",
        "this machine allows no user namespaces at all",
        "allow some with `sudo sysctl -w user.max_user_namespaces=10000`, or start Docker",
    ),
}


def check(name: BackendName, settings: DevctlSettings, store: Store) -> Usability:
    """Try one backend."""
    if name == "bubblewrap":
        return _check_bubblewrap(settings, store)
    if name == "docker":
        return _check_docker(settings, store)
    return Usability(
        backend="none",
        usable=True,
        notes=("no sandbox at all: commands run as this user, with its files and its network",),
    )


def examine(settings: DevctlSettings) -> list[Usability]:
    """Try all backends."""
    store = Store(settings.folder)
    return [check(name, settings, store) for name in ("docker", "bubblewrap", "none")]


def _check_bubblewrap(settings: DevctlSettings, store: Store) -> Usability:
    if platform.system() != "Linux":
        return Usability(
            backend="bubblewrap",
            usable=False,
            reason=f"it needs Linux, this is {platform.system()}",
            hint="start Docker",
        )
    missing = [name for name in ("setpriv", "prlimit") if shutil.which(name, path="/usr/bin:/bin") is None]
    if missing:
        return Usability(
            backend="bubblewrap",
            usable=False,
            reason=f"{missing} not found",
            hint="install the package util-linux",
        )
    from devctl.bubblewrap import BubblewrapBackend, probe

    reason = probe(settings, store)
    if not reason:
        return Usability(backend="bubblewrap", usable=True, notes=BubblewrapBackend(settings, store).notes())
    why, hint = _namespaces_closed()
    return Usability(backend="bubblewrap", usable=False, reason=f"{why or reason}", hint=hint)


def _namespaces_closed() -> tuple[str, str]:
    """The setting of this machine that keeps bubblewrap from working, and how to change it."""
    if os.geteuid() == 0:
        return "", "root needs CAP_SYS_ADMIN to make mounts: run the container with it, or start Docker"
    for path, (closed, reason, hint) in _USERNS.items():
        try:
            if Path(path).read_text().strip() == closed:
                return reason, hint
        except OSError:
            continue
    return "", "start Docker, or look at the kernel's log for what refused the namespaces"


def _check_docker(settings: DevctlSettings, store: Store) -> Usability:
    hint = "start Docker, or set DOCKER_HOST to an engine that answers"
    try:
        from devctl.docker_backend import DockerBackend

        return Usability(backend="docker", usable=True, notes=DockerBackend(settings, store).notes())
    except ImportError as error:
        return Usability(backend="docker", usable=False, reason=str(error), hint=hint)
    except DevctlError as error:
        return Usability(backend="docker", usable=False, reason=error.message, hint=error.hint or hint)
