"""Issues and their comments as JSON."""

from forge.host import View
from forge.records import Comment, Issue, IssueEvent, Repository, User
from forge.shapes.milestones import milestone as shaped_milestone
from forge.shapes.people import Json, label, node_id, user, user_by_id
from forge.store import assignees, issues, milestones, pulls, repositories

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def association(view: View, repo: Repository, author_id: int) -> str:
    """How the author relates to the repository."""
    if author_id == repo.owner_id:
        return "OWNER"
    author = User.model_construct(id=author_id)
    return "COLLABORATOR" if repositories.granted_to(view.db, repo, author) else "NONE"


def reaction_counts(view: View, subject: str, key: int, url: str) -> Json:
    """How often each reaction was given."""
    sql = "SELECT content, count(*) FROM reactions WHERE subject = ? AND subject_id = ? GROUP BY content"
    counts = {row[0]: row[1] for row in view.db.execute(sql, [subject, key])}
    return {
        "url": f"{url}/reactions",
        "total_count": sum(counts.values()),
        **{name: counts.get(name, 0) for name in REACTIONS},
    }


def issue(view: View, repo: Repository, found: Issue) -> Json:
    """An issue; a pull request has `pull_request` in it, as GitHub marks them."""
    api = view.repo_api(repo, f"/issues/{found.number}")
    page = view.repo_html(repo, f"/{'pull' if found.is_pull else 'issues'}/{found.number}")
    assigned = [user(view, each) for each in assignees.of_issue(view.db, found)]
    placed = milestones.of_issue(view.db, found)
    shaped: Json = {
        "id": found.id,
        "node_id": node_id("Issue", found.id),
        "url": api,
        "repository_url": view.repo_api(repo),
        "labels_url": f"{api}/labels{{/name}}",
        "comments_url": f"{api}/comments",
        "events_url": f"{api}/events",
        "html_url": page,
        "number": found.number,
        "title": found.title,
        "body": found.body,
        "state": found.state,
        "state_reason": found.state_reason,
        "user": user_by_id(view, found.author_id),
        "author_association": association(view, repo, found.author_id),
        "labels": [label(view, repo, each) for each in issues.labels_of(view.db, found)],
        "assignee": assigned[0] if assigned else None,
        "assignees": assigned,
        "milestone": shaped_milestone(view, repo, placed) if placed else None,
        "locked": False,
        "active_lock_reason": None,
        "performed_via_github_app": None,
        "comments": _comment_count(view, found),
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "closed_at": found.closed_at,
        "closed_by": user_by_id(view, found.closed_by) if found.closed_by else None,
        "reactions": reaction_counts(view, "issue", found.id, api),
    }
    if found.is_pull:
        pull = pulls.of_issue(view.db, found)
        shaped["draft"] = pull.draft
        shaped["pull_request"] = {
            "url": view.repo_api(repo, f"/pulls/{found.number}"),
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": pull.merged_at,
        }
    return shaped


def _comment_count(view: View, found: Issue) -> int:
    row = view.db.execute("SELECT count(*) FROM comments WHERE issue_id = ?", [found.id]).fetchone()
    return int(row[0])


def comment(view: View, repo: Repository, found: Comment) -> Json:
    """A comment of a conversation."""
    parent = issues.by_id(view.db, found.issue_id)
    kind = "pull" if parent.is_pull else "issues"
    api = view.repo_api(repo, f"/issues/comments/{found.id}")
    return {
        "id": found.id,
        "node_id": node_id("IssueComment", found.id),
        "url": api,
        "html_url": view.repo_html(repo, f"/{kind}/{parent.number}#issuecomment-{found.id}"),
        "issue_url": view.repo_api(repo, f"/issues/{parent.number}"),
        "user": user_by_id(view, found.author_id),
        "author_association": association(view, repo, found.author_id),
        "body": found.body,
        "performed_via_github_app": None,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "reactions": reaction_counts(view, "comment", found.id, api),
    }


def event(view: View, repo: Repository, found: IssueEvent) -> Json:
    """Something that was done to an issue; GitHub gives a label's name and colour only."""
    shaped: Json = {
        "id": found.id,
        "node_id": node_id("IssueEvent", found.id),
        "url": view.repo_api(repo, f"/issues/events/{found.id}"),
        "actor": user_by_id(view, found.actor_id),
        "event": found.event,
        "commit_id": None,
        "commit_url": None,
        "created_at": found.created_at,
        "performed_via_github_app": None,
    }
    if found.label_name is not None:
        shaped["label"] = {"name": found.label_name, "color": found.label_color}
    return shaped
