"""Opening, editing and inspecting pull requests."""

from forge.actions import details, merging, pushes
from forge.actions import issues as issue_actions
from forge.actions.issues import IssueEdit
from forge.errors import Conflict, Invalid, NotFound
from forge.git import merging as git_merging
from forge.git import objects, refs
from forge.git.refs import HEADS
from forge.host import Act
from forge.records import Issue, Pull, Record, RefChange
from forge.store import issues, pulls
from forge.text import checked_text, checked_title


class PullDraft(Record):
    """What a pull request is opened with; `head` may carry the owner before a colon."""

    title: str
    body: str | None
    head: str
    base: str
    draft: bool = False


def find(act: Act, number: int) -> tuple[Issue, Pull]:
    """Both halves of a pull request, brought up to date with its branches; or NotFound."""
    issue = issue_actions.find(act, number)
    if not issue.is_pull:
        raise NotFound()
    with act.host.db.read() as db:
        pull = pulls.of_issue(db, issue)
    if issue.state == "open":
        pull = refresh(act, issue, pull)
        issue = issue_actions.find(act, number)
    return issue, pull


def refresh(act: Act, issue: Issue, pull: Pull) -> Pull:
    """Take over moved branches, and finish a merge that was cut short after it moved the base."""
    pull = pushes.sync_head(act, pull)
    base = refs.tip(act.git, HEADS + pull.base_ref)
    if base is None:
        return pull
    with act.host.folders.lock(act.repo.id):
        finished = merging.finish_interrupted(act, issue, base)
    if finished is not None:
        return finished
    return pull if base == pull.base_sha else details.move(act, pull, base_sha=base)


def branch_of(act: Act, name: str, field: str) -> tuple[str, str]:
    """The branch and its tip; Invalid when there is no such branch in this repository."""
    owner, colon, branch = name.rpartition(":")
    if colon and owner.split("/")[0].lower() != act.repo.owner.lower():
        raise Invalid.field("PullRequest", field, "invalid", "this forge has no forks: use a branch of the repository")
    tip = refs.tip(act.git, HEADS + branch) if refs.is_name(branch) else None
    if tip is None:
        raise Invalid.field("PullRequest", field, "invalid")
    return branch, tip


def create(act: Act, draft: PullDraft) -> Issue:
    """Open a pull request between two branches of the repository."""
    author = act.need("read").user
    act.need("write")
    title = checked_title("PullRequest", draft.title)
    body = None if draft.body is None else checked_text("PullRequest", "body", draft.body)
    head, head_sha = branch_of(act, draft.head, "head")
    base, base_sha = branch_of(act, draft.base, "base")
    if refs.merge_base(act.git, base_sha, head_sha) is None:
        message = f"The {head} branch has no history in common with {base}"
        raise Invalid("Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}])
    if refs.is_ancestor(act.git, head_sha, base_sha):
        message = f"No commits between {base} and {head}"
        raise Invalid("Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}])
    ends = {"head_ref": head, "head_sha": head_sha, "base_ref": base, "base_sha": base_sha}
    figures = details.measured(act, base_sha, head_sha)
    with act.host.db.write() as db:
        same = pulls.listed(db, act.repo, pulls.PullFilter(head=head, base=base))
        if same.total:
            message = f"A pull request already exists for {act.repo.owner}:{head}."
            raise Invalid("Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}])
        issue = issues.create(db, act.repo, author, title, body, is_pull=True)
        pulls.create(db, issue, ends, figures, draft=draft.draft)
        issue_actions.announce(act, issue, "opened")
    refs.swap(act.git, f"refs/pull/{issue.number}/head", head_sha, None)
    return issue


def edit(act: Act, issue: Issue, wanted: IssueEdit, base: str | None) -> Issue:
    """Change text, state or base branch."""
    with act.host.db.read() as db:
        pull = pulls.of_issue(db, issue)
    if "state" in wanted.model_fields_set and wanted.state == "open" and issue.state == "closed":
        _check_reopening(act, pull)
    issue = issue_actions.edit(act, issue, wanted)
    if base and base != pull.base_ref:
        if act.user.id != issue.author_id:
            act.need("write")
        issue = _rebased(act, issue, pull, *branch_of(act, base, "base"))
    return issue


def _rebased(act: Act, issue: Issue, pull: Pull, name: str, tip: str) -> Issue:
    while True:
        figures = details.measured(act, tip, pull.head_sha)
        with act.host.db.write() as db:
            if pulls.move(db, pull, figures, base_ref=name, base_sha=tip):
                issue = issues.change(db, issue)
                changes = {"base": {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}}
                issue_actions.announce(act, issue, "edited", changes=changes)
                return issue
            pull = pulls.by_key(db, pull.issue_id)


def _check_reopening(act: Act, pull: Pull) -> None:
    if pull.merged_at is not None:
        raise Invalid.field("PullRequest", "state", "invalid", "a merged pull request cannot be reopened")
    if refs.tip(act.git, HEADS + pull.head_ref) is None:
        message = f"state cannot be changed. The {pull.head_ref} branch has been deleted."
        raise Invalid.field("PullRequest", "state", "invalid", message)


def set_draft(act: Act, issue: Issue, *, draft: bool) -> None:
    """Mark as draft or ready for review."""
    if act.user.id != issue.author_id:
        act.need("write")
    with act.host.db.write() as db:
        pulls.change(db, pulls.of_issue(db, issue), draft=draft)
        issue_actions.announce(act, issue, "converted_to_draft" if draft else "ready_for_review")


def update_branch(act: Act, issue: Issue, pull: Pull, expected: str | None) -> None:
    """Merge the base branch into the head branch."""
    act.need("write")
    if expected is not None and expected != pull.head_sha:
        raise Invalid("expected head sha didn't match current head ref.")
    git = act.git
    if refs.is_ancestor(git, pull.base_sha, pull.head_sha):
        raise Invalid("There are no new commits on the base branch.")
    tree = git_merging.merged_tree(git, pull.head_sha, pull.base_sha)
    if tree is None:
        raise Invalid("merge conflict between base and head")
    message = f"Merge branch '{pull.base_ref}' into {pull.head_ref}\n"
    parents = [pull.head_sha, pull.base_sha]
    new = objects.write_commit(git, tree, parents, message, merging.person(act.user))
    ref = HEADS + pull.head_ref
    with pushes.moving(act, [RefChange(ref=ref, old=pull.head_sha, new=new)]):
        try:
            refs.swap(git, ref, new, pull.head_sha)
        except Conflict as moved:
            raise Invalid("expected head sha didn't match current head ref.") from moved
