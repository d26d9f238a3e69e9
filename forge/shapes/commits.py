"""Commits, file changes, refs and statuses as JSON."""

import urllib.parse
from collections.abc import Sequence

from forge.git.diff import FileChange
from forge.git.objects import CommitObject
from forge.host import View
from forge.records import Repository, Status, User
from forge.shapes.people import Json, avatar, node_id, user, user_by_id
from forge.store.database import one

UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
"""Signatures are not looked at."""


def _account(view: View, email: str) -> Json | None:
    found = one(view.db, User, "SELECT * FROM users WHERE email = ?", [email]) if email else None
    return user(view, found) if found else None


def git_commit(view: View, repo: Repository, commit: CommitObject) -> Json:
    """A commit as the git data routes show it."""
    api = view.repo_api(repo, f"/git/commits/{commit.sha}")
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", f"{repo.id}:{commit.sha}"),
        "url": api,
        "html_url": view.repo_html(repo, f"/commit/{commit.sha}"),
        "author": commit.author.model_dump(),
        "committer": commit.committer.model_dump(),
        "message": commit.message,
        "tree": {"sha": commit.tree, "url": view.repo_api(repo, f"/git/trees/{commit.tree}")},
        "parents": [
            {
                "sha": sha,
                "url": view.repo_api(repo, f"/git/commits/{sha}"),
                "html_url": view.repo_html(repo, f"/commit/{sha}"),
            }
            for sha in commit.parents
        ],
        "verification": {**UNSIGNED},
    }


def commit(view: View, repo: Repository, found: CommitObject, files: Sequence[FileChange] | None = None) -> Json:
    """A commit as the commits routes show it; with files where they are given."""
    api = view.repo_api(repo, f"/commits/{found.sha}")
    inner = git_commit(view, repo, found)
    shaped: Json = {
        "sha": found.sha,
        "node_id": inner["node_id"],
        "url": api,
        "html_url": inner["html_url"],
        "comments_url": f"{api}/comments",
        "commit": {
            "url": inner["url"],
            "author": inner["author"],
            "committer": inner["committer"],
            "message": found.message,
            "tree": inner["tree"],
            "comment_count": 0,
            "verification": inner["verification"],
        },
        "author": _account(view, found.author.email),
        "committer": _account(view, found.committer.email),
        "parents": [
            {
                "sha": sha,
                "url": view.repo_api(repo, f"/commits/{sha}"),
                "html_url": view.repo_html(repo, f"/commit/{sha}"),
            }
            for sha in found.parents
        ],
    }
    if files is not None:
        added, deleted = sum(f.additions for f in files), sum(f.deletions for f in files)
        shaped["stats"] = {"additions": added, "deletions": deleted, "total": added + deleted}
        shaped["files"] = [file_change(view, repo, found.sha, each) for each in files]
    return shaped


def file_change(view: View, repo: Repository, sha: str, change: FileChange) -> Json:
    """A changed file of a commit, comparison or pull request."""
    path = urllib.parse.quote(change.path)
    shaped: Json = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": view.repo_html(repo, f"/blob/{sha}/{path}"),
        "raw_url": view.repo_html(repo, f"/raw/{sha}/{path}"),
        "contents_url": view.repo_api(repo, f"/contents/{path}?ref={sha}"),
    }
    if change.patch is not None:
        shaped["patch"] = change.patch
    if change.previous is not None:
        shaped["previous_filename"] = change.previous
    return shaped


def ref(view: View, repo: Repository, name: str, sha: str, kind: str) -> Json:
    """A ref with its object."""
    return {
        "ref": name,
        "node_id": node_id("Ref", f"{repo.id}:{name}"),
        "url": view.repo_api(repo, f"/git/{name}"),
        "object": {"sha": sha, "type": kind, "url": view.repo_api(repo, f"/git/{kind}s/{sha}")},
    }


def status(view: View, repo: Repository, found: Status) -> Json:
    """One report on a commit."""
    return {
        "id": found.id,
        "node_id": node_id("Status", found.id),
        "url": view.repo_api(repo, f"/statuses/{found.sha}"),
        "avatar_url": avatar(view, found.creator_id),
        "state": found.state,
        "context": found.context,
        "description": found.description,
        "target_url": found.target_url,
        "creator": user_by_id(view, found.creator_id),
        "created_at": found.created_at,
        "updated_at": found.created_at,
    }


def combined_state(states: Sequence[str]) -> str:
    """GitHub's single word for a commit's statuses: pending when there are none."""
    if any(state in ("failure", "error") for state in states):
        return "failure"
    return "success" if states and all(state == "success" for state in states) else "pending"
