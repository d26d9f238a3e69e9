"""What a repository of 100,000 files costs, as ratios to bare git on the same files in the same run.

    .venv/bin/python -m bench.large_repository [--files 100000] [--history 120]

A repository is generated with `git fast-import` and served from a folder. Measured: the mirror's clone and its
update in place, facts, a work tree opened in a real environment, a changing command with the snapshot after it, the
repository map when nothing was ever parsed and again. Bare git: `git clone`, a shallow clone with its checkout,
`git status`.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from devctl import DevctlSettings, Launcher, Limits, open_launcher
from tools.environments import WorkTree, open_worktree
from tools.git import Mirror
from tools.repomap.map import repository_map

FOLDERS = 20
"""Files in one folder."""
STEPS = 5
LIMITS = Limits(disk_mb=8192)


def generate(folder: Path, files: int, history: int) -> str:
    """Make a bare repository of so many files, the last commits changing one file each, and return its head."""
    git = ["git", "-C", str(folder)]
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", folder], check=True)
    subprocess.run([*git, "config", "uploadpack.allowFilter", "true"], check=True)
    stream = b"".join(_commits(files, history))
    subprocess.run([*git, "fast-import", "--quiet"], input=stream, check=True)
    subprocess.run([*git, "repack", "-a", "-d", "-q"], check=True)
    return subprocess.run([*git, "rev-parse", "main"], check=True, capture_output=True, text=True).stdout.strip()


def _commits(files: int, history: int) -> Iterator[bytes]:
    yield _commit(1)
    for number in range(files):
        yield _file(number, 0)
    for count in range(2, history + 1):
        yield _commit(count)
        yield _file(count * 37 % files, count)


def _commit(count: int) -> bytes:
    message = f"Change {count}\n".encode()
    at = 1_700_000_000 + count
    return b"commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata %d\n%s" % (at, len(message), message)


def path_of(number: int) -> str:
    """Where a file lies: three folders deep."""
    folder = number // FOLDERS
    return f"part{folder % 50}/group{folder // 50 % 40}/unit{folder // 2000}/module_{number}.py"


def _file(number: int, version: int) -> bytes:
    lines = [
        f'"""Module {number}, version {version}."""',
        f"from part{number // 3 % 50} import function_{number // 3}",
        "",
    ]
    lines += [
        f"class Service{number}:",
        f"    def handle_{number}(self, value):",
        f"        return function_{number // 3}(value)",
    ]
    lines += [
        "",
        f"def function_{number}(value):",
        f"    return Service{number}().handle_{number}(value) + {version}",
        "",
    ]
    content = "\n".join(lines).encode()
    return b"M 100644 inline %s\ndata %d\n%s\n" % (path_of(number).encode(), len(content), content)


def timed(name: str, action: Callable[[], object], bare: float | None = None, against: str = "") -> float:
    """Run an action once, print how long it took and how that compares, and return the seconds."""
    begin = time.perf_counter()
    action()
    seconds = time.perf_counter() - begin
    ratio = f"   {seconds / bare:5.2f} x {against}" if bare else ""
    print(f"  {name:<58} {seconds:8.2f} s{ratio}", flush=True)
    return seconds


def median(name: str, action: Callable[[], object], bare: float | None = None, against: str = "") -> float:
    """As `timed`, the median of a few runs after one to warm up."""
    action()
    times = []
    for _ in range(STEPS):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    seconds = sorted(times)[len(times) // 2]
    ratio = f"   {seconds / bare:5.2f} x {against}" if bare else ""
    print(f"  {name:<58} {seconds:8.2f} s{ratio}", flush=True)
    return seconds


def measure(folder: Path, head: str, launcher: Launcher) -> None:
    """Print all figures."""
    remote = f"file://{folder / 'remote.git'}"
    print("bare git")
    whole = timed("git clone --mirror", lambda: _git("clone", "--quiet", "--mirror", remote, str(folder / "bare")))
    shallow = timed(
        "git clone --depth 50, with its checkout",
        lambda: _git("clone", "--quiet", "--depth=50", remote, str(folder / "shallow")),
    )
    status = median("git status", lambda: _git("-C", str(folder / "shallow"), "status", "--short"))
    print("Roadcrew")
    mirror = Mirror(folder / "mirror", remote)
    timed("mirror, first fetch", mirror.fetch, whole, "clone --mirror")
    median("mirror, nothing new", mirror.fetch)
    timed("facts, never asked before", lambda: mirror.facts(head))
    median("facts and files again", lambda: (mirror.facts(head), mirror.files(head)))
    opened: list[WorkTree] = []
    timed(
        "open a work tree",
        lambda: opened.append(open_worktree(launcher, mirror, head, limits=LIMITS)),
        shallow,
        "clone --depth 50",
    )
    with opened[0] as worktree:
        steps(worktree, status)
    timed("repository map, nothing parsed before", lambda: repository_map(mirror, head, 4000, ["Service777"]))
    timed("repository map again, another task", lambda: repository_map(mirror, head, 4000, ["Service778"]))


def steps(worktree: WorkTree, status: float) -> None:
    """Print what commands and the snapshots after them cost."""
    numbers = iter(range(1000))
    timed("first snapshot, nothing changed", worktree.snapshot, status, "git status")
    median("git status inside", lambda: worktree.exec("git status --short"), status, "git status")
    median("snapshot, nothing changed", worktree.snapshot, status, "git status")
    snapshots = []

    def step() -> None:
        worktree.exec(f"echo '# {next(numbers)}' >> {path_of(4711)}; echo x > new_{next(numbers)}")
        begin = time.perf_counter()
        worktree.snapshot()
        snapshots.append(time.perf_counter() - begin)

    median("one changing command with its snapshot", step, status, "git status")
    seconds = sorted(snapshots)[len(snapshots) // 2]
    print(f"  {'  of it the snapshot':<58} {seconds:8.2f} s   {seconds / status:5.2f} x git status")
    timed("the bundle of the change", lambda: worktree.bundle(worktree.snapshot()))


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def main() -> None:
    """Generate and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--history", type=int, default=120)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rc-large-") as name:
        folder = Path(name)
        timed(f"generate {given.files} files", lambda: generate(folder / "remote.git", given.files, given.history))
        head = subprocess.run(
            ["git", "-C", folder / "remote.git", "rev-parse", "main"], check=True, capture_output=True, text=True
        ).stdout.strip()
        launcher = open_launcher(DevctlSettings(folder=folder / "devctl", backend="bubblewrap"), None)
        try:
            measure(folder, head, launcher)
        finally:
            launcher.stop_all()


if __name__ == "__main__":
    main()
