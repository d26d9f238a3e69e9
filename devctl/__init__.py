"""devctl: sandboxed environments in which people and agents run code.

    launcher = open_launcher(settings, policy)
    prepared = launcher.prepare(PrepareRequest(tree=folder, packages=("pytest",)))
    with launcher.launch(LaunchRequest(prepared=prepared)) as environment:
        environment.put(folder)
        print(environment.exec(["pytest", "-q"]).output)

The names are loaded when they are first used, so that `devctl --help` answers at once.
"""

from typing import TYPE_CHECKING

from local.lazy import loaded_when_used

if TYPE_CHECKING:
    from devctl.absent import without_environments
    from devctl.environment import Environment
    from devctl.errors import (
        DevctlError,
        EnvironmentGone,
        LaunchFailed,
        LaunchRefused,
        NoSuchEnvironment,
        PathRefused,
        PreparationFailed,
        SandboxFailed,
        SandboxUnavailable,
        ServeFailed,
        SettingsInvalid,
    )
    from devctl.gateway import INSIDE_PORT
    from devctl.launcher import Launcher, open_launcher
    from devctl.records import (
        WORKDIR,
        EnvironmentInfo,
        ExecResult,
        LaunchRequest,
        Limits,
        Prepared,
        PrepareRequest,
    )
    from devctl.serving import Served
    from devctl.settings import DevctlSettings

_PLACES = {
    "absent": ("without_environments",),
    "environment": ("Environment",),
    "gateway": ("INSIDE_PORT",),
    "launcher": ("Launcher", "open_launcher"),
    "records": (
        *("WORKDIR", "EnvironmentInfo", "ExecResult", "LaunchRequest", "Limits", "Prepared", "PrepareRequest"),
    ),
    "serving": ("Served",),
    "settings": ("DevctlSettings",),
    "errors": (
        *("DevctlError", "EnvironmentGone", "LaunchFailed", "LaunchRefused", "NoSuchEnvironment", "PathRefused"),
        *("PreparationFailed", "SandboxFailed", "SandboxUnavailable", "ServeFailed", "SettingsInvalid"),
    ),
}

__all__ = [
    "INSIDE_PORT",
    "WORKDIR",
    "DevctlError",
    "DevctlSettings",
    "Environment",
    "EnvironmentGone",
    "EnvironmentInfo",
    "ExecResult",
    "LaunchFailed",
    "LaunchRefused",
    "LaunchRequest",
    "Launcher",
    "Limits",
    "NoSuchEnvironment",
    "PathRefused",
    "PreparationFailed",
    "PrepareRequest",
    "Prepared",
    "SandboxFailed",
    "SandboxUnavailable",
    "ServeFailed",
    "Served",
    "SettingsInvalid",
    "open_launcher",
    "without_environments",
]

__getattr__ = loaded_when_used("devctl", _PLACES)
