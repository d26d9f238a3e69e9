"""Fetching into a mirror, in place: all branches and tags, or only the branches that the work needs.

A narrow fetch asks for named branches and patterns alone, so that a server lists, and sends, nothing else; tags come
when what they name comes. A tag that is here is not moved.
"""

import logging
import re
from collections.abc import Sequence

from pydantic import SecretStr

from tools.gitobjects import SHA
from tools.gitrun import Git, GitOutput
from tools.remote import fetch_error

log = logging.getLogger(__name__)

_OPTIONS = ("--quiet", "--prune", "--no-write-fetch-head", "--no-auto-maintenance")
_GONE = re.compile(r"couldn't find remote ref refs/heads/(.+)")


def fetch_all(git: Git, url: str, token: SecretStr | None) -> None:
    """Make branches and tags what the remote has now; raises FetchFailed or RemoteUnavailable."""
    refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    output = git.talk("fetch", *_OPTIONS, "--no-tags", url, *refs, token=token)
    if output.status != 0:
        raise fetch_error(url, output)


def fetch_branches(git: Git, url: str, token: SecretStr | None, branches: Sequence[str]) -> None:
    """Make these branches what the remote has now, those that it lacks gone; `*` in a name stands for anything.

    Raises FetchFailed or RemoteUnavailable. Branches are not asked for one by one: the server is asked once, and once
    more for each named branch that it turns out to lack.
    """
    wanted = list(dict.fromkeys(branches))
    while wanted:
        output = _fetched(git, url, token, wanted)
        if output.status == 0:
            return
        gone = _GONE.search(output.stderr)
        if gone is None or gone[1].strip() not in wanted:
            raise fetch_error(url, output)
        wanted.remove(gone[1].strip())
        git.run("update-ref", "-d", f"refs/heads/{gone[1].strip()}")


def fetch_commit(git: Git, url: str, token: SecretStr | None, commit: str) -> bool:
    """Bring one commit that no wanted branch leads to, such as the head of a closed pull request.

    False where the remote does not give it, or does not answer.
    """
    if SHA.fullmatch(commit) is None:
        return False
    output = git.talk("fetch", *_OPTIONS, "--no-tags", url, commit, token=token)
    if output.status != 0:
        log.info("%s does not give %s: %s", url, commit, output.stderr.strip()[-300:])
    return output.status == 0


def _fetched(git: Git, url: str, token: SecretStr | None, branches: Sequence[str]) -> GitOutput:
    refs = [f"+refs/heads/{branch}:refs/heads/{branch}" for branch in branches]
    return git.talk("fetch", *_OPTIONS, url, *refs, token=token)
