"""What the suite lays out on the host for attempts to reach, and how an attempt is run."""

import json
import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from scripts.source import ROOT
from tests.escape.attempts.attempt import Host, libc

FOLDER = Path(__file__).parent / "attempts"


class Answer(NamedTuple):
    """How an attempt went."""

    got: str
    stopped: str


@contextmanager
def laid_out(user: int | None) -> Iterator[Host]:
    """Lay out files, sockets, memory and a process of the user's; all are gone afterwards."""
    word, name = f"secret-{secrets.token_hex(8)}", f"escape-{secrets.token_hex(4)}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="out", dir="/tmp")))
        folder.chmod(0o755)
        shared = Path("/dev/shm") / name
        for path in (folder / "secret", shared):
            path.write_text(word)
            path.chmod(0o644)
        stack.callback(shared.unlink)
        key = 0x5E000000 + secrets.randbelow(0xFFFFFF)
        segment = libc.shmget(key, 4096, 0o1666)
        stack.callback(libc.shmctl, segment, 0, None)
        libc.mq_open(f"/{name}".encode(), os.O_CREAT | os.O_RDWR, 0o666, None)
        stack.callback(libc.mq_unlink, f"/{name}".encode())
        yield Host(
            secret=str(folder / "secret"),
            word=word,
            tree=str(ROOT / "tests/escape"),
            port=_listener(stack, socket.AF_INET, ("0.0.0.0", 0)),  # noqa: S104 - to be reached by every address
            port6=_listener(stack, socket.AF_INET6, ("::1", 0)),
            address=_own_address(),
            abstract=_unix_listener(stack, "\0" + name).lstrip("\0"),
            socket=_unix_listener(stack, str(folder / "s")),
            victim=_victim(stack, name, user),
            marker=name,
            shared_key=key,
            shared_file=str(shared),
            queue=name,
            hostname=socket.gethostname(),
        )


def _listener(stack: ExitStack, family: socket.AddressFamily, address: tuple[str, int]) -> int:
    listener = stack.enter_context(socket.create_server(address, family=family))
    return int(listener.getsockname()[1])


def _unix_listener(stack: ExitStack, address: str) -> str:
    listener = stack.enter_context(socket.socket(socket.AF_UNIX))
    listener.bind(address)
    if not address.startswith("\0"):
        Path(address).chmod(0o666)
    listener.listen()
    return address


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _victim(stack: ExitStack, marker: str, user: int | None) -> int:
    """A process that the attempt's user could signal, were it to see it."""
    program = ["/bin/sh", "-c", "read line", marker]
    victim = stack.enter_context(
        subprocess.Popen(program, user=user, group=user, start_new_session=True, stdin=subprocess.PIPE)
    )
    stack.callback(victim.kill)
    return victim.pid


def words(name: str, host: Host, python: str = "python3") -> list[str]:
    """The command that runs an attempt, in a folder that has the attempts."""
    return [python, "-m", "tests.escape.attempts", name, json.dumps(asdict(host))]


def answer(output: str) -> Answer:
    """Read how it went; an attempt that broke is an AssertionError, never a success of the defence."""
    last = output.strip().splitlines()[-1] if output.strip() else ""
    try:
        return Answer(**json.loads(last))
    except (ValueError, TypeError):
        raise AssertionError(f"the attempt did not come to its end:\n{output[-3000:]}") from None


def run_here(command: Sequence[str], host: Host, folder: Path) -> str:
    """Run an attempt on the host itself: with all rights, a terminal and a descriptor of the host's left open.

    Its mounts are its own, so that it takes none away.
    """
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests/escape").mkdir(exist_ok=True)
    if not (folder / "tests/escape/attempts").exists():
        (folder / "tests/escape/attempts").symlink_to(FOLDER)
    left_open = os.open(host.secret, os.O_RDONLY)
    master, terminal = os.openpty()
    try:
        done = subprocess.run(
            ["unshare", "--mount", "setsid", "--wait", "sh", "-c", 'exec "$@" <>"$0"', os.ttyname(terminal), *command],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
            pass_fds=(left_open,),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        for descriptor in (left_open, master, terminal):
            os.close(descriptor)
    return done.stdout
