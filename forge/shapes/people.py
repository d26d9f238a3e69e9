"""Users, repositories and labels as JSON."""

import base64
from typing import Any

from forge.host import View
from forge.records import LEVELS, Label, Permission, Reaction, Repository, User, allows
from forge.store import users

Json = dict[str, Any]


def node_id(kind: str, key: int) -> str:
    """An opaque global id in GitHub's old form."""
    return base64.b64encode(f"{len(kind):03}:{kind}{key}".encode()).decode()


def user(view: View, person: User) -> Json:
    """A user in the short form that is embedded everywhere."""
    api = view.api(f"/users/{person.login}")
    return {
        "login": person.login,
        "id": person.id,
        "node_id": node_id("User", person.id),
        "avatar_url": "",
        "gravatar_id": "",
        "url": api,
        "html_url": view.html(f"/{person.login}"),
        "repos_url": f"{api}/repos",
        "type": "User",
        "site_admin": person.site_admin,
    }


def user_by_id(view: View, key: int) -> Json:
    """The same for an id."""
    return user(view, users.by_id(view.db, key))


def full_user(view: View, person: User) -> Json:
    """A user with the profile."""
    return {
        **user(view, person),
        "name": person.name,
        "email": person.email,
        "company": None,
        "blog": "",
        "location": None,
        "bio": None,
        "public_repos": 0,
        "created_at": person.created_at,
        "updated_at": person.created_at,
    }


def permissions(level: Permission) -> dict[str, bool]:
    """The permission flags of a repository."""
    flags = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
    return {flag: allows(level, need) for flag, need in flags.items() if need in LEVELS}


def repository(view: View, repo: Repository, level: Permission | None = None) -> Json:
    """A repository; with the viewer's permission where it is known."""
    api, page = view.repo_api(repo), view.repo_html(repo)
    sql = "SELECT count(*) FROM issues WHERE repo_id = ? AND state = 'open'"
    open_issues = view.db.execute(sql, [repo.id]).fetchone()[0]
    shaped: Json = {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "visibility": "private" if repo.private else "public",
        "owner": user_by_id(view, repo.owner_id),
        "html_url": page,
        "description": repo.description,
        "fork": False,
        "url": api,
        "clone_url": f"{page}.git",
        "git_url": f"{page}.git",
        "default_branch": repo.default_branch,
        "master_branch": repo.default_branch,
        "created_at": repo.created_at,
        "updated_at": repo.updated_at,
        "pushed_at": repo.pushed_at,
        "archived": False,
        "disabled": False,
        "has_issues": True,
        "open_issues": open_issues,
        "open_issues_count": open_issues,
        "allow_merge_commit": True,
        "allow_squash_merge": True,
        "allow_rebase_merge": True,
        "delete_branch_on_merge": False,
        **_templates(api),
    }
    if level is not None:
        shaped["permissions"] = permissions(level)
    return shaped


def _templates(api: str) -> Json:
    paths = {
        "branches_url": "/branches{/branch}",
        "collaborators_url": "/collaborators{/collaborator}",
        "commits_url": "/commits{/sha}",
        "compare_url": "/compare/{base}...{head}",
        "contents_url": "/contents/{+path}",
        "git_commits_url": "/git/commits{/sha}",
        "git_refs_url": "/git/refs{/sha}",
        "hooks_url": "/hooks",
        "issue_comment_url": "/issues/comments{/number}",
        "issues_url": "/issues{/number}",
        "labels_url": "/labels{/name}",
        "pulls_url": "/pulls{/number}",
        "statuses_url": "/statuses/{sha}",
        "trees_url": "/git/trees{/sha}",
    }
    return {key: api + path for key, path in paths.items()}


def label(view: View, repo: Repository, found: Label) -> Json:
    """A label."""
    return {
        "id": found.id,
        "node_id": node_id("Label", found.id),
        "url": view.repo_api(repo, f"/labels/{found.name}"),
        "name": found.name,
        "color": found.color,
        "default": False,
        "description": found.description,
    }


def reaction(view: View, found: Reaction) -> Json:
    """A reaction."""
    return {
        "id": found.id,
        "node_id": node_id("Reaction", found.id),
        "user": user_by_id(view, found.user_id),
        "content": found.content,
        "created_at": found.created_at,
    }
