"""The errors of the embedded servers.

* LocalError             message and hint
  + WorkspaceUnusable    the folder cannot be made, written or locked
  + ServerFailed         a server did not start, with the end of its log
  + PlatformUnsupported  the wheel of a server does not run on this machine
  + ArchiveInvalid       an archive cannot be written or read back
"""

from __future__ import annotations


class LocalError(Exception):
    """Base of the errors of this package."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class WorkspaceUnusable(LocalError):
    """The workspace folder cannot be used."""


class ServerFailed(LocalError):
    """A server did not start, or stopped for good."""


class PlatformUnsupported(LocalError):
    """The wheel of a server does not run here."""


class ArchiveInvalid(LocalError):
    """An archive cannot be written or read back."""
