"""The errors of the tools, in one tree.

ToolsError                      message and hint
├── ProxyRefused                an agent with a loop of its own is told that it gets no reply
├── ToolError                   the model should hear it: wrong arguments, a refused action, a failed edit
│   ├── TreeTooBig              the work tree holds more than a snapshot takes
│   ├── SourceUnavailable       an outside source of facts does not answer, or not sensibly
│   └── SourceRefused           an address that may not be asked, or a page that cannot be read
└── RunStopped                  must stop the run; a person or a retry later has to act
    ├── ModelError
    │   ├── ModelUnavailable    nothing answers, or it keeps failing after the retries
    │   ├── ModelRefused        400, 401, 403, 404: the request as it is will never be answered
    │   │   ├── ContextOverflow the prompt is longer than the model's context; a condensed one may do
    │   │   └── ReplayDiverged  409 of a replay: the run is not the one that was recorded
    │   ├── ModelReplyBroken    an answer that is no chat completion: cut short, no choices, not JSON
    │   └── StructuredReplyInvalid   the repairs are used up and the reply still has problems
    ├── CodeHostError
    │   ├── CodeHostUnavailable network, 5xx, rate limit longer than we wait
    │   ├── CodeHostRefused     401, 403: which right is missing
    │   ├── CodeHostNotFound    404, also for what the token may not see
    │   ├── CodeHostConflict    405, 409: not mergeable, head moved
    │   └── CodeHostInvalid     422 and other nonsense, with the host's own list of errors
    ├── ArtifactsError
    │   ├── ArtifactsUnavailable   the store does not answer or refuses us
    │   ├── ArtifactMissing        no such artifact
    │   ├── ArtifactCorrupt        the bytes do not have the digest that was recorded
    │   └── DiskFull               no space left; nothing half-written stays
    ├── GitError
    │   ├── RemoteUnavailable   the remote repository does not answer; later may help
    │   ├── FetchFailed         the remote answers and does not let us read: no right, no such repository
    │   ├── PushRejected        `reason`: moved, protected, forbidden or refused
    │   ├── ObjectMissing       a commit, file or branch that should be there is not
    │   └── GitBroken           git is missing, too old, out of time, or failed for a reason not known here
    ├── PolicyDenied            policy forbids an outside effect of ours, such as a push
    ├── WorkTreeLost            the environment under a work tree is gone or does not obey
    └── LintBroken              a linter itself failed; nothing is known about the code
"""

from collections.abc import Sequence
from typing import Literal


class ToolsError(Exception):
    """An error of the tools: what was wrong, with which value, and in `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class ProxyRefused(ToolsError):
    """What an agent that asks the model through our proxy hears in place of a reply."""


class ToolError(ToolsError):
    """Something the model should hear as the result of its tool call, and may mend by another call.

    `shown` is what it quotes of files or programs: foreign, and shown to models inside a fence.
    """

    def __init__(self, message: str, hint: str = "", shown: str = "") -> None:
        super().__init__(message, hint)
        self.shown = shown


class TreeTooBig(ToolError):
    """The work tree holds more than a snapshot takes; deleting or ignoring files mends it."""


class SourceUnavailable(ToolError):
    """An outside source of facts could not be asked; its message says which one and why."""


class SourceRefused(ToolError):
    """An address that may not be asked, or something there that cannot be read; another source may help."""


class RunStopped(ToolsError):
    """Something no tool call can mend: the turn stops and the error goes to people."""


class ModelError(RunStopped):
    """The model's endpoint or its reply."""


class ModelUnavailable(ModelError):
    """The endpoint does not answer, or keeps failing after all retries; trying later can help."""


class ModelRefused(ModelError):
    """The endpoint refuses the request itself; `status` is the HTTP status it gave."""

    def __init__(self, message: str, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


class ContextOverflow(ModelRefused):
    """The prompt does not fit into the model's context; `window` is its size in tokens where it is known."""

    def __init__(self, message: str, hint: str = "", status: int = 0, window: int | None = None) -> None:
        super().__init__(message, hint, status)
        self.window = window


class ReplayDiverged(ModelRefused):
    """A replay server says that this request differs from the recorded one in something that counts."""


class ModelReplyBroken(ModelError):
    """The endpoint answered with something that is not a usable chat completion."""


class StructuredReplyInvalid(ModelError):
    """The model did not give a valid structured reply; `problems` are those of its last try."""

    def __init__(self, message: str, problems: Sequence[str], hint: str = "") -> None:
        super().__init__(message, hint)
        self.problems = tuple(problems)


class CodeHostError(RunStopped):
    """The code host (GitHub, GHES or the local forge)."""


class CodeHostUnavailable(CodeHostError):
    """The code host does not answer, fails, or limits us for longer than we are willing to wait."""


class CodeHostRefused(CodeHostError):
    """The token is not accepted (401) or lacks a right (403)."""


class CodeHostNotFound(CodeHostError):
    """No such thing on the code host, or the token may not see it (GitHub answers 404 for both)."""


class CodeHostConflict(CodeHostError):
    """The state of things forbids the action: not mergeable, head moved, branch protected."""


class CodeHostInvalid(CodeHostError):
    """The code host does not accept the values sent; `problems` are its own words."""

    def __init__(self, message: str, problems: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint)
        self.problems = tuple(problems)


class ArtifactsError(RunStopped):
    """The artifact store."""


class ArtifactsUnavailable(ArtifactsError):
    """The store does not answer, or refuses us."""


class ArtifactMissing(ArtifactsError):
    """No artifact lies at that address."""


class ArtifactCorrupt(ArtifactsError):
    """The stored bytes do not have the digest that was recorded for them."""


class DiskFull(ArtifactsError):
    """No space is left where the artifact should go; nothing half-written stays behind."""


class GitError(RunStopped):
    """Git, or the remote repository that it talks to."""


class RemoteUnavailable(GitError):
    """The remote repository does not answer, or the connection broke; trying later can help."""


class FetchFailed(GitError):
    """The remote repository answers and does not let us read: no right, or no such repository."""


class PushRejected(GitError):
    """The remote repository does not take a push; nothing was changed there.

    `reason`: `moved` (the branch is not where we thought, fetch and look again), `protected` (a rule of the
    repository forbids it), `forbidden` (the token lacks the right), `refused` (anything else it says).
    """

    def __init__(
        self,
        message: str,
        reason: Literal["moved", "protected", "forbidden", "refused"],
        hint: str = "",
    ) -> None:
        super().__init__(message, hint)
        self.reason = reason


class ObjectMissing(GitError):
    """A commit, file or branch that should be in the mirror is not."""


class GitBroken(GitError):
    """Git is missing, too old, ran out of time, or failed for a reason that is not known here."""


class PolicyDenied(RunStopped):
    """Policy forbids an outside effect of ours; what a model asks for and may not do is a ToolError."""


class WorkTreeLost(RunStopped):
    """The environment under a work tree is gone or does not do what it is told."""


class LintBroken(RunStopped):
    """A linter itself failed, so nothing is known about the code."""
