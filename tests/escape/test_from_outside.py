"""Ways out that only the host can see succeed: what outlives its time, races against copies, other environments."""

import contextlib
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl import Environment, Launcher, LaunchRequest, Limits, PathRefused, PrepareRequest
from devctl.errors import DevctlError
from tests.devctl.machines import SANDBOXES, launcher_on
from tests.ran_on import ran_on

SECONDS = 60.0
SERVER = """import os, socket, sys, time
_, host, port, marker = sys.argv
s = socket.create_server((host, int(port)))
open(marker, "w").close()
while not os.path.exists(marker + ".end"): time.sleep(0.05)"""
"""Listens from when a file is there until another one is."""
LIMITS = Limits(memory_mb=256, pids=48, seconds=30, output_bytes=20_000, disk_mb=16)


@pytest.fixture(scope="module", params=SANDBOXES)
def launcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with launcher_on(request.param, tmp_path_factory.mktemp("devctl")) as opened:
        yield opened


@pytest.fixture(scope="module")
def environment(launcher: Launcher) -> Iterator[Environment]:
    with launcher.launch(LaunchRequest(limits=LIMITS)) as launched:
        yield launched


@pytest.fixture(autouse=True)
def counted(environment: Environment, request: pytest.FixtureRequest) -> None:
    ran_on(request, "escape", environment.info.backend)


@contextlib.contextmanager
def going_on(environment: Environment, script: str, marker: str) -> Iterator[None]:
    """Run a command beside the block, at whose end it hears that it is to end: a file is there."""
    thread = threading.Thread(target=environment.exec, args=(["sh", "-c", script, marker],))
    thread.start()
    try:
        yield
    finally:
        environment.exec(["touch", f"{marker}.end"])
        thread.join()


def await_file(environment: Environment, name: str) -> None:
    """Wait until a command in the environment has made a file."""
    deadline = time.monotonic() + LIMITS.seconds
    while environment.exec(["test", "-e", name]).exit_code != 0:
        assert time.monotonic() < deadline, name
        time.sleep(0.1)


def alive(marker: str) -> list[int]:
    """The processes of this host, in whatever sandbox, that have the marker in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in words:
                found.append(int(entry.name))
    return found


def gone(marker: str) -> bool:
    """Whether they are gone, or go within a while."""
    deadline = time.monotonic() + SECONDS
    while alive(marker):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_the_markers_of_processes_are_seen_from_outside(environment: Environment) -> None:
    marker = f"seen-{secrets.token_hex(4)}"
    with going_on(environment, f"while ! [ -e {marker}.end ]; do sleep 0.1; done", marker):
        deadline = time.monotonic() + SECONDS
        while not (seen := alive(marker)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert seen


@pytest.mark.parametrize(
    "way",
    [
        "setsid sh -c 'sleep 300' {0} & sleep 300",
        "(setsid sh -c '(trap \"\" TERM HUP INT; sleep 300; sleep 300)' {0} &) ; sleep 300",
        "python3 -c 'import os, signal, sys, time\nif os.fork(): time.sleep(300)\nos.setsid()\nif os.fork(): os._exit(0)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)); time.sleep(300)' {0}",
        "while :; do sh -c 'sleep 300' {0} & sleep 0.05; done",
    ],
    ids=["own session", "deaf to signals", "forked twice", "forever more"],
)
def test_nothing_outlives_its_time(way: str, launcher: Launcher) -> None:
    marker = f"late-{secrets.token_hex(4)}"
    with launcher.launch(LaunchRequest(limits=LIMITS)) as launched:
        assert launched.exec(["sh", "-c", way.format(marker)], seconds=1).timed_out
        assert gone(marker)


def test_what_a_command_leaves_behind_is_gone_with_the_environment(launcher: Launcher) -> None:
    marker = f"left-{secrets.token_hex(4)}"
    with launcher.launch(LaunchRequest(limits=LIMITS)) as launched:
        launched.exec(["sh", "-c", f"setsid sh -c 'sleep 300' {marker} >/dev/null 2>&1 &"])
    assert gone(marker)


@pytest.mark.parametrize("target", ["1", "-1", "-- -1 1"])
def test_the_keeper_of_the_environment_cannot_be_ended(target: str, environment: Environment) -> None:
    environment.exec(["sh", "-c", f"kill -9 {target}; kill -STOP {target}; kill -TERM {target}"])
    assert environment.exec(["echo", "fine"]).output == "fine\n"


def test_a_fork_bomb_takes_neither_the_host_nor_the_next_command(launcher: Launcher) -> None:
    marker = f"bomb-{secrets.token_hex(4)}"
    bomb = "import os, sys\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    with launcher.launch(LaunchRequest(limits=LIMITS)) as launched:
        launched.exec(["python3", "-c", bomb, marker], seconds=2)
        assert launched.exec(["echo", "fine"]).output == "fine\n"
        assert gone(marker)


def test_a_flood_of_output_is_cut(environment: Environment) -> None:
    result = environment.exec(["sh", "-c", "head -c 60000000 /dev/zero; head -c 60000000 /dev/zero >&2"])
    assert result.truncated
    assert len(result.output) < LIMITS.output_bytes + 200


def test_what_listens_inside_cannot_be_reached_from_the_host(environment: Environment) -> None:
    marker = f"port-{secrets.token_hex(4)}"
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))  # nobody else on this host may listen there meanwhile, and we do not
        port = kept.getsockname()[1]
        with going_on(environment, f"exec python3 -c '{SERVER}' 0.0.0.0 {port} {marker}", marker):
            await_file(environment, marker)
            with pytest.raises(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=2)


def test_environments_do_not_see_each_other(launcher: Launcher, environment: Environment) -> None:
    marker = f"mine-{secrets.token_hex(4)}"
    script = (
        f"echo {marker} | tee /tmp/{marker} /dev/shm/{marker} {marker}.seen; "
        f"exec python3 -c '{SERVER}' 127.0.0.1 40123 {marker}"
    )
    look = (
        f"ls /tmp /dev/shm . | grep {marker}; cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'create_serve[r]'; "
        'python3 -c \'import socket; socket.create_connection(("127.0.0.1", 40123), 2); print("reached")\' 2>/dev/null'
    )
    with going_on(environment, script, marker):
        await_file(environment, marker)
        with launcher.launch(LaunchRequest(limits=LIMITS)) as other:
            seen = other.exec(["sh", "-c", look]).output
        if environment.info.backend == "docker":  # its commands share what they run in
            assert "create_server" in environment.exec(["sh", "-c", look]).output
    assert marker not in seen
    assert "create_server" not in seen
    assert "reached" not in seen


TRIES = 20
SWAP = """
import os, sys
os.makedirs('race/real', exist_ok=True)
open('race/real/secret', 'w').write('harmless')
os.symlink(sys.argv[1], 'race/link')
os.rename('race/real', 'race/dir')
open('racing', 'w').close()
while not os.path.exists('stop'):
    os.rename('race/dir', 'race/real'); os.rename('race/link', 'race/dir')
    os.rename('race/dir', 'race/link'); os.rename('race/real', 'race/dir')
"""


@pytest.mark.parametrize("way", ["get", "put"])
def test_a_race_with_links_leads_nowhere(way: str, launcher: Launcher, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o777)
    outside.chmod(0o777)
    for parent in list(tmp_path.parents)[:-2]:
        if parent.stat().st_uid == os.getuid() and parent != Path("/tmp"):
            parent.chmod(0o755)
    (outside / "secret").write_text("hunter2")
    (tmp_path / "new").write_text("from the host")
    with launcher.launch(LaunchRequest(limits=LIMITS)) as launched:
        thread = threading.Thread(target=launched.exec, args=(["python3", "-c", SWAP, str(outside)],))
        thread.start()
        try:
            begun = ["sh", "-c", "until [ -e racing ]; do sleep 0.05; done"]
            assert launched.exec(begun).exit_code == 0
            for number in range(TRIES):
                with contextlib.suppress(DevctlError, OSError):
                    if way == "get":
                        launched.get("race/dir/secret", tmp_path / f"got-{number}")
                    else:
                        launched.put(tmp_path / "new", "race/dir/new")
        finally:
            launched.put(tmp_path / "new", "stop")
            thread.join()
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]
    assert all("hunter2" not in path.read_text() for path in tmp_path.glob("got-*") if path.is_file())


def test_the_hooks_and_settings_of_a_repository_do_not_run_on_the_host(launcher: Launcher, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    tree = tmp_path / "tree"
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    program = f"#!/bin/sh\ntouch {ran}\n"
    for name in ("post-checkout", "pre-commit", "post-index-change", "fsmonitor-watchman"):
        (tree / ".git/hooks" / name).write_text(program)
        (tree / ".git/hooks" / name).chmod(0o755)
    config = f"[core]\n\tfsmonitor = touch {ran}; false\n\tpager = touch {ran}\n\tsshCommand = touch {ran}\n"
    with (tree / ".git/config").open("a") as file:
        file.write(config + f'[filter "x"]\n\tsmudge = touch {ran}\n\tclean = touch {ran}\n')
    (tree / ".gitattributes").write_text("* filter=x\n")
    (tree / "setup.py").write_text(f"open({str(ran)!r}, 'w')\n")
    (tree / "conftest.py").write_text(f"open({str(ran)!r}, 'w')\n")
    (tree / "sitecustomize.py").write_text(f"open({str(ran)!r}, 'w')\n")
    prepared = launcher.prepare(PrepareRequest(tree=tree))
    with launcher.launch(LaunchRequest(prepared=prepared, limits=LIMITS)) as launched:
        launched.put(tree)
        launched.exec(["git", "status"])
        launched.get(".", tmp_path / "back")
    assert not ran.exists()
    assert (tmp_path / "back/.git/config").is_file()
    shown = subprocess.run(["git", "-C", str(tree), "status"], capture_output=True, check=False)
    assert shown.returncode == 0
    assert ran.exists(), "the settings of the tree would not have run anywhere"


def test_a_link_left_for_the_next_copy_is_refused(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    environment.exec(["ln", "-sfn", str(tmp_path), "later"])
    with pytest.raises(PathRefused):
        environment.put(Path(__file__), "later/new")
    with pytest.raises(PathRefused):
        environment.get("later/secret", tmp_path / "got")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret"]
