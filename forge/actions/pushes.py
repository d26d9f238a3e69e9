"""What follows when refs change, however they changed: events, pull requests that move or close."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from forge.actions import details
from forge.actions import issues as issue_actions
from forge.actions import repositories as repository_actions
from forge.errors import ApiError, GitFailed
from forge.events import emit
from forge.git import objects, refs
from forge.git.refs import HEADS, TAGS, ZERO
from forge.host import Act, Host
from forge.records import Issue, Pull, RefChange, Repository
from forge.shapes import commits as shapes
from forge.shapes import people
from forge.shapes import repositories as repository_shapes
from forge.store import issues, moves, pulls, repositories, users
from forge.store.database import now

logger = logging.getLogger(__name__)

COMMITS_IN_EVENT = 50


@contextmanager
def moving(act: Act, changes: Sequence[RefChange]) -> Iterator[list[RefChange]]:
    """Inside it refs change; at its end those left in the yielded list are announced.

    What is about to move is written down first, so that after a kill in between `recover` announces it. An ApiError
    from inside says that nothing moved.
    """
    with act.host.db.write() as db:
        keys = moves.note(db, act.repo, act.user, changes)
    done = list(changes)
    try:
        yield done
    except ApiError:
        with act.host.db.write() as db:
            moves.forget(db, keys)
        raise
    announce(act, done)
    with act.host.db.write() as db:
        moves.forget(db, keys)


def recover(host: Host) -> None:
    """Announce the moves that a killed process made and did not get to tell of.

    A repository that git cannot read is named in the log; its moves stay noted until a start at which it can.
    """
    with host.db.read() as db:
        left = moves.noted(db)
        everything = repositories.every(db)
    for repo in everything:
        rows = [each for each in left if each.repo_id == repo.id]
        problem = host.folders.problem(repo.id)
        try:
            if rows and not problem:
                _announce_left(host, repo, rows)
        except (GitFailed, OSError) as failure:
            problem = str(failure)
        if problem:
            logger.error("%s cannot be served, restore %s.git: %s", repo.full_name, repo.id, problem)
        elif rows:
            with host.db.write() as db:
                moves.forget(db, [each.id for each in rows])


def _announce_left(host: Host, repo: Repository, left: Sequence[moves.Move]) -> None:
    for ref in dict.fromkeys(each.ref for each in left):
        rows = [each for each in left if each.ref == ref]
        found = refs.objects(host.folders.git(repo.id), [ref])[0]
        for row in made(rows, found[0] if found else ZERO):
            with host.db.read() as db:
                who = users.by_id(db, row.user_id)
            act = Act(host=host, viewer=who, repo=repo, level="admin")
            announce(act, [RefChange(ref=ref, old=row.old, new=row.new)])


def made(rows: Sequence[moves.Move], tip: str) -> list[moves.Move]:
    """Of the noted moves of one ref, oldest first, those that led to where it is now."""
    chain: list[moves.Move] = []
    for row in reversed(rows):
        if row.new == tip:
            chain.insert(0, row)
            tip = row.old
    return chain


def announce(act: Act, changes: list[RefChange]) -> None:
    """Queue the events of changed refs, and bring the pull requests on these branches up to date."""
    real = [change for change in changes if change.old != change.new]
    if not real:
        return
    repository_actions.adopt_first_branch(act)
    size = act.host.folders.kilobytes(act.repo.id)
    with act.host.db.write() as db:
        repo = repositories.change(db, act.repo, pushed_at=now(), size=size)
    act = replace(act, repo=repo)
    for change in real:
        _announce_one(act, change)
        if change.ref.startswith(HEADS):
            _follow(act, change)


def _announce_one(act: Act, change: RefChange) -> None:
    kind = "branch" if change.ref.startswith(HEADS) else "tag"
    name = change.ref.removeprefix(HEADS).removeprefix(TAGS)
    named = {"ref": name, "ref_type": kind, "pusher_type": "user"}
    payload = push_payload(act, change)
    with act.host.db.write():
        if change.old == ZERO:
            extra = {"master_branch": act.repo.default_branch, "description": act.repo.description}
            emit(act, "create", {**named, **extra})
        emit(act, "push", payload)
        if change.new == ZERO:
            emit(act, "delete", named)


def push_payload(act: Act, change: RefChange) -> people.Json:
    """The `push` event's own fields."""
    git, view = act.git, act.view
    shas: list[str] = []
    forced = False
    if ZERO not in (change.old, change.new):
        shas = refs.between(git, change.old, change.new)[-COMMITS_IN_EVENT:]
        forced = not refs.is_ancestor(git, change.old, change.new)
    elif change.new != ZERO:
        shas = [change.new]
    found = [_pushed_commit(act, each) for each in objects.commits(git, shas)]
    return {
        "ref": change.ref,
        "before": change.old,
        "after": change.new,
        "created": change.old == ZERO,
        "deleted": change.new == ZERO,
        "forced": forced,
        "base_ref": None,
        "compare": view.repo_html(act.repo, f"/compare/{change.old[:12]}...{change.new[:12]}"),
        "commits": found if change.old != ZERO else [],
        "head_commit": found[-1] if found else None,
        "pusher": {"name": act.user.login, "email": act.user.email},
        "repository": repository_shapes.pushed_repository(view, act.repo),
    }


def _pushed_commit(act: Act, commit: objects.CommitObject) -> people.Json:
    shaped = shapes.git_commit(act.view, act.repo, commit)
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.committer.date,
        "url": shaped["html_url"],
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
        "added": [],
        "removed": [],
        "modified": [],
    }


def _follow(act: Act, change: RefChange) -> None:
    branch = change.ref.removeprefix(HEADS)
    with act.host.db.read() as db:
        waiting = pulls.open_for_branch(db, act.repo, branch)
    for pull in waiting:
        if change.new == ZERO:
            details.known(act, pull)
            with act.host.db.read() as db:
                issue = issues.by_id(db, pull.issue_id)
            issue_actions.set_state(act, issue, "closed")
        else:
            sync_head(act, pull)


def sync_head(act: Act, pull: Pull) -> Pull:
    """Record the head branch's tip; whoever sees a move first sends the `synchronize` event."""
    while True:
        head = refs.tip(act.git, HEADS + pull.head_ref)
        if head is None or head == pull.head_sha:
            return pull
        figures = details.measured(act, pull.base_sha, head)
        with act.host.db.write() as db:
            moved = pulls.move(db, pull, figures, head_sha=head)
            if moved is None:
                pull = pulls.by_key(db, pull.issue_id)
                continue
            issue = _synchronized(act, pull, head)
        refs.swap(act.git, f"refs/pull/{issue.number}/head", head, None)
        return moved


def _synchronized(act: Act, pull: Pull, head: str) -> Issue:
    with act.host.db.write() as db:
        issue = issues.change(db, issues.by_id(db, pull.issue_id))
        _dismiss_stale(act, issue, pull)
        sender = act if act.viewer else replace(act, viewer=users.by_id(db, issue.author_id))
        issue_actions.announce(sender, issue, "synchronize", before=pull.head_sha, after=head)
        return issue


def _dismiss_stale(act: Act, issue: Issue, pull: Pull) -> None:
    with act.host.db.write() as db:
        rules = repositories.protection(db, act.repo, pull.base_ref)
        if rules and rules.dismiss_stale:
            sql = "UPDATE reviews SET state = 'DISMISSED' WHERE pull_id = ? AND state = 'APPROVED'"
            db.execute(sql, [issue.id])
