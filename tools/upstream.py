"""The remote of a mirror: what is asked of it, and what is sent to it.

A narrow fetch asks for named branches and patterns alone, so that a server lists, and sends, nothing else; tags come
when what they name comes. A tag that is here is not moved. A partial mirror leaves the contents of files that only
older commits hold with the remote (`blob:none`), where it can; `tools.old_blobs` brings those that are needed. Git is told
of that only while it talks to the remote: a local command never fetches, and says of an object that is not here that it
is missing.
"""

import contextlib
import logging
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import SecretStr

from tools.gitobjects import SHA
from tools.gitrun import Git, GitOutput
from tools.remote import HELD, checked_url, fetch_error, push_error

log = logging.getLogger(__name__)

PROMISED = ("-c", "remote.origin.promisor=true", "-c", "remote.origin.partialclonefilter=blob:none")
"""Tells git that what a partial mirror lacks can be had from elsewhere."""
HISTORY = 50
"""Commits whose files a partial mirror begins with; as many as a clone for an environment holds."""
_OPTIONS = ("--quiet", "--prune", "--no-write-fetch-head", "--no-auto-maintenance")
_GONE = re.compile(r"couldn't find remote ref refs/heads/(.+)")
_LOCK = re.compile(r"Unable to create '([^'\n]+\.lock)': File exists")
REF_LOCK_SECONDS = 60.0
"""A lock of refs that is older was left by a git that was killed: it is held while names are written, no longer."""
TRIES = 10
TRY_SECONDS = 1.0
_NOT_GIVEN = re.compile(r"not our ref|unadvertised object")
_NO_FILTER = "filtering not recognized by server"


class Upstream:
    """One remote repository, and the token for it."""

    def __init__(self, git: Git, url: str, token: SecretStr | str | None, *, partial: bool = False) -> None:
        """`partial`: contents of old files stay with the remote until they are asked for."""
        self.url = checked_url(url)
        self._git = git
        self._token = SecretStr(token) if isinstance(token, str) else token
        self._whole = git.git_dir / "roadcrew-whole"
        self._partial = partial

    @property
    def partial(self) -> bool:
        """Whether a fetch leaves contents with the remote."""
        return self._partial and not self._whole.exists()

    def fetch_all(self) -> None:
        """Make branches and tags what the remote has now; raises FetchFailed or RemoteUnavailable."""
        output = self._fetch("--no-tags", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        if output.status != 0:
            raise fetch_error(self.url, output)

    def fetch_branches(self, branches: Sequence[str]) -> None:
        """Make these branches what the remote has now, those that it lacks gone; `*` in a name stands for anything.

        Raises FetchFailed or RemoteUnavailable. Branches are not asked for one by one: the server is asked once, and
        once more for each named branch that it turns out to lack.
        """
        wanted = list(dict.fromkeys(branches))
        while wanted:
            output = self._fetch(*(f"+refs/heads/{branch}:refs/heads/{branch}" for branch in wanted))
            if output.status == 0:
                return
            gone = _GONE.search(output.stderr)
            if gone is None or gone[1].strip() not in wanted:
                raise fetch_error(self.url, output)
            wanted.remove(gone[1].strip())
            self._git.run("update-ref", "-d", f"refs/heads/{gone[1].strip()}")

    def fetch_commit(self, commit: str) -> bool:
        """Bring one commit that no wanted branch leads to, such as the head of a closed pull request.

        False where the remote does not give it, or does not answer.
        """
        if SHA.fullmatch(commit) is None:
            return False
        output = self._fetch("--no-tags", commit)
        if output.status != 0:
            log.info("%s does not give %s: %s", self.url, commit, output.stderr.strip()[-300:])
        return output.status == 0

    def fetch_blobs(self, shas: Iterable[str]) -> None:
        """Bring contents of files by their names, in one request; where the remote gives none, the whole history.

        Raises FetchFailed or RemoteUnavailable.
        """
        given = "".join(f"{sha}\n" for sha in shas).encode()
        alone = ("-c", "fetch.negotiationAlgorithm=noop")  # else it takes the contents of what we have for ours
        options = ("--filter=blob:none", "--no-tags", "--stdin")
        output = self._talk((*alone, *self._promised), options, (), given)
        if output.status == 0:
            return
        if _NOT_GIVEN.search(output.stderr) is None:
            raise fetch_error(self.url, output)
        log.warning("%s does not give contents by name, so all is fetched: %s", self.url, output.stderr.strip()[-300:])
        self._fetch_whole()

    def default_branch(self) -> str | None:
        """The branch that the remote's HEAD names, or None for an empty repository."""
        output = self._say("ls-remote", "--symref", self.url, "HEAD")
        if output.status != 0:
            raise fetch_error(self.url, output)
        for line in output.text.splitlines():
            if line.startswith("ref: refs/heads/"):
                return line.removeprefix("ref: refs/heads/").partition("\t")[0]
        return None

    def push(self, ref: str, new: str, expected_old: str | None) -> None:
        """Move a ref from `expected_old` (None: it must not exist) to `new`; raises PushRejected.

        A push of ours that was cut short after it was made counts as made.
        """
        lease = f"--force-with-lease={ref}:{expected_old or ''}"
        options = ("--porcelain", "--no-verify", "--no-recurse-submodules", lease)
        before = self._promised if self.partial else ()
        output = self._say(*before, "push", *options, self.url, f"{new}:{ref}")
        if output.status != 0 and not self._is_there(ref, new):
            raise push_error(self.url, ref.removeprefix("refs/heads/"), output)

    def _is_there(self, ref: str, new: str) -> bool:
        output = self._say("ls-remote", self.url, ref)
        return output.status == 0 and output.text.partition("\t")[0] == new

    def _fetch(self, *arguments: str) -> GitOutput:
        """Fetch what the arguments name, which stand behind the options."""
        for _ in range(TRIES):
            output = self._fetch_partly(*arguments) if self.partial else self._talk((), (), arguments)
            if output.status == 0 or not any(words in output.stderr for words in HELD):
                break
            if not self._free(output.stderr):
                time.sleep(TRY_SECONDS)
        return output

    def _free(self, said: str) -> bool:
        """Take away the locks that a killed git left; False where one may be that of a git whose caller was killed."""
        folder = self._git.git_dir
        named = {Path(name) for name in _LOCK.findall(said)} | {folder / "shallow.lock"}
        freed = False
        for lock in named:
            if not lock.is_relative_to(folder):
                continue
            of_refs = lock.is_relative_to(folder / "refs") or lock.name == "packed-refs.lock"
            longest = self._git.settings.transfer_seconds
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > (min(REF_LOCK_SECONDS, longest) if of_refs else longest):
                    lock.unlink()
                    log.warning("%s was left by a git that was killed and is taken away", lock)
                    freed = True
        return freed

    def _fetch_partly(self, *arguments: str) -> GitOutput:
        """Begin with the last commits and all their files, as one pack; older commits come to it without contents.

        From then on whatever is new comes whole.
        """
        if not self._git.run("for-each-ref", "--count=1").text:
            output = self._talk(self._promised, ("--no-filter", f"--depth={HISTORY}"), arguments)
            if output.status != 0:
                return output
        if (self._git.git_dir / "shallow").exists():  # the beginning was made, now or by a fetch that was cut short
            output = self._talk(self._promised, ("--filter=blob:none", "--unshallow"), arguments)
            if _NO_FILTER in output.stderr:
                log.info("%s knows no partial fetch: everything came", self.url)
            return output
        return self._talk(self._promised, ("--no-filter",), arguments)

    @property
    def _promised(self) -> tuple[str, ...]:
        return (*PROMISED, "-c", f"remote.origin.url={self.url}")

    def _talk(
        self, before: Sequence[str], options: Sequence[str], arguments: Sequence[str], given: bytes = b""
    ) -> GitOutput:
        named = [argument for argument in arguments if argument.startswith("--")]
        rest = [argument for argument in arguments if not argument.startswith("--")]
        source = "origin" if before else self.url
        return self._say(*before, "fetch", *_OPTIONS, *options, *named, source, *rest, given=given)

    def _say(self, *arguments: str, given: bytes = b"") -> GitOutput:
        return self._git.talk(*arguments, url=self.url, token=self._token, given=given)

    def _fetch_whole(self) -> None:
        """Fetch everything that branches here lead to once more, without a filter, and from now on without one."""
        heads = self._git.run("for-each-ref", "--format=%(refname)", "refs/heads/").text.split()
        options = ("--quiet", "--no-tags", "--refetch", "--no-write-fetch-head", "--no-auto-maintenance")
        output = self._say("fetch", *options, self.url, *(f"+{ref}:{ref}" for ref in heads))
        if output.status != 0:
            raise fetch_error(self.url, output)
        self._whole.touch()
