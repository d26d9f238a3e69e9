"""What a repository of 100,000 files costs, as ratios to bare git on the same files in the same run.

    .venv/bin/python -m bench.large_repository [--files 100000] [--history 120] [--branches 300]

A repository is generated with `git fast-import` and served from a folder. Measured: the mirror's clone and its
update in place, facts, a work tree opened in a real environment, a changing command with the snapshot after it, the
repository map when nothing was ever parsed and again. Bare git: `git clone`, a shallow clone with its checkout,
`git status`.
"""

import argparse
import hashlib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from devctl import DevctlSettings, Launcher, Limits, open_launcher
from tools.git import Mirror
from tools.repomap.map import RepositoryMap, repository_map
from tools.worktree import WorkTree, open_worktree

FOLDERS = 20
"""Files in one folder."""
TEAM_FILES = 20
"""New files on each branch of somebody else."""
WANTED = ("main", "feature/F-*")
STEPS = 5
LIMITS = Limits(disk_mb=8192)


def generate(folder: Path, files: int, history: int, branches: int) -> str:
    """Make a bare repository of so many files, the last commits changing one file each, and return its head.

    So many branches of others add files that lie on no other branch.
    """
    git = ["git", "-C", str(folder)]
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", folder], check=True)
    subprocess.run([*git, "config", "uploadpack.allowFilter", "true"], check=True)
    stream = b"".join((*_commits(files, history), *_branches(branches)))
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


def _branches(branches: int) -> Iterator[bytes]:
    for number in range(branches):
        yield _commit(number, f"team/{number}") + b"from refs/heads/main\n"
        for file in range(TEAM_FILES):
            content = hashlib.shake_256(b"%d %d" % (number, file)).digest(4096)
            yield b"M 100644 inline team/%d/%d.bin\ndata %d\n%s\n" % (number, file, len(content), content)


def _commit(count: int, branch: str = "main") -> bytes:
    message = f"Change {count}\n".encode()
    head = f"commit refs/heads/{branch}\ncommitter A <a@example.org> {1_700_000_000 + count} +0000\n"
    return b"%sdata %d\n%s" % (head.encode(), len(message), message)


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
    everything = Mirror(folder / "everything", remote)
    timed("mirror of all branches, first fetch", everything.fetch, whole, "clone --mirror")
    narrow = Mirror(folder / "narrow", remote, branches=WANTED)
    timed("mirror of the wanted branches, first fetch", narrow.fetch, whole, "clone --mirror")
    mirror = Mirror(folder / "mirror", remote, branches=WANTED, partial=True)
    timed("the mirror (without old contents), first fetch", mirror.fetch, whole, "clone --mirror")
    for name, made in (("all branches", everything), ("the wanted branches", narrow), ("the mirror", mirror)):
        print(f"  {f'  objects and KiB in {name}':<58} {_held(made)}")
    median("mirror, nothing new", mirror.fetch)
    old = mirror.git.run("rev-list", "--max-parents=0", head).text
    timed("files of the oldest commit, whose contents are brought", lambda: mirror.files(old), whole, "clone --mirror")
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
    maps(mirror, head)


def maps(mirror: Mirror, head: str) -> None:
    """Print what the repository map costs: nothing parsed before, all of it parsed before, and for another task."""
    grep = median("git grep -c . in the mirror", lambda: mirror.git.run("grep", "-c", ".", head))

    def draw(mentioned: str) -> RepositoryMap:
        return repository_map(mirror, head, 4000, [mentioned])

    drawn = draw("")
    print(f"  {'  files looked at, files left out':<58} {drawn.source_files}, {drawn.left_out}")
    for file in mirror.folder.glob("roadcrew-tags-*"):
        file.unlink()
    timed("repository map, nothing parsed before", lambda: draw("Service777"), grep, "git grep")
    median("repository map again", lambda: draw("Service777"), grep, "git grep")
    timed("repository map, another task", lambda: draw("Service778"), grep, "git grep")


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


def _held(mirror: Mirror) -> str:
    found = dict(line.split(": ") for line in mirror.git.run("count-objects", "-v").text.splitlines())
    return f"{int(found['in-pack']) + int(found['count'])}, {int(found['size-pack']) + int(found['size'])}"


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def main() -> None:
    """Generate and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--history", type=int, default=120)
    parser.add_argument("--branches", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rc-large-") as name:
        folder = Path(name)
        made = (folder / "remote.git", given.files, given.history, given.branches)
        timed(f"generate {given.files} files", lambda: generate(*made))
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
