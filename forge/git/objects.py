"""Reading and writing git objects: commits, trees and blobs."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from forge.errors import GitFailed, Invalid
from forge.git.run import Git
from forge.records import Record

_PERSON = re.compile(rb"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<at>-?\d+) (?P<zone>[+-]\d{4})", re.DOTALL)


class Person(Record):
    """Who wrote or committed, and when (ISO, UTC)."""

    name: str
    email: str
    date: str


class CommitObject(Record):
    """One commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


class TreeEntry(Record):
    """One name in a tree."""

    path: str
    mode: str
    type: str
    sha: str
    size: int | None


def read_many(git: Git, names: Sequence[str]) -> list[tuple[str, str, bytes] | None]:
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
        if len(header) < 3 or not header[-1].isdigit():
            found.append(None)
            continue
        size = int(header[-1])
        found.append((header[0], header[1], data[position : position + size]))
        position += size + 1
    return found


def _person(value: bytes) -> Person:
    match = _PERSON.match(value)
    if match is None:
        return Person(name=value.decode("utf-8", "replace"), email="", date="1970-01-01T00:00:00Z")
    try:
        at = datetime.fromtimestamp(int(match["at"]), UTC)
    except (OverflowError, ValueError, OSError):  # a commit may carry any number as its time
        at = datetime.fromtimestamp(0, UTC)
    text = {name: match[name].decode("utf-8", "replace") for name in ("name", "email")}
    return Person(**text, date=at.strftime("%Y-%m-%dT%H:%M:%SZ"))


def parse_commit(sha: str, raw: bytes) -> CommitObject:
    """Read a commit object's text; the message may hold any bytes."""
    head, _, message = raw.partition(b"\n\n")
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        fields.setdefault(key, []).append(value)
    return CommitObject(
        sha=sha,
        tree=fields.get(b"tree", [b""])[0].decode(),
        parents=tuple(value.decode() for value in fields.get(b"parent", [])),
        author=_person(fields.get(b"author", [b""])[0]),
        committer=_person(fields.get(b"committer", [b""])[0]),
        message=message.decode("utf-8", "replace").removesuffix("\n"),
    )


def commits(git: Git, shas: Sequence[str]) -> list[CommitObject]:
    """These commits in the same order; those that are missing or no commits are left out."""
    found = read_many(git, shas)
    return [parse_commit(item[0], item[2]) for item in found if item and item[1] == "commit"]


def log(git: Git, start: str, *, path: str | None, skip: int, count: int) -> list[CommitObject]:
    """Commits reachable from `start`, newest first, narrowed to those that touch a path."""
    where = ["--", f":(literal){path}"] if path else ["--"]
    shas = git.run("rev-list", f"--skip={skip}", f"--max-count={count}", start, *where).text.split()
    return commits(git, shas)


def count(git: Git, start: str, path: str | None) -> int:
    """How many commits `log` would give in all."""
    where = ["--", f":(literal){path}"] if path else ["--"]
    return int(git.run("rev-list", "--count", start, *where).text)


def tree(git: Git, name: str, *, recursive: bool = False, path: str = "") -> list[TreeEntry]:
    """The entries of a tree or of the folder `path` in it."""
    options = ["-r", "-t"] if recursive else []
    target = f"{name}:{path}" if path else name
    data = git.run("ls-tree", "-z", "-l", *options, target).stdout
    entries = []
    for line in data.split(b"\0")[:-1]:
        meta, _, raw = line.partition(b"\t")
        mode, kind, sha, size = meta.decode().split()
        length = int(size) if size.isdigit() else None
        entries.append(TreeEntry(path=raw.decode("utf-8", "replace"), mode=mode, type=kind, sha=sha, size=length))
    return entries


def write_blob(git: Git, content: bytes) -> str:
    """Store a blob and return its sha."""
    return git.run("hash-object", "-w", "-t", "blob", "--stdin", given=content).text


def write_commit(git: Git, tree_sha: str, parents: Sequence[str], message: str, people: Mapping[str, str]) -> str:
    """Store a commit; `people` holds GIT_AUTHOR_* and GIT_COMMITTER_* values."""
    options = [part for parent in parents for part in ("-p", parent)]
    given = message.encode("utf-8", "replace")
    return git.run("commit-tree", tree_sha, *options, given=given, env=people).text


class TagObject(Record):
    """An annotated tag."""

    name: str
    target: str
    type: str
    tagger: Person
    message: str


def parse_tag(sha: str, raw: bytes) -> TagObject:
    """Read a tag object's text; old ones may lack a tagger."""
    head, _, message = raw.partition(b"\n\n")
    fields = dict(line.split(b" ", 1) for line in head.split(b"\n") if b" " in line)
    return TagObject(
        name=fields.get(b"tag", sha.encode()).decode("utf-8", "replace"),
        target=fields.get(b"object", b"").decode(),
        type=fields.get(b"type", b"").decode(),
        tagger=_person(fields.get(b"tagger", b"")),
        message=message.decode("utf-8", "replace").removesuffix("\n"),
    )


def write_tag(git: Git, name: str, target: tuple[str, str], message: str, people: Mapping[str, str]) -> str:
    """Store an annotated tag of a (sha, type); `people` names the tagger as GIT_COMMITTER_* values."""
    tagger = git.run("var", "GIT_COMMITTER_IDENT", env=people).text
    text = f"object {target[0]}\ntype {target[1]}\ntag {name}\ntagger {tagger}\n\n{message}\n"
    return git.run("mktag", given=text.encode("utf-8", "replace")).text


def edited_tree(git: Git, base: str | None, changes: Mapping[str, tuple[str, str] | None]) -> str:
    """A tree like `base` with each path set to a (mode, sha), or removed for None; Invalid for a bad path."""
    with tempfile.TemporaryDirectory(prefix="forge-index-") as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git.run("read-tree", base or "--empty", env=env)
        lines = []
        for path, entry in changes.items():
            mode, sha = entry or ("0", "0" * 40)
            lines.append(f"{mode} {sha}\t{path}\0".encode())
        try:
            git.run("update-index", "-z", "--index-info", given=b"".join(lines), env=env)
            return git.run("write-tree", env=env).text
        except GitFailed as failure:
            raise Invalid(f"The tree cannot be written: {failure.stderr.strip()[:300]}") from failure


def identity(name: str, email: str, *, at: str | None = None, role: str = "BOTH") -> dict[str, str]:
    """The environment that makes someone author, committer or BOTH; `at` is an ISO time."""
    roles = ("AUTHOR", "COMMITTER") if role == "BOTH" else (role,)
    clean = re.sub(r"[<>\n\r\x00]", "", name).strip() or "unknown"
    values: dict[str, str] = {}
    for each in roles:
        values[f"GIT_{each}_NAME"] = clean
        values[f"GIT_{each}_EMAIL"] = re.sub(r"[<>\n\r\x00]", "", email)
        if at:
            values[f"GIT_{each}_DATE"] = at
    return values
