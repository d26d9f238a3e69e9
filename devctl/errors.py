"""The errors of devctl, in one tree.

DevctlError                     message and hint
├── SettingsInvalid             a setting of devctl cannot be used
├── SandboxUnavailable          no backend that may be used works on this machine
├── LaunchRefused               the policy does not allow what the environment asked for
├── PreparationFailed           the dependencies could not be installed; `log` is the installer's output
├── LaunchFailed                the environment could not be set up: disk full, no such image
│   └── SecretInvalid           a secret cannot be read, or is asked for in a way that would show it
├── EnvironmentGone             the environment was stopped, by this process or another one
├── SandboxFailed               the sandbox broke down before the command could run
├── PathRefused                 a path leads out of the environment, or is no plain file or folder
├── ServeFailed                 the served program ended or never listened; `output` is what it printed
├── NoSuchEnvironment           no environment has that name
├── NameTaken                   another environment has that name
├── NotRunning                  the environment is stopped, paused, failed or still being made
├── InUse                       it cannot be removed while something is made of it
├── PortTaken                   another program listens on that port of this machine
├── HostUnreachable             the engine of a host does not answer
├── NoHost                      no host can take the environment, or none is listed
│   └── NoSuchHost              no host has that name
├── SourceInvalid               what an environment is to be made from cannot be read or is not there
├── CloneFailed                 a repository could not be cloned; `log` is what git said
├── NoSuchTemplate              no template of tasks has that name
├── EgressInvalid               an entry of an allow-list is none
├── EgressFailed                the proxy of an allow-list cannot be started or reached
├── TokenRefused                the service was asked without a token that it knows
├── RequestInvalid              the service was asked for something that no record fits
├── NoSuchResource              the service has no operation, command, tunnel or token of that id
├── ServiceBusy                 the service has as much to do as it takes at once
├── ServiceUnreachable          no service answers at the address, or it is no devctl
├── BuildRefused                the image cannot be built as asked: context too large, no such Dockerfile
├── BuildFailed                 a step of the build failed; `log` is the end of its output
├── ScanFailed                  nobody could be asked what is known against an image
├── NoSuchImage                 the engine has no such image
├── GpuUnread                   the vendor's tool is there and does not say what the GPUs do
└── StateUnavailable            the database of devctl's state does not answer
"""


class DevctlError(Exception):
    """An error of devctl: what was wrong, with which value, and in `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class SettingsInvalid(DevctlError):
    """A setting of devctl cannot be used."""


class SandboxUnavailable(DevctlError):
    """No backend that may be used works here; the hint says what to install or set."""


class LaunchRefused(DevctlError):
    """The policy does not allow it; `reasons` are the policy's own words."""

    def __init__(self, message: str, reasons: tuple[str, ...], hint: str = "") -> None:
        super().__init__(message, hint)
        self.reasons = reasons


class PreparationFailed(DevctlError):
    """The dependencies could not be installed; `log` is the end of the installer's output."""

    def __init__(self, message: str, log: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.log = log


class LaunchFailed(DevctlError):
    """The environment could not be set up."""


class EnvironmentGone(DevctlError):
    """The environment was stopped."""


class SandboxFailed(DevctlError):
    """The sandbox itself broke down before the command could run."""


class PathRefused(DevctlError):
    """A path leads out of the environment, or names something that is no plain file or folder."""


class ServeFailed(DevctlError):
    """The served program ended, or did not listen in time; `output` is what it printed."""

    def __init__(self, message: str, output: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.output = output


class NoSuchEnvironment(DevctlError):
    """No environment has that name."""


class NameTaken(DevctlError):
    """Another environment has that name."""


class NotRunning(DevctlError):
    """The environment is not in a phase in which this can be done."""


class InUse(DevctlError):
    """It cannot be removed while something is made of it."""


class PortTaken(DevctlError):
    """Another program listens on that port of this machine."""


class HostUnreachable(DevctlError):
    """The engine of a host does not answer, or not in time."""


class NoHost(DevctlError):
    """There is no host that can take the environment, or no list of hosts."""


class NoSuchHost(NoHost):
    """No host has that name."""


class GpuUnread(DevctlError):
    """The vendor's tool is there and does not say what the GPUs of this machine do."""


class StateUnavailable(DevctlError):
    """The database in which devctl's state stands cannot be used."""


class SourceInvalid(DevctlError):
    """What an environment is to be made from cannot be read: the message names the file, line and column."""


class CloneFailed(DevctlError):
    """A repository could not be cloned; `log` is the end of what git said."""

    def __init__(self, message: str, log: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.log = log


class NoSuchTemplate(DevctlError):
    """No template of the editor's tasks has that name."""


class EgressInvalid(DevctlError):
    """An entry of the list of what an environment may reach cannot be read."""


class EgressFailed(DevctlError):
    """The proxy through which an environment reaches what it may does not run."""


class SecretInvalid(LaunchFailed):
    """A secret cannot be read; the message never holds its value."""


class TokenRefused(DevctlError):
    """The service does not know the token, or it has expired."""


class RequestInvalid(DevctlError):
    """What the service was asked for fits no record; the message names the field."""


class NoSuchResource(DevctlError):
    """The service has no operation, command, upload, tunnel or token of that id."""


class ServiceBusy(DevctlError):
    """The service has as much to do as it takes at once; the same request may be made again later."""


class ServiceUnreachable(DevctlError):
    """No service answers at the address, or what answers there is no devctl."""


class BuildRefused(DevctlError):
    """The image cannot be built as asked; nothing was begun."""


class BuildFailed(DevctlError):
    """A step of the build failed, or it was cut short; `log` is the end of its output."""

    def __init__(self, message: str, log: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.log = log


class ScanFailed(DevctlError):
    """Nobody could be asked what is known against an image's packages."""


class NoSuchImage(DevctlError):
    """The engine has no such image."""
