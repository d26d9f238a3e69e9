"""devctl: sandboxed environments in which people and agents run code.

launcher = open_launcher(settings, policy)
prepared = launcher.prepare(PrepareRequest(tree=folder, packages=("pytest",)))
with launcher.launch(LaunchRequest(prepared=prepared)) as environment:
    environment.put(folder)
    print(environment.exec(["pytest", "-q"]).output)
"""

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

__all__ = [
    "WORKDIR",
    "DevctlError",
    "DevctlSettings",
    "EnvironmentGone",
    "LaunchFailed",
    "LaunchRefused",
    "NoSuchEnvironment",
    "PathRefused",
    "PreparationFailed",
    "SandboxFailed",
    "SandboxUnavailable",
    "ServeFailed",
    "SettingsInvalid",
    "Environment",
    "EnvironmentInfo",
    "ExecResult",
    "LaunchRequest",
    "Launcher",
    "Limits",
    "PrepareRequest",
    "Prepared",
    "Served",
    "open_launcher",
]
