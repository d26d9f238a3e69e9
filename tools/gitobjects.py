"""Reading and writing git objects without a work tree: commits, trees, blobs."""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tools.errors import GitBroken, ObjectMissing
from tools.gitrun import Git
from tools.record import Record

SHA = re.compile(r"[0-9a-f]{40}")
REGULAR, EXECUTABLE, LINK, SUBMODULE, FOLDER = "100644", "100755", "120000", "160000", "040000"
_PERSON = re.compile(r"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<at>-?\d+) [+-]\d{4}", re.DOTALL)
_TRAILER = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9-]*): (?P<value>.+)")


class Person(Record):
    """Who wrote a commit."""

    name: str
    email: str


ROADCREW = Person(name="Roadcrew", email="roadcrew@localhost")


class CommitInfo(Record):
    """One commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committed_at: datetime
    message: str

    @property
    def trailers(self) -> dict[str, tuple[str, ...]]:
        """The `Key: value` lines of the message's last paragraph."""
        found: dict[str, tuple[str, ...]] = {}
        for line in self.message.strip().split("\n\n")[-1].splitlines():
            match = _TRAILER.fullmatch(line.strip())
            if match:
                found[match["key"]] = (*found.get(match["key"], ()), match["value"].strip())
        return found


class Entry(NamedTuple):
    """One file of a tree; a tuple, because large repositories have very many."""

    path: str
    """Bytes of the name that are no UTF-8 stand as \\xNN."""
    mode: str
    """100644, 100755, 120000 (link) or 160000 (submodule)."""
    sha: str
    size: int
    """Bytes; 0 for a submodule."""
    raw_path: bytes
    """The name as git has it."""


def read_objects(git: Git, names: Sequence[str]) -> list[tuple[str, str, bytes] | None]:
    """The (sha, type, content) of each object, None for one that is missing."""
    if not names:
        return []
    data = git.run("cat-file", "--batch", given="".join(f"{name}\n" for name in names).encode()).stdout
    found: list[tuple[str, str, bytes] | None] = []
    position = 0
    for _ in names:
        end = data.index(b"\n", position)
        header = data[position:end].decode("utf-8", "replace").split(" ")
        position = end + 1
        if len(header) != 3 or not header[2].isdigit():
            found.append(None)
            continue
        size = int(header[2])
        found.append((header[0], header[1], data[position : position + size]))
        position += size + 1
    return found


def missing(git: Git, shas: Iterable[str]) -> set[str]:
    """Those of the objects that the repository does not have."""
    asked = "".join(f"{sha}\n" for sha in shas).encode()
    lines = git.run("cat-file", "--batch-check=%(objectname)", given=asked).text.splitlines()
    return {line.split(" ")[0] for line in lines if line.endswith(" missing")}


def resolve(git: Git, name: str) -> str | None:
    """The commit that a full ref name or a sha leads to, or None."""
    if "\n" in name or name.startswith("-"):
        return None
    found = git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", given=f"{name}^{{commit}}\n".encode())
    sha, _, kind = found.text.partition(" ")
    return sha if SHA.fullmatch(sha) and kind == "commit" else None


def branch_ref(git: Git, branch: str) -> str:
    """The full name of a branch; raises ObjectMissing for what no branch can be called."""
    ref = f"refs/heads/{branch}"
    if git.run("check-ref-format", ref, accept=(0, 1)).status != 0:
        raise ObjectMissing(f"{branch[:100]!r} is no name that a branch can have")
    return ref


def read_commit(git: Git, sha: str) -> CommitInfo:
    """One commit; raises ObjectMissing."""
    found = read_objects(git, [sha])[0] if SHA.fullmatch(sha) else None
    if found is None or found[1] != "commit":
        raise ObjectMissing(f"{git.git_dir} has no commit {sha[:60]!r}", "fetch the repository again")
    return parse_commit(found[0], found[2])


def parse_commit(sha: str, raw: bytes) -> CommitInfo:
    """Read a commit object; any bytes that git takes are taken."""
    head, _, message = raw.decode("utf-8", "replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        fields.setdefault(key, []).append(value)
    author, _ = _read_person(fields.get("author", [""])[0])
    _, committed_at = _read_person(fields.get("committer", [""])[0])
    return CommitInfo(
        sha=sha,
        tree=fields.get("tree", [""])[0],
        parents=tuple(fields.get("parent", [])),
        author=author,
        committed_at=committed_at,
        message=message.removesuffix("\n"),
    )


def _read_person(text: str) -> tuple[Person, datetime]:
    match = _PERSON.match(text)
    if match is None:
        return Person(name=text, email=""), datetime.fromtimestamp(0, UTC)
    try:
        at = datetime.fromtimestamp(int(match["at"]), UTC)
    except (OverflowError, ValueError, OSError):  # a commit may carry any number as its time
        at = datetime.fromtimestamp(0, UTC)
    return Person(name=match["name"], email=match["email"]), at


def list_tree(git: Git, tree: str) -> list[Entry]:
    """All files of a tree or commit, submodules and links included, sorted by path; raises GitBroken."""
    data = git.run("ls-tree", "-r", "-z", "-l", "--full-tree", tree).stdout
    entries = []
    for line in data.split(b"\0")[:-1]:
        meta, _, raw = line.partition(b"\t")
        mode, _, sha, size = meta.decode().split()
        if size == "BAD":  # so git says of content that is not here, and ends well
            raise GitBroken(f"{git.git_dir} lacks the content of {readable(raw)!r}", "fetch the repository again")
        entries.append(
            Entry(path=readable(raw), mode=mode, sha=sha, size=int(size) if size.isdigit() else 0, raw_path=raw)
        )
    return entries


def list_names(git: Git, tree: str) -> list[tuple[str, str, bytes]]:
    """Mode, sha and name of all files of a tree or commit; unlike `list_tree` it looks at no file."""
    data = git.run("ls-tree", "-r", "-z", "--full-tree", tree).stdout
    found = []
    for line in data.split(b"\0")[:-1]:
        meta, _, raw = line.partition(b"\t")
        found.append((meta[:6].decode(), meta[-40:].decode(), raw))
    return found


def readable(path: bytes) -> str:
    """A file's name as text; bytes that are no UTF-8 are written as \\xNN."""
    return path.decode("utf-8", "backslashreplace")


def blob_sha(content: bytes) -> str:
    """The name that git gives to a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def write_blobs(git: Git, contents: Sequence[bytes]) -> list[str]:
    """Store blobs, all in one run, and return their shas."""
    if contents:
        stream = b"".join(b"blob\ndata %d\n%s\n" % (len(content), content) for content in contents)
        git.run("fast-import", "--quiet", given=stream + b"done\n")
    return [blob_sha(content) for content in contents]


def edit_tree(git: Git, base: str | None, changes: Mapping[bytes, tuple[str, str] | None]) -> str:
    """A tree like `base` with each path set to (mode, sha), or removed for None.

    Raises GitBroken for a path that git refuses. A file that takes the place of a folder, or the other way
    round, replaces it.
    """
    with tempfile.TemporaryDirectory(prefix="roadcrew-index-") as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git.run("read-tree", base or "--empty", env=env)
        gone = [path for path, entry in changes.items() if entry is None]
        there = [(path, entry) for path, entry in changes.items() if entry is not None]
        lines = [b"0 %s\t%s\0" % (b"0" * 40, path) for path in gone]
        lines += [b"%s %s\t%s\0" % (mode.encode(), sha.encode(), path) for path, (mode, sha) in there]
        said = git.run("update-index", "-z", "--replace", "--index-info", given=b"".join(lines), env=env)
        if "Ignoring path" in said.stderr:  # git goes on without it and ends well
            raise GitBroken(f"git refuses a path: {said.stderr.strip()[:500]}", "choose another file name")
        return git.run("write-tree", env=env).text


def write_commit(
    git: Git,
    tree: str,
    parents: Sequence[str],
    message: str,
    *,
    at: datetime,
    author: Person = ROADCREW,
) -> str:
    """Store a commit; the committer is always Roadcrew. The same arguments give the same commit."""
    if at.tzinfo is None:
        raise GitBroken(f"the time {at.isoformat()} of a commit has no time zone")
    stamp = f"{int(at.timestamp())} +0000"
    env = {
        "GIT_AUTHOR_NAME": _clean(author.name) or "unknown",
        "GIT_AUTHOR_EMAIL": _clean(author.email),
        "GIT_AUTHOR_DATE": stamp,
        "GIT_COMMITTER_NAME": ROADCREW.name,
        "GIT_COMMITTER_EMAIL": ROADCREW.email,
        "GIT_COMMITTER_DATE": stamp,
    }
    options = [part for parent in parents for part in ("-p", parent)]
    given = message.replace("\0", "").encode("utf-8", "replace")
    return git.run("commit-tree", tree, *options, given=given, env=env).text


def _clean(name: str) -> str:
    return re.sub(r"[<>\n\r\0]", "", name).strip()
