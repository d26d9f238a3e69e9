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
from tools.upstream import HISTORY

BATCH_BYTES = 32 * 1024 * 1024
"""Contents that are held in memory at once while files are written."""
UNCONVERTED = "* -text -ident -filter -working-tree-encoding\n"
"""Stands in the mirror's own `info/attributes`, which win over all that a repository's files say."""
_CLONE_CONFIG = {
    "core.bare": "false",
    "core.checkStat": "minimal",  # inside, files have another owner than git saw when it wrote them
    "core.trustctime": "false",
    "user.name": gitobjects.ROADCREW.name,
    "user.email": gitobjects.ROADCREW.email,
}


def clone_into(git: Git, folder: Path, commit: str, *, files_of: str | None = None, branch: str = "work") -> None:
    """Make `folder` a shallow clone of a commit and its last HISTORY ones with the tags in reach, of its own and without a remote.

    `files_of` is a commit or tree whose files stand in the work tree instead of the commit's own: to git
    inside, they are changes since `commit`. Objects are copied, not linked, so nothing done inside reaches
    the mirror. Only we may write to the folder meanwhile; it is empty again where that fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise GitBroken(f"{folder} is not empty: a clone is made in a folder of its own")
    try:
        _fill(git, folder, commit, files_of or commit, branch)
    except GitBroken:
        empty_folder(folder)
        raise


def _fill(git: Git, folder: Path, commit: str, files_of: str, branch: str) -> None:
    inner = Git(_initialised(git, folder), git.settings)
    tags = _copy_history(git, inner, commit)
    refs = {f"refs/heads/{branch}": commit, **tags}
    given = "".join(f"create {ref} {sha}\n" for ref, sha in refs.items()).encode()
    inner.run("update-ref", "--stdin", given=given)
    inner.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    _check_out(git, folder, commit, files_of)


def _copy_history(git: Git, inner: Git, commit: str) -> dict[str, str]:
    """Copy the last commits with all their files, and return the tags among them by ref."""
    lines = git.run("rev-list", f"--max-count={HISTORY}", "--parents", commit).text.splitlines()
    parents = {sha: rest.split() for sha, _, rest in (line.partition(" ") for line in lines)}
    ends = [sha for sha, above in parents.items() if any(parent not in parents for parent in above)]
    kept: set[str] = set()
    waiting = [commit]
    while waiting:
        sha = waiting.pop()
        kept.add(sha)
        waiting += [parent for parent in parents[sha] if sha not in ends and parent not in kept]
    tags = _tags(git, kept)
    wanted = [*(f"--shallow {sha}" for sha in ends), commit, *tags.values()]
    pack = inner.git_dir / "objects" / "pack" / "pack"
    options = ("--revs", "--shallow", "--delta-base-offset", "--quiet")
    given = "".join(f"{line}\n" for line in wanted).encode()
    git.run("pack-objects", *options, str(pack), given=given, seconds=git.settings.transfer_seconds)
    if ends:
        (inner.git_dir / "shallow").write_text("".join(f"{sha}\n" for sha in ends if sha in kept))
    return tags


def _tags(git: Git, commits: set[str]) -> dict[str, str]:
    form = "%(objectname) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end) %(refname)"
    lines = git.run("for-each-ref", f"--format={form}", "refs/tags/").text.splitlines()
    found = (line.split(" ", 2) for line in lines)
    return {ref: sha for sha, target, ref in found if target in commits}


def _check_out(git: Git, folder: Path, commit: str, files_of: str) -> None:
    """Have git write the files from the mirror's objects, and leave an index that knows them as they lie there."""
    attributes = git.git_dir / "info" / "attributes"
    if not attributes.is_file() or attributes.read_text() != UNCONVERTED:
        attributes.parent.mkdir(exist_ok=True)
        attributes.write_text(UNCONVERTED)
    env = {"GIT_INDEX_FILE": str(folder / ".git" / "index")}
    seconds = git.settings.transfer_seconds
    git.run("read-tree", files_of, env=env)
    workers = ("-c", f"checkout.workers={os.cpu_count() or 1}")
    git.run(*workers, "checkout-index", "--all", "--index", "--quiet", env=env, work_tree=folder, seconds=seconds)
    if files_of != commit:
        git.run("read-tree", "-m", "-i", commit, env=env, work_tree=folder)


def _initialised(git: Git, folder: Path) -> Path:
    git_dir = folder / ".git"
    git_dir.mkdir()
    creator = Git(git_dir, git.settings)
    creator.run("init", "--quiet", "--template=", "--object-format=sha1", work_tree=folder)
    creator.run("config", "--unset-all", "core.worktree", accept=(0, 5))
    for key, value in _CLONE_CONFIG.items():
        creator.run("config", "--replace-all", key, value)
    (git_dir / "info").mkdir(exist_ok=True)
    return git_dir


def give_to_owner(folder: Path) -> None:
    """Make what lies in a folder that only we write to its owner's, where we are another user (root)."""
    owner = folder.stat()
    if owner.st_uid == os.geteuid():
        return
    for top, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.lchown(os.path.join(top, name), owner.st_uid, owner.st_gid)  # noqa: PTH118 - a hundred thousand times


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
