"""Merging a pull request: checked, made with git plumbing, recorded so that a crash in between is mended.

The merge commit's sha is written down before the base branch moves. Should the process die after the move,
the next look at the pull request finds that commit in the base branch and finishes the record.
"""

import re
from dataclasses import replace
from typing import Literal, cast, get_args

from forge.actions import details, protection, pushes
from forge.actions import issues as issue_actions
from forge.errors import Conflict, Invalid, NotMergeable
from forge.git import merging as git_merging
from forge.git import objects, refs
from forge.git.refs import HEADS
from forge.host import Act
from forge.records import Issue, Pull, Record, RefChange, User
from forge.store import issues, pulls, users
from forge.store.database import now

Method = Literal["merge", "squash", "rebase"]
_CLOSES = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?P<repo>[\w.-]+/[\w.-]+)?#(?P<number>\d{1,9})\b",
    re.IGNORECASE,
)


class MergeOrder(Record):
    """How a person wants a pull request merged."""

    method: Method = "merge"
    title: str | None = None
    message: str | None = None
    sha: str | None = None
    """The head that the person looked at; the merge is refused when it has moved."""


def person(user: User) -> dict[str, str]:
    """The environment that makes a user author and committer."""
    email = user.email or f"{user.login}@users.noreply.forge.localhost"
    return objects.identity(user.name or user.login, email)


def merge(act: Act, issue: Issue, pull: Pull, order: MergeOrder) -> str:
    """Merge and return the new tip of the base branch; NotMergeable or Conflict says why not."""
    act.need("write")
    with act.host.folders.lock(act.repo.id):
        base = refs.tip(act.git, HEADS + pull.base_ref)
        if base is None:
            raise NotMergeable("Base branch does not exist")
        with act.host.db.read() as db:
            pull, issue = pulls.of_issue(db, issue), issues.by_id(db, issue.id)
        if base != pull.base_sha:
            pull = details.move(act, pull, base_sha=base)
        _check(act, issue, pull, order)
        new = _merged(act, issue, pull, order)
        with act.host.db.write() as db:
            pull = pulls.change(db, pull, merge_sha=new, merged_by=act.user.id)
        with pushes.moving(act, [RefChange(ref=HEADS + pull.base_ref, old=base, new=new)]):
            try:
                refs.swap(act.git, HEADS + pull.base_ref, new, base)
            except Conflict as moved:
                raise Conflict("Base branch was modified. Review and try the merge again.") from moved
            _finish(act, issue, pull)
    return new


def _check(act: Act, issue: Issue, pull: Pull, order: MergeOrder) -> None:
    if pull.merged_at is not None or issue.state == "closed":
        raise NotMergeable("Pull Request is not mergeable")
    if pull.draft:
        raise NotMergeable("Pull Request is still a draft")
    if order.sha is not None and order.sha != pull.head_sha:
        raise Conflict("Head branch was modified. Review and try the merge again.")
    rules = protection.rules_of(act, pull.base_ref)
    if rules is None:
        return
    if rules.linear_history and order.method == "merge":
        raise NotMergeable("Merge commits are not allowed on this branch: use squash or rebase.")
    problems = protection.problems(act, pull, rules)
    if problems:
        raise NotMergeable(" ".join(problems))


def _merged(act: Act, issue: Issue, pull: Pull, order: MergeOrder) -> str:
    git, people = act.git, person(act.user)
    if order.method == "rebase":
        committer = {name: value for name, value in people.items() if "COMMITTER" in name}
        return git_merging.rebased(git, pull.base_sha, pull.head_sha, committer)
    tree = git_merging.merged_tree(git, pull.base_sha, pull.head_sha)
    if tree is None:
        raise NotMergeable("Pull Request is not mergeable")
    if order.method == "squash":
        title = order.title or f"{issue.title} (#{issue.number})"
        message = order.message if order.message is not None else _squash_text(act, pull)
        return objects.write_commit(git, tree, [pull.base_sha], _message(title, message), people)
    title = order.title or f"Merge pull request #{issue.number} from {act.repo.owner}/{pull.head_ref}"
    message = order.message if order.message is not None else issue.title
    return objects.write_commit(git, tree, [pull.base_sha, pull.head_sha], _message(title, message), people)


def _message(title: str, body: str) -> str:
    return f"{title}\n\n{body}".rstrip() + "\n"


def _squash_text(act: Act, pull: Pull) -> str:
    own = objects.commits(act.git, refs.between(act.git, pull.base_sha, pull.head_sha))
    if len(own) == 1:
        return own[0].message.partition("\n")[2].strip()
    return "\n\n".join(f"* {commit.message.strip()}" for commit in own)


def _finish(act: Act, issue: Issue, pull: Pull) -> Pull:
    """Record that the base branch holds the merge, and close what it fixes."""
    with act.host.db.write() as db:
        sql = "UPDATE pulls SET merged_at = ?, merged_by = ? WHERE issue_id = ? AND merged_at IS NULL"
        if not db.execute(sql, [now(), act.user.id, issue.id]).rowcount:
            return pulls.of_issue(db, issue)
        issue_actions.set_state(act, issue, "closed")
        if pull.base_ref == act.repo.default_branch:
            for number in closing_numbers(issue.body or "", act.repo.full_name):
                fixed = issues.by_number(db, act.repo, number)
                if fixed and fixed.state == "open" and not fixed.is_pull:
                    issue_actions.set_state(act, fixed, "closed")
        return pulls.of_issue(db, issue)


def finish_interrupted(act: Act, issue: Issue, base: str) -> Pull | None:
    """Record a merge that is in the base branch and not in the database; None when there is none."""
    with act.host.db.read() as db:
        pull = pulls.of_issue(db, issue)
        if pull.merged_at is not None:
            return pull
        done = pull.merge_sha is not None and refs.is_ancestor(act.git, pull.merge_sha, base)
        pushed = not done and base != pull.base_sha and refs.is_ancestor(act.git, pull.head_sha, base)
        if not done and not pushed:
            return None
        by = users.by_id(db, pull.merged_by) if done and pull.merged_by else act.viewer
        by = by or users.by_id(db, act.repo.owner_id)
    if pushed:
        with act.host.db.write() as db:
            pull = pulls.change(db, pull, merge_sha=base)
    return _finish(replace(act, viewer=by), issue, pull)


def closing_numbers(body: str, full_name: str) -> list[int]:
    """The issues of this repository that a text says it closes, each once, in order."""
    found = [
        int(match["number"])
        for match in _CLOSES.finditer(body)
        if (match["repo"] or full_name).lower() == full_name.lower()
    ]
    return list(dict.fromkeys(found))


def method_named(name: str) -> Method:
    """The merge method with this name, or Invalid."""
    for method in get_args(Method):
        if method == name:
            return cast("Method", method)
    raise Invalid.field("PullRequest", "merge_method", "invalid", f"{name[:60]!r} is not merge, squash or rebase")
