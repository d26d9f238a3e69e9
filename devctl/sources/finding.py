"""What a person's SOURCE is: an image, a Dockerfile, a folder, a devcontainer.json or a git address."""

import re
from pathlib import Path

from devctl.errors import SourceInvalid
from devctl.records import Record
from devctl.sources.records import SourceKind

_IMAGE = re.compile(
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?/)?"
    r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_SCP = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:(?!//).+")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")


class Found(Record):
    """A source as it was recognised."""

    kind: SourceKind
    path: Path | None = None
    """Of what lies on this machine, a local repository too."""
    ref: str | None = None
    """The branch, tag or commit of a git address."""
    address: str = ""
    """The image, or the git address without its ref."""
    notes: tuple[str, ...] = ()


def recognise(text: str) -> Found:
    """Say what a text is; raises SourceInvalid. What is there as a path wins over an image of the same name."""
    text = text.strip()
    if not text or "\0" in text or text.startswith("-"):
        raise SourceInvalid(f"the source {text!r} is none", "give an image, a folder, a file or a git address")
    if _SCHEME.match(text) or _SCP.fullmatch(text):
        address, ref = split_ref(text)
        return Found(kind="git", address=address, ref=ref)
    path = _path(text)
    if _is_there(path):
        found = _of_path(path.resolve())
        if found.kind == "folder" and _IMAGE.fullmatch(text) and "." not in text and "/" not in text:
            return found.model_copy(update={"notes": (f"took the folder {text}; write {text}:latest for the image",)})
        return found
    bare, mark, ref = text.rpartition("#")
    if mark and ref and _is_there(local := _path(bare)) and local.is_dir() and is_repository(local):
        return Found(kind="git", path=local.resolve(), address=str(local.resolve()), ref=ref)
    if text.startswith((".", "/", "~")) or text.endswith((".json", ".git")):
        raise SourceInvalid(f"there is nothing at {text}", "check the path")
    if not is_image(text):
        raise SourceInvalid(
            f"{text!r} is no path that is there, no git address and no image name",
            "image names are in small letters, such as python:3.11-slim",
        )
    return Found(kind="image", address=text)


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise SourceInvalid(f"there is nothing at {text}: {error}", "check the path") from error


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a name
        return False


def is_image(text: str) -> bool:
    """Whether a text can be the name of an image."""
    return len(text) <= 512 and _IMAGE.fullmatch(text) is not None


def is_repository(folder: Path) -> bool:
    """Whether a folder is a git repository, bare or with its work tree."""
    return (folder / ".git").exists() or is_bare(folder)


def is_bare(folder: Path) -> bool:
    """Whether a folder is a bare git repository."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def split_ref(text: str) -> tuple[str, str | None]:
    """A git address and the ref after `#`, or after an `@` in its path."""
    address, mark, ref = text.partition("#")
    if mark:
        return address, ref or None
    scheme = _SCHEME.match(text)
    begin = text.find("/", scheme.end()) if scheme else text.find(":")
    at = text.find("@", begin) if begin >= 0 else -1
    return (text[:at], text[at + 1 :] or None) if at > 0 else (text, None)


def name_from(text: str) -> str:
    """A name for an environment made from what the source is called: small letters, digits and dashes."""
    word = _NOT_A_NAME.sub("-", text.lower()).strip("-")[:40].strip("-")
    return word or "environment"


def _of_path(path: Path) -> Found:
    if path.is_dir():
        kind: SourceKind = "git" if is_bare(path) and not (path / ".git").exists() else "folder"
        return Found(kind=kind, path=path, address=str(path) if kind == "git" else "")
    if path.name in ("devcontainer.json", ".devcontainer.json") or path.suffix == ".json":
        return Found(kind="devcontainer", path=path)
    words = path.name.lower()
    if words.startswith(("dockerfile", "containerfile")) or words.endswith((".dockerfile", ".containerfile")):
        return Found(kind="dockerfile", path=path)
    raise SourceInvalid(
        f"{path} is neither a Dockerfile nor a devcontainer.json",
        "give one of those, a folder, an image or a git address",
    )


def workspace_of(config: Path) -> Path:
    """The folder that a devcontainer.json is about."""
    folder = config.parent
    if folder.name == ".devcontainer":
        return folder.parent
    return folder.parent.parent if folder.parent.name == ".devcontainer" else folder


def find_config(tree: Path, wanted: str | None) -> Path | None:
    """The devcontainer.json of a folder, or the one called ``wanted``; None where there is none.

    Raises SourceInvalid when several are there and none is the folder's own, and when one is a link that leads out.
    """
    named = {path.parent.name: path for path in sorted((tree / ".devcontainer").glob("*/devcontainer.json"))}
    if wanted is not None:
        if wanted not in named:
            there = f"there are {', '.join(named)}" if named else "the folder has none below .devcontainer"
            raise SourceInvalid(f"no devcontainer.json is called {wanted!r}", there)
        return within(tree, named[wanted])
    for own in (tree / ".devcontainer" / "devcontainer.json", tree / ".devcontainer.json"):
        if own.is_file():
            return within(tree, own)
    if len(named) > 1:
        raise SourceInvalid(
            f"{tree} has several devcontainer.json: {', '.join(named)}", "choose one with --config NAME"
        )
    return within(tree, next(iter(named.values()))) if named else None


def within(tree: Path, path: Path) -> Path:
    """The path with its links followed; raises SourceInvalid when that is outside the source or not there."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise SourceInvalid(f"there is nothing at {path}", "check the path in the source") from error
    if not real.is_relative_to(tree.resolve()):
        raise SourceInvalid(f"{path} leads out of the source", "keep what is built inside the folder or repository")
    return real
