"""Throw-away clones and plain copies of a commit, written without any conversion.

Files are written byte for byte as git has them: no filter, no line-ending conversion and no hook of the
repository takes part, so that a snapshot of an untouched copy gives the same tree again.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from tools import gitobjects
from tools.errors import GitBroken
from tools.gitobjects import EXECUTABLE, LINK, SUBMODULE, Entry
from tools.gitrun import Git

BATCH_BYTES = 32 * 1024 * 1024
"""Contents that are held in memory at once while files are written."""


def clone_into(git: Git, folder: Path, commit: str, *, files_of: str | None = None, branch: str = "work") -> None:
    """Make `folder` a clone of a commit with its history and tags, of its own and without a remote.

    `files_of` is a commit or tree whose files stand in the work tree instead of the commit's own: to git
    inside, they are changes since `commit`. Objects are copied, not linked, so nothing done inside reaches
    the mirror.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise GitBroken(f"{folder} is not empty: a clone is made in a folder of its own")
    inner = Git(_initialised(git, folder), git.settings)
    tags = git.run("for-each-ref", f"--merged={commit}", "--format=%(refname)", "refs/tags/").text.split()
    options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
    specs = [f"{commit}:refs/heads/{branch}", *(f"{tag}:{tag}" for tag in tags)]
    output = inner.talk("fetch", *options, str(git.git_dir), *specs, token=None)
    if output.status != 0:
        raise GitBroken(f"{commit} could not be cloned into {folder}: {output.stderr.strip()}")
    inner.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    inner.run("read-tree", commit)
    copy_files(git, folder, gitobjects.list_tree(git, files_of or commit))


def _initialised(git: Git, folder: Path) -> Path:
    git_dir = folder / ".git"
    git_dir.mkdir()
    creator = Git(git_dir, git.settings)
    creator.run("init", "--quiet", "--template=", "--object-format=sha1", work_tree=folder)
    for item in ("core.bare", "core.worktree"):
        creator.run("config", "--unset-all", item, accept=(0, 5))
    creator.run("config", "core.bare", "false")
    creator.run("config", "user.name", gitobjects.ROADCREW.name)
    creator.run("config", "user.email", gitobjects.ROADCREW.email)
    (git_dir / "info").mkdir(exist_ok=True)
    return git_dir


def copy_files(
    git: Git, folder: Path, entries: Iterable[Entry], wanted: Callable[[Entry], bool] = lambda _: True
) -> None:
    """Write the files of a tree into a folder that only we write to.

    Links come last, so that nothing is written through one; submodules become empty folders.
    """
    links, batch, size = [], [], 0
    root = os.fsencode(folder)
    for entry in (entry for entry in entries if wanted(entry)):
        path = _inside(root, entry.raw_path)
        if entry.mode == SUBMODULE:
            os.makedirs(path, exist_ok=True)  # noqa: PTH103 - a path of bytes, which pathlib does not take
        elif entry.mode == LINK:
            links.append(entry)
        else:
            batch.append(entry)
            size += entry.size
        if size > BATCH_BYTES:
            _write_batch(git, root, batch)
            batch, size = [], 0
    _write_batch(git, root, batch)
    for entry, target in zip(links, _contents(git, links), strict=True):
        path = _inside(root, entry.raw_path)
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - a path of bytes
        os.symlink(target, path)  # noqa: PTH211 - a path of bytes


def _write_batch(git: Git, root: bytes, batch: list[Entry]) -> None:
    for entry, content in zip(batch, _contents(git, batch), strict=True):
        path = _inside(root, entry.raw_path)
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - a path of bytes
        mode = 0o755 if entry.mode == EXECUTABLE else 0o644
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


def _contents(git: Git, entries: list[Entry]) -> list[bytes]:
    found = gitobjects.read_objects(git, [entry.sha for entry in entries])
    lacking = [entry.path for entry, item in zip(entries, found, strict=True) if item is None]
    if lacking:
        raise GitBroken(f"the mirror {git.git_dir} lacks the content of {', '.join(lacking[:5])}", "fetch it again")
    return [item[2] for item in found if item is not None]


def _inside(root: bytes, path: bytes) -> bytes:
    parts = path.split(b"/")
    if not path or b".." in parts or b"" in parts or any(part.lower() == b".git" for part in parts):
        raise GitBroken(f"the tree holds a path that git itself refuses: {path!r}")
    return os.path.join(root, *parts)  # noqa: PTH118 - a path of bytes


def empty_folder(folder: Path) -> None:
    """Delete what is in a folder of our own; links are deleted, not followed."""
    for item in folder.iterdir():
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        else:
            item.unlink()
