"""The demo's two acts: a repository to start from, an issue, and the transcript of the model's side."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tools.gitrun import Git

AUTHOR = {
    "GIT_AUTHOR_NAME": "Demo",
    "GIT_AUTHOR_EMAIL": "demo@localhost",
    "GIT_COMMITTER_NAME": "Demo",
    "GIT_COMMITTER_EMAIL": "demo@localhost",
    "GIT_AUTHOR_DATE": "2026-01-01T12:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T12:00:00Z",
}


class Act(BaseModel):
    """One delivery of the demo."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    about: str
    transcript: Path
    issue: str


def acts() -> list[Act]:
    """Return the acts in the order in which they are played."""
    about = {
        "blog": "a blog website, from an empty repository",
        "library": "an export feature for a small library with packages of its own",
    }
    found: list[Act] = []
    for name, words in about.items():
        folder = files("roadcrew.demo").joinpath(name)
        with as_file(folder) as place:
            issue = (place / "issue.md").read_text(encoding="utf-8")
            found.append(Act(name=name, about=words, transcript=place / "transcript.jsonl", issue=issue))
    return found


def lay_out(act: Act, folder: Path) -> Path:
    """Make the repository that an act starts from; return its folder."""
    target = folder / act.name
    shutil.rmtree(target, ignore_errors=True)
    (target / ".git").mkdir(parents=True)
    git = Git(target / ".git")
    git.run("init", "--quiet", "--template=", "--initial-branch=main")
    with as_file(files("roadcrew.demo").joinpath(act.name)) as place:
        if (place / "repository").is_dir():
            shutil.copytree(place / "repository", target, dirs_exist_ok=True)
            git.run("add", "--all", ":/", work_tree=target)
            git.run("commit", "--quiet", "--message", "shelf 0.3.0", work_tree=target, env=AUTHOR)
    return target
