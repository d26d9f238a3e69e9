"""The errors of the face, and the exit code of every error.

RoadcrewError               a message for people and a hint what to do
├── SettingsInvalid         a variable or roadcrew.toml holds something that cannot be used
├── InputInvalid            a file or text that was handed in cannot be read
├── NotFound                no such feature, task, turn or file
├── Conflict                the state of things forbids it: already there, running, or done
└── Unavailable             a server or tool that is needed is not there

The rooms below have trees of their own (`<room>/errors.py`). `exit_code` knows them by name, so that a
command that never touches a room does not import it.
"""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command; docs/using.md shows the same table."""

    DONE = 0
    """The command did what it was asked."""
    FAILED = 1
    """The work ended without the wanted result: a failed delivery, a failed test, a finding."""
    USAGE = 2
    """The command line itself is wrong."""
    SETTINGS = 3
    """A setting or an input file cannot be used."""
    UNAVAILABLE = 4
    """Something that is needed is not there: a server, the model, a sandbox."""
    REFUSED = 5
    """A policy, a permission or a credential forbids it."""
    NOT_FOUND = 6
    """What was named does not exist."""
    CONFLICT = 7
    """The present state forbids it."""
    WAITING = 8
    """The delivery goes on when a person answers."""
    BUG = 70
    """An error nobody foresaw; the log has the details."""
    INTERRUPTED = 130
    """Stopped with Ctrl-C."""


class RoadcrewError(Exception):
    """An error of the face: what was wrong, with which value, and in `hint` what to do about it."""

    exit_code = Exit.FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SettingsInvalid(RoadcrewError):
    """A variable or roadcrew.toml holds something that cannot be used."""

    exit_code = Exit.SETTINGS


class InputInvalid(RoadcrewError):
    """A file or text that was handed in cannot be read."""

    exit_code = Exit.SETTINGS


class NotFound(RoadcrewError):
    """What was named does not exist."""

    exit_code = Exit.NOT_FOUND


class Conflict(RoadcrewError):
    """The present state forbids what was asked."""

    exit_code = Exit.CONFLICT


class Unavailable(RoadcrewError):
    """A server or tool that is needed is not there."""

    exit_code = Exit.UNAVAILABLE


ROOMS = frozenset({"roadcrew", "agents", "tools", "devctl", "graph", "forge", "policies", "prompts", "specs", "local"})

EXIT_BY_ERROR = {
    "GraphUnavailable": Exit.UNAVAILABLE,
    "ModelUnavailable": Exit.UNAVAILABLE,
    "CodeHostUnavailable": Exit.UNAVAILABLE,
    "ArtifactsUnavailable": Exit.UNAVAILABLE,
    "StateUnavailable": Exit.UNAVAILABLE,
    "SandboxUnavailable": Exit.UNAVAILABLE,
    "DiskFull": Exit.UNAVAILABLE,
    "ModelRefused": Exit.REFUSED,
    "CodeHostRefused": Exit.REFUSED,
    "CodeHostNotFound": Exit.NOT_FOUND,
    "ArtifactMissing": Exit.NOT_FOUND,
    "CodeHostConflict": Exit.CONFLICT,
    "IllegalTransition": Exit.CONFLICT,
    "CycleRefused": Exit.CONFLICT,
    "GraphRefused": Exit.REFUSED,
    "NotInRoadmap": Exit.NOT_FOUND,
    "QueryInvalid": Exit.SETTINGS,
    "WorkspaceUnusable": Exit.SETTINGS,
    "ArchiveInvalid": Exit.SETTINGS,
    "ServerFailed": Exit.UNAVAILABLE,
    "PlatformUnsupported": Exit.UNAVAILABLE,
    "ModelReplyBroken": Exit.UNAVAILABLE,
    "RemoteUnavailable": Exit.UNAVAILABLE,
    "FetchFailed": Exit.REFUSED,
    "PushRejected": Exit.REFUSED,
    "PolicyDenied": Exit.REFUSED,
    "LaunchRefused": Exit.REFUSED,
}
"""Exit codes of the rooms' errors; a subclass has its nearest ancestor's code."""


def is_expected(error: BaseException) -> bool:
    """Tell whether an error is one that some room defines, so that its words are meant for people."""
    return type(error).__module__.partition(".")[0] in ROOMS


def exit_code(error: BaseException) -> Exit:
    """Return the exit code for an error of any room; an unknown error is a bug."""
    if isinstance(error, RoadcrewError):
        return error.exit_code
    for kind in type(error).__mro__:
        if kind.__name__ in EXIT_BY_ERROR and is_expected(error):
            return EXIT_BY_ERROR[kind.__name__]
    return Exit.FAILED if is_expected(error) else Exit.BUG
