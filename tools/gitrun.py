"""Running git on this host: explicit folders, a fixed environment, no hooks, no helpers, masked output.

A repository never decides what runs here: git is told its folder (`--git-dir`) and does not look for one,
reads no system or user configuration, and gets the token through an askpass script that reads an inherited
descriptor, so that the token stands in no argument list, address, configuration or environment.
"""

import base64
import logging
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr

from tools.errors import GitBroken
from tools.process import Finished, run_program
from tools.record import Record

log = logging.getLogger(__name__)

NEEDED = (2, 38)
"""`merge-tree --write-tree` appeared in git 2.38."""
OUTPUT_BYTES = 256 * 1024 * 1024
CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.alternateRefsCommand=true",  # a program that names none; without any, each push is told of the lack
    "core.quotePath=false",
    "credential.helper=",
    "diff.external=",
    "gc.auto=0",  # `tools.upkeep` says when
    "maintenance.auto=false",
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.http.allow=always",
    "protocol.file.allow=always",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "transfer.fsckObjects=true",
    "fetch.writeCommitGraph=true",
    "i18n.logOutputEncoding=utf-8",
)
_ASKPASS = """#!/bin/sh
# Answers git's questions for one run, about the host that the token is for alone: a server may send git to another one.
# The token lies in an unlinked file that only that run inherits.
case "$(printf %s "$1" | tr A-Z a-z)" in
"username for '$ROADCREW_SCHEME://$ROADCREW_HOST': "*) echo x-access-token ;;
"username for 'https://$ROADCREW_HOST': "*) echo x-access-token ;;
"password for '$ROADCREW_SCHEME://x-access-token@$ROADCREW_HOST': "*) cat "/dev/fd/$ROADCREW_TOKEN_FD" ;;
"password for 'https://x-access-token@$ROADCREW_HOST': "*) cat "/dev/fd/$ROADCREW_TOKEN_FD" ;;
*) exit 1 ;;
esac
"""
_USERINFO = re.compile(r"(https?://)[^/@\s]+@")


class GitSettings(Record):
    """How git is run."""

    program: str = "git"
    """Name or path of git."""
    seconds: float = Field(default=120.0, gt=0)
    """Limit for a local command."""
    transfer_seconds: float = Field(default=900.0, gt=0)
    """Limit for a fetch or a push."""
    environment: dict[str, str] = {}
    """Further variables that git gets, such as `https_proxy` or `GIT_SSL_CAINFO`."""


class GitOutput(Record):
    """What a git command gave."""

    status: int
    stdout: bytes
    stderr: str
    """Masked."""

    @property
    def text(self) -> str:
        """Standard output as text without surrounding white space."""
        return self.stdout.decode("utf-8", "replace").strip()


class Git:
    """Git bound to one repository folder."""

    def __init__(self, git_dir: Path, settings: GitSettings | None = None) -> None:
        self.git_dir = git_dir
        self.settings = settings or GitSettings()
        self._program = find_git(self.settings.program)

    def run(
        self,
        *arguments: str,
        given: bytes = b"",
        env: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0,),
        work_tree: Path | None = None,
        seconds: float | None = None,
    ) -> GitOutput:
        """Run a local git command; a status outside `accept`, or a limit passed, raises GitBroken.

        `seconds` is the limit of time where it is not that of the settings.
        """
        options = [f"--work-tree={work_tree}"] if work_tree else []
        argv = [self._program, f"--git-dir={self.git_dir}", *options, *_config(CONFIG), *arguments]
        done = self._run(argv, given, env or {}, seconds or self.settings.seconds)
        output = GitOutput(status=done.status, stdout=done.stdout, stderr=_text(done.stderr))
        if done.status not in accept:
            full = "No space left on device" in output.stderr
            hint = f"free space on the disk of {self.git_dir}" if full else ""
            raise GitBroken(f"git {arguments[0]} in {self.git_dir} failed: {_last_words(output)}", hint)
        return output

    def talk(self, *arguments: str, url: str, token: SecretStr | None, given: bytes = b"") -> GitOutput:
        """Run a command that talks to the repository at `url`; any exit status is returned, the output masked.

        The token is for the host of that address, also over TLS where it says http; another one does not get it.
        """
        secret = token.get_secret_value() if token else ""
        with self._askpass(secret, url) as (env, descriptors):
            argv = [self._program, f"--git-dir={self.git_dir}", *_config(CONFIG), *arguments]
            done = self._run(argv, given, env, self.settings.transfer_seconds, descriptors)
        stdout = masked(_text(done.stdout), secret).encode()
        return GitOutput(status=done.status, stdout=stdout, stderr=masked(_text(done.stderr), secret))

    def _run(
        self,
        argv: Sequence[str],
        given: bytes,
        env: Mapping[str, str],
        seconds: float,
        descriptors: Sequence[int] = (),
    ) -> Finished:
        done = run_program(
            argv,
            cwd=self.git_dir,
            env={**self._environment(), **env},
            given=given,
            seconds=seconds,
            limit=OUTPUT_BYTES,
            inherited=descriptors,
        )
        command = next(part for part in argv[2:] if not part.startswith("-") and "=" not in part)
        if done.timed_out:
            raise GitBroken(
                f"git {command} in {self.git_dir} was stopped after {seconds:g} seconds",
                "try again; for a very large repository raise the limit in the git settings",
            )
        if done.overran:
            raise GitBroken(f"git {command} in {self.git_dir} gave more than {OUTPUT_BYTES} bytes")
        return done

    def _environment(self) -> dict[str, str]:
        return {
            **self.settings.environment,
            "PATH": f"{Path(self._program).parent}:{os.defpath}",
            "HOME": "/nonexistent",
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_ASKPASS": "/bin/false",
        }

    @contextmanager
    def _askpass(self, secret: str, url: str) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
        if not secret:
            yield {}, ()
            return
        script = self.git_dir / "roadcrew-askpass"
        _write_script(script)
        with tempfile.TemporaryFile() as file:
            file.write(f"{secret}\n".encode())
            file.flush()
            file.seek(0)
            place = urlsplit(url.lower())
            env = {
                "GIT_ASKPASS": str(script),
                "ROADCREW_TOKEN_FD": str(file.fileno()),
                "ROADCREW_SCHEME": place.scheme,
                "ROADCREW_HOST": place.netloc,
            }
            yield env, (file.fileno(),)


def masked(text: str, secret: str) -> str:
    """The text without userinfo and without the secret, in any form that git or a server may repeat."""
    if secret:
        basic = base64.b64encode(f"x-access-token:{secret}".encode()).decode()
        for form in (secret, quote(secret, safe=""), basic):
            text = text.replace(form, "***")
    return _USERINFO.sub(r"\1***@", text)


@cache
def find_git(program: str) -> str:
    """The path of a git that is new enough; raises GitBroken."""
    found = shutil.which(program)
    if found is None:
        raise GitBroken(f"{program} was not found on PATH", "install git 2.38 or later")
    env = {"PATH": os.defpath, "LC_ALL": "C"}
    done = run_program([found, "version"], cwd=Path("/"), env=env, seconds=20, limit=10_000)
    match = re.search(r"(\d+)\.(\d+)", _text(done.stdout))
    if match is None or (int(match[1]), int(match[2])) < NEEDED:
        raise GitBroken(f"{found} is {_text(done.stdout).strip()!r}", "install git 2.38 or later")
    return found


def _config(items: Sequence[str]) -> list[str]:
    return [part for item in items for part in ("-c", item)]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _last_words(output: GitOutput) -> str:
    words = output.stderr.strip() or output.text
    return words[-1500:] or f"it ended with status {output.status} and said nothing"


def _write_script(path: Path) -> None:
    if path.exists() and path.read_text() == _ASKPASS:
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    draft.write_text(_ASKPASS)
    draft.chmod(stat.S_IRWXU)
    draft.replace(path)  # several processes may come here at once; each sees a whole script
