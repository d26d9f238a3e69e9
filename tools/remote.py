"""What a remote repository says when it does not do what git asks, read once and told apart."""

import re
from urllib.parse import urlsplit

from tools.errors import FetchFailed, GitError, PushRejected, RemoteUnavailable
from tools.gitrun import GitOutput

HELD = ("shallow file has changed", "shallow.lock", ".lock': File exists")
"""What git says while another one writes here, such as one whose caller was killed while it fetched."""
_AWAY = (
    "Could not resolve host",
    "Failed to connect",
    "Couldn't connect to server",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Operation timed out",
    "The requested URL returned error: 5",
    "The requested URL returned error: 429",
    "the remote end hung up unexpectedly",
    "unexpected disconnect",
    "early EOF",
    "RPC failed",
    "Empty reply from server",
    *HELD,
)
_REFUSED = (
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "The requested URL returned error: 401",
    "The requested URL returned error: 403",
    "Permission to ",
    "Permission denied",
    "Write access to repository not granted",
    "without `workflow",
    "without `workflows",
    "Resource not accessible",
)
_MISSING = (
    "The requested URL returned error: 404",
    "Repository not found",
    "repository not found",
    "does not appear to be a git repository",
    "' not found",
)
_MOVED = (
    "stale info",
    "non-fast-forward",
    "fetch first",
    "cannot lock ref",
    "failed to update ref",
    "but expected",
)
_PROTECTED = ("protected branch", "GH006", "GH013", "rule violations", "protected")
_NOISE = (
    "Please make sure you have the correct access rights",
    "and the repository exists",
    "Could not read from remote repository",
    "failed to push some refs to",
)
_REJECTION = re.compile(r"^!\t[^\t]*\t(.*)$", re.MULTILINE)


def checked_url(url: str) -> str:
    """The address itself; raises FetchFailed for one that we do not speak or that carries a password."""
    try:
        parts = urlsplit(url)
    except ValueError as fault:
        raise FetchFailed(f"{url[:200]!r} is no address: {fault}", "use https://host/owner/name") from fault
    if parts.scheme in {"http", "https"} and parts.hostname:
        if parts.username is not None or parts.password is not None:
            raise FetchFailed(
                f"the address of the repository at {parts.hostname} carries a user name or password",
                "give the address without it and the token on its own",
            )
        return url
    if parts.scheme == "file" or url.startswith("/"):
        return url
    raise FetchFailed(
        f"{url[:200]!r} is no address that git is allowed to use here",
        "use https://, http://, file:// or an absolute path",
    )


def fetch_error(url: str, output: GitOutput) -> GitError:
    """The error for a fetch that failed."""
    words = _words(output)
    if _any(_REFUSED, words):
        return FetchFailed(f"{url} does not let us read: {words}", "give a token that may read the repository")
    if _any(_MISSING, words):
        return FetchFailed(
            f"there is no repository at {url}, or the token may not see it: {words}",
            "check the name and the token",
        )
    if _any(_AWAY, words):
        return RemoteUnavailable(f"{url} does not answer: {words}", "check the network and try again")
    return FetchFailed(f"{url} could not be fetched: {words}", "look at what the server says")


def push_error(url: str, branch: str, output: GitOutput) -> GitError:
    """The error for a push that failed."""
    words = _words(output)
    said = f"{words}\n{' '.join(_REJECTION.findall(output.text))}"
    if _any(_REFUSED, said):
        hint = "give a token that may write contents (and workflows, where workflow files change)"
        return PushRejected(f"{url} does not let us push {branch}: {words}", "forbidden", hint)
    if _any(_MOVED, said):
        hint = "fetch and build on the new head"
        return PushRejected(f"{branch} at {url} is not where it was expected: {words}", "moved", hint)
    if _any(_PROTECTED, said):
        hint = "a person has to allow it, or the change has to come by a pull request"
        return PushRejected(f"a rule at {url} protects {branch}: {words}", "protected", hint)
    if _REJECTION.search(output.text) is None and _any(_AWAY, said):
        return RemoteUnavailable(f"{url} does not answer: {words}", "check the network and try again")
    return PushRejected(f"{url} refuses the push of {branch}: {words}", "refused", "look at what the server says")


def _any(phrases: tuple[str, ...], text: str) -> bool:
    return any(phrase in text for phrase in phrases)


def _words(output: GitOutput) -> str:
    said = [*_REJECTION.findall(output.text), *output.stderr.splitlines()]
    lines = [line.strip().removeprefix("fatal: ").removeprefix("error: ") for line in said]
    kept = [line for line in lines if line and not line.startswith(_NOISE)]
    return " / ".join(kept)[-1500:].rstrip(".") or f"status {output.status} and no message"
