"""What can go wrong in the forge.

ForgeError
├── SetupFailed        the process cannot start: the message says what to change
├── GitFailed          git ended with an unexpected status
│   └── GitOverran     git ran past its time or output limit and was killed
└── ApiError           what a client is told, in GitHub's form
    ├── BadRequest         400, the request could not be parsed
    ├── Unauthorized       401, no or wrong credentials
    ├── Forbidden          403, known but not allowed
    │   └── LimitReached   403, no requests left this hour
    ├── NotFound           404, absent, or private to others
    ├── NotMergeable       405, a merge is refused
    ├── Conflict           409, the state moved on
    ├── Invalid            422, a value is not acceptable
    ├── OutsideSubset      501, a route that GitHub has and the forge has not
    └── Unavailable        503, the repository is damaged, or git did not come to an end
"""

from collections.abc import Sequence

Detail = dict[str, str] | str


class ForgeError(Exception):
    """Root of all errors that the forge raises itself."""


class SetupFailed(ForgeError):
    """The server cannot start."""


class GitFailed(ForgeError):
    """git ended with a status that its caller did not expect."""

    def __init__(self, arguments: Sequence[str], status: int, stderr: str) -> None:
        super().__init__(f"git {' '.join(arguments[:3])} ended with {status}: {stderr.strip()[:2000]}")
        self.status = status
        self.stderr = stderr


class GitOverran(GitFailed):
    """git was killed at its time or output limit."""


class ApiError(ForgeError):
    """An answer other than success; rendered as GitHub's error body."""

    status = 500

    def __init__(self, message: str, errors: Sequence[Detail] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.errors = list(errors)


class BadRequest(ApiError):
    """The request could not be parsed."""

    status = 400


class Unauthorized(ApiError):
    """No credentials where they are needed, or wrong ones."""

    status = 401


class Forbidden(ApiError):
    """The person is known and may not do this."""

    status = 403


class LimitReached(Forbidden):
    """The person has no requests left this hour."""


class NotFound(ApiError):
    """Absent, or private to others."""

    status = 404

    def __init__(self, message: str = "Not Found") -> None:
        super().__init__(message)


class NotMergeable(ApiError):
    """The merge is refused: conflict, draft, closed or protection."""

    status = 405


class Conflict(ApiError):
    """The state that the caller built on has changed."""

    status = 409


class Invalid(ApiError):
    """A value is not acceptable."""

    status = 422

    @classmethod
    def field(cls, resource: str, field: str, code: str, message: str = "") -> "Invalid":
        """GitHub's `Validation Failed` body with one entry."""
        entry = {"resource": resource, "field": field, "code": code}
        if message:
            entry["message"] = message
        return cls("Validation Failed", [entry])


class OutsideSubset(ApiError):
    """The forge does not have this route."""

    status = 501


class Unavailable(ApiError):
    """git cannot work on the repository: it is damaged, or the work takes too long."""

    status = 503
