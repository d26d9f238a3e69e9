"""A work tree: an environment with a throw-away clone of one commit in it.

What runs, runs inside. What comes out is a tree that this host builds from plain bytes (`tools.snapshot`).
"""

import logging
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self, cast

from devctl import Environment, ExecResult, Launcher, LaunchRequest, Limits, Prepared
from devctl.errors import EnvironmentGone, PathRefused, SandboxFailed
from tools.clone import give_to_owner
from tools.errors import ToolError, WorkTreeLost
from tools.folder_memory import FolderMemory
from tools.mirror import Mirror
from tools.patch import Diff, DiffLimits
from tools.record import Record
from tools.snapshot import SnapshotLimits, take_tree

log = logging.getLogger(__name__)

Kind = Literal["file", "folder", "link", "other", "absent"]

_KIND = (
    'if [ -L "$1" ]; then echo link; elif [ -d "$1" ]; then echo folder; elif [ -f "$1" ]; then echo file;'
    ' elif [ -e "$1" ]; then echo other; else echo absent; fi'
)
_EMPTY = 'chmod -R u+rwX . 2>/dev/null; find . -mindepth 1 "$@" -delete'


class Snapshot(Record):
    """The files of a work tree at one moment, stored in the mirror."""

    base: str
    """The commit that the work tree was opened on."""
    tree: str
    commit: str
    """A commit on the base with this tree, always the same for it; without changes the base itself."""
    skipped: tuple[str, ...] = ()
    """Names that are not in it because git has no place for them."""

    @property
    def changed(self) -> bool:
        """Whether anything differs from the base."""
        return self.commit != self.base


class WorkTree:
    """An environment with a clone; a context manager that stops the environment at its end."""

    def __init__(self, environment: Environment, mirror: Mirror, base: str) -> None:
        self.environment = environment
        self.mirror = mirror
        self.base = base
        self.workdir = environment.workdir
        self.snapshot_limits = SnapshotLimits()
        self._base_commit = mirror.commit(base)
        self._last = (self._base_commit.tree, base)
        """The last snapshot's tree and commit."""
        self._memory: FolderMemory | None = None

    def exec(self, command: str, *, seconds: float | None = None, env: Mapping[str, str] | None = None) -> ExecResult:
        """Run a command line in bash in the root of the tree, in a fresh process; raises WorkTreeLost.

        Bash is no login shell: the profiles of many images would throw the prepared interpreter off PATH.
        """
        if "\0" in command:
            raise ToolError("the command holds a NUL character", "leave it out")
        return self._run(["bash", "-c", command], seconds, env)

    # -- files

    def kind_of(self, path: str) -> Kind:
        """What lies at a path."""
        result = self._run(["sh", "-c", _KIND, "sh", f"./{path}"])
        return cast(Kind, result.output.strip()) if result.exit_code == 0 else "absent"

    def list_folder(self, path: str) -> list[str]:
        """The names in a folder, sorted, folders with a slash at the end."""
        result = self._run(["ls", "-1Ap", "--", f"./{path}"])
        if result.exit_code != 0:
            raise ToolError(f"{path} cannot be listed: {result.output.strip()[:300]}", "check the path with ls")
        return [name for name in result.output.splitlines() if name != ".git/"]

    def read_file(self, path: str, limit: int | None = None) -> bytes:
        """A file's content, or its first `limit` bytes; raises ToolError when there is no such file."""
        with tempfile.TemporaryDirectory(prefix="roadcrew-get-") as folder:
            copy = Path(folder) / "file"
            self._get(path, copy)
            if not copy.is_file():
                raise ToolError(f"{path} is no file", "check the path with ls")
            with copy.open("rb") as file:
                return file.read(-1 if limit is None else limit)

    def write_file(self, path: str, content: bytes) -> None:
        """Write a file, new or not; missing folders are made, an executable file stays one."""
        with tempfile.TemporaryDirectory(prefix="roadcrew-put-") as folder:
            copy = Path(folder) / "file"
            kind = self.kind_of(path)
            if kind == "file":
                self._get(path, copy)
            elif kind != "absent":
                raise ToolError(f"{path} is a {kind}, not a file", "choose another path")
            copy.write_bytes(content)
            self._put(copy, path)

    def put_private(self, path: str, content: bytes) -> None:
        """Write a file of ours into the clone's `.git`, where no snapshot sees it."""
        with tempfile.TemporaryDirectory(prefix="roadcrew-put-") as folder:
            copy = Path(folder) / "file"
            copy.write_bytes(content)
            self._put(copy, path)

    def take_private(self, path: str, limit: int | None = None) -> bytes | None:
        """Read at most `limit` bytes of a file of ours in the clone's `.git` and delete it; None when there is none."""
        try:
            content = self.read_file(path, limit)
        except ToolError:
            return None
        self._run(["rm", "-f", "--", path])
        return content

    def copy_out(self, path: str, target: Path) -> tuple[str, ...]:
        """Copy a file or folder out, following no links; returns what was left out. Raises ToolError, WorkTreeLost."""
        return self._get(path, target)

    # -- in and out as a whole

    def snapshot(self) -> Snapshot:
        """Store the files as they are, running none of them here; raises TreeTooBig or WorkTreeLost."""
        folder = self.environment.host_folder
        if folder is not None:
            self._memory = self._memory or FolderMemory(self.mirror.git, self.base)
            taken = take_tree(self.mirror.git, folder, self.base, self.snapshot_limits, memory=self._memory)
        else:
            with tempfile.TemporaryDirectory(prefix="roadcrew-get-") as copy:
                left_out = self._get(".", Path(copy))
                taken = take_tree(self.mirror.git, Path(copy), self.base, self.snapshot_limits, left_out)
        if taken.tree != self._last[0]:
            self._last = (taken.tree, self.mirror.commit_progress(taken.tree, self._base_commit))
        return Snapshot(base=self.base, tree=taken.tree, commit=self._last[1], skipped=taken.skipped)

    def bundle(self, snapshot: Snapshot) -> bytes | None:
        """The snapshot as a git bundle on its base, for another machine; None when nothing is changed."""
        if not snapshot.changed:
            return None
        memory = self._memory
        new = memory.new_objects() if memory is not None and memory.tree == snapshot.tree else None
        return self.mirror.bundle(snapshot.base, snapshot.commit, new)

    def restore(self, commit: str) -> None:
        """Make the files those of a commit or tree; ignored files go, the history is the base's again."""
        result = self._run(["sh", "-c", _EMPTY, "sh", *_sparing(self.environment.info.places)])
        if result.exit_code != 0:
            raise WorkTreeLost(
                f"the work tree {self.environment.id} could not be emptied: {result.output.strip()[:300]}",
                "retry the turn in a fresh environment",
            )
        self._lay_out(commit)

    def change(self, limits: DiffLimits | None = None) -> Diff:
        """What differs from the base now."""
        return self.mirror.change(self.base, self.snapshot().commit, limits)

    def close(self) -> None:
        """Stop the environment; safe to repeat."""
        self.environment.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lay_out_first(self, files_of: str) -> None:
        """Fill an environment in which nothing has run yet."""
        folder = self.environment.host_folder
        if folder is None or any(folder.iterdir()):  # the launch may have put something there
            self._lay_out(files_of)
            return
        self.mirror.clone_into(folder, self.base, files_of=files_of)
        give_to_owner(folder)
        self._memory = FolderMemory(self.mirror.git, self.base, files_of)
        self._memory.prime(folder)

    def _lay_out(self, files_of: str) -> None:
        with tempfile.TemporaryDirectory(prefix="roadcrew-clone-") as folder:
            self.mirror.clone_into(Path(folder) / "clone", self.base, files_of=files_of)
            self._put(Path(folder) / "clone", ".")

    def _run(self, argv: list[str], seconds: float | None = None, env: Mapping[str, str] | None = None) -> ExecResult:
        try:
            return self.environment.exec(argv, seconds=seconds, env=env)
        except (EnvironmentGone, SandboxFailed) as error:
            raise WorkTreeLost(error.message, error.hint) from error

    def _get(self, path: str, target: Path) -> tuple[str, ...]:
        try:
            return self.environment.get(path, target)
        except PathRefused as error:
            raise ToolError(error.message, error.hint) from error
        except EnvironmentGone as error:
            raise WorkTreeLost(error.message, error.hint) from error

    def _put(self, source: Path, target: str) -> None:
        try:
            self.environment.put(source, target)
        except PathRefused as error:
            raise ToolError(error.message, error.hint) from error
        except EnvironmentGone as error:
            raise WorkTreeLost(error.message, error.hint) from error


def open_worktree(
    launcher: Launcher,
    mirror: Mirror,
    commit: str,
    *,
    files_of: str | None = None,
    prepared: Prepared | None = None,
    limits: Limits | None = None,
    labels: Mapping[str, str] | None = None,
    programs: tuple[Path, ...] = (),
    role: str = "person",
    repository: str = "",
) -> WorkTree:
    """Launch an environment with a clone of `commit` in it, without network.

    `files_of` is a commit or tree, such as a snapshot, whose files stand in it as changes since `commit`;
    `programs` are programs of this host to have in it.
    Raises ObjectMissing, devctl's LaunchRefused and LaunchFailed, and WorkTreeLost.
    """
    base = mirror.commit(commit).sha
    request = LaunchRequest(
        prepared=prepared,
        labels=dict(labels or {}),
        limits=limits or Limits(),
        programs=programs,
        role=role,
        repository=repository,
    )
    environment = launcher.launch(request)
    worktree = WorkTree(environment, mirror, base)
    try:
        worktree.lay_out_first(files_of or base)
    except BaseException:
        environment.stop()
        raise
    log.info("opened a work tree of %s in %s", base[:12], environment.id)
    return worktree


def _sparing(places: tuple[str, ...]) -> list[str]:
    """Arguments by which find passes over what belongs to the environment: what was installed, and what holds it."""
    words = []
    for place in places:
        literal = re.sub(r"([*?\[\]\\])", r"\\\1", place)
        words += ["!", "-path", f"./{literal}/*"]
        parts = literal.split("/")
        for count in range(len(parts)):
            words += ["!", "-path", f"./{'/'.join(parts[: count + 1])}"]
    return words
