"""Repositories as JSON."""

from datetime import datetime

from forge.host import View
from forge.records import Permission, Repository
from forge.shapes.people import Json, node_id, permissions, user_by_id
from forge.store import topics

_ROUTES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
"""Where GitHub's clients look; a route that the forge has not answers 501."""
_ABSENT = {
    "fork": False,
    "homepage": None,
    "language": None,
    "license": None,
    "mirror_url": None,
    "archived": False,
    "disabled": False,
    "is_template": False,
    "has_issues": True,
    "has_projects": False,
    "has_downloads": False,
    "has_wiki": False,
    "has_pages": False,
    "has_discussions": False,
    "forks": 0,
    "forks_count": 0,
    "stargazers_count": 0,
    "watchers": 0,
    "watchers_count": 0,
    "allow_forking": False,
    "allow_merge_commit": True,
    "allow_squash_merge": True,
    "allow_rebase_merge": True,
    "allow_auto_merge": False,
    "allow_update_branch": False,
    "delete_branch_on_merge": False,
    "web_commit_signoff_required": False,
}
"""What is the same for every repository here: there are no forks, stars, wikis or licence detection."""


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
        "url": api,
        **{key: api + path for key, path in _ROUTES.items()},
        "clone_url": f"{page}.git",
        "git_url": f"{page}.git",
        "ssh_url": f"{page}.git",
        "svn_url": page,
        "default_branch": repo.default_branch,
        "size": repo.size,
        "topics": topics.of_repository(view.db, repo),
        "created_at": repo.created_at,
        "updated_at": repo.updated_at,
        "pushed_at": repo.pushed_at or repo.created_at,
        "open_issues": open_issues,
        "open_issues_count": open_issues,
        **_ABSENT,
    }
    if level is not None:
        shaped["permissions"] = permissions(level)
    return shaped


def full_repository(view: View, repo: Repository, level: Permission) -> Json:
    """A repository as its own route shows it."""
    return {**repository(view, repo, level), "network_count": 0, "subscribers_count": 0}


def pushed_repository(view: View, repo: Repository) -> Json:
    """A repository as the `push` event has it, with some times as seconds."""
    return {
        **repository(view, repo),
        "created_at": seconds(repo.created_at),
        "pushed_at": seconds(repo.pushed_at or repo.created_at),
        "stargazers": 0,
        "master_branch": repo.default_branch,
    }


def seconds(at: str) -> int:
    """An ISO time as seconds since 1970."""
    return int(datetime.fromisoformat(at).timestamp())
