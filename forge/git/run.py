"""Running git: argument lists, a fixed environment, time and output limits, the whole group killed."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from forge.errors import GitFailed, GitOverran, SetupFailed
from forge.records import Record

SECONDS = 60.0
OUTPUT_BYTES = 64 * 1024 * 1024
NEEDED = (2, 38)
"""`merge-tree --write-tree` appeared in git 2.38."""
CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.alternateRefsCommand=true",  # a program that names none; without any, each push is told of the lack
    "transfer.fsckObjects=true",
    "transfer.hideRefs=refs/internal",
    "receive.hideRefs=refs/pull",
    "receive.denyDeleteCurrent=ignore",
    "receive.autogc=false",
    "gc.auto=0",
    "uploadpack.allowFilter=true",
    "uploadpack.allowAnySHA1InWant=true",
    "protocol.allow=never",
    "core.quotePath=false",
    "diff.renames=true",
    "i18n.logOutputEncoding=utf-8",
)
SHA = re.compile(r"[0-9a-f]{40}")


class Output(Record):
    """How a git run ended."""

    status: int
    stdout: bytes

    @property
    def text(self) -> str:
        """Standard output without surrounding white space."""
        return self.stdout.decode("utf-8", "replace").strip()


def find_git() -> str:
    """The path of a git that is new enough, or SetupFailed."""
    found = shutil.which("git")
    if found is None:
        raise SetupFailed("git was not found on PATH: install git 2.38 or later")
    text = subprocess.run([found, "version"], capture_output=True, text=True, timeout=20, check=True).stdout
    match = re.search(r"(\d+)\.(\d+)", text)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    if version < NEEDED:
        raise SetupFailed(f"{text.strip()} is too old: install git 2.38 or later")
    return found


class Git:
    """git bound to one bare repository."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def argv(self, arguments: Sequence[str], config: Sequence[str] = ()) -> list[str]:
        """The full argument list for a git command on this repository."""
        settings = [part for item in (*CONFIG, *config) for part in ("-c", item)]
        return [self.program, f"--git-dir={self.folder}", *settings, *arguments]

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """All that git sees of the outside."""
        return {
            "PATH": f"{Path(self.program).parent}:{os.defpath}",
            "HOME": "/nonexistent",
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            **(extra or {}),
        }

    def start(
        self,
        arguments: Sequence[str],
        *,
        stdin: IO[bytes] | int,
        stderr: IO[bytes] | int,
        env: Mapping[str, str] | None = None,
        config: Sequence[str] = (),
    ) -> subprocess.Popen[bytes]:
        """Start git in its own process group, output to a pipe; an input file is read from its start.

        GitFailed when the repository's folder is missing.
        """
        if not isinstance(stdin, int):
            stdin.flush()
            os.lseek(stdin.fileno(), 0, os.SEEK_SET)  # Python's own seek may only move inside its buffer
        if not self.folder.is_dir():
            raise GitFailed(arguments, 128, f"the folder {self.folder.name} is missing")
        return subprocess.Popen(
            self.argv(arguments, config),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=self.environment(env),
            cwd=self.folder,
            start_new_session=True,
        )

    def run(
        self,
        *arguments: str,
        given: bytes | None = None,
        env: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0,),
        limit: int = OUTPUT_BYTES,
    ) -> Output:
        """Run git to its end; a status outside `accept` raises GitFailed, a limit passed GitOverran."""
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as source:
            if given is not None:
                source.write(given)
                source.seek(0)
            stdin = subprocess.DEVNULL if given is None else source
            process = self.start(arguments, stdin=stdin, stderr=errors, env=env)
            output, overran = collect(process, SECONDS, limit)
            errors.seek(0)
            stderr = errors.read(10_000).decode("utf-8", "replace").replace(str(self.folder), self.folder.name)
            if overran:
                raise GitOverran(arguments, process.returncode, f"{overran}; {stderr}")
            if process.returncode not in accept:
                raise GitFailed(arguments, process.returncode, stderr)
            return Output(status=process.returncode, stdout=output)


def collect(process: subprocess.Popen[bytes], seconds: float, limit: int) -> tuple[bytes, str]:
    """Read a process's output to its end; the text says which limit it was killed at, if any."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        kill(process)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        pipe = process.stdout
        output = pipe.read(limit + 1) if pipe else b""
        if len(output) > limit:
            kill(process)
        process.wait()
    finally:
        timer.cancel()
        if process.stdout:
            process.stdout.close()
    if late.is_set():
        return b"", f"killed after {seconds:g} seconds"
    return output[:limit], f"killed after {limit} bytes of output" if len(output) > limit else ""


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with its group; one that has ended is left alone."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
