"""Making repositories for tests."""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tools.git import Mirror

AT = datetime(2026, 1, 1, tzinfo=UTC)


def new_remote(path: Path) -> Path:
    """An empty bare repository that takes pushes, over HTTP too."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", path], check=True)
    subprocess.run(["git", "-C", path, "config", "http.receivepack", "true"], check=True)
    return path


def hook(remote: Path, name: str, text: str) -> None:
    """Give a remote a hook."""
    file = remote / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def seeded(mirror: Mirror) -> str:
    """Push an empty first commit as main."""
    tree = mirror.git.run("mktree").text
    commit = mirror.commit_tree(tree, [], "First", at=AT)
    mirror.create_branch("main", commit)
    return commit


def committed(mirror: Mirror, parent: str, files: Mapping[str, bytes | str | None], message: str = "Change") -> str:
    """A commit with these files on a parent."""
    return mirror.commit_edits(parent, files, message, at=AT)


def opened(mirror: Mirror, commit: str, folder: Path) -> Path:
    """A clone of a commit in a new folder."""
    mirror.clone_into(folder, commit)
    return folder


def names(mirror: Mirror, tree: str) -> dict[str, str]:
    """The modes of a tree's files by their paths."""
    return {entry.path: entry.mode for entry in mirror.files(tree)}
