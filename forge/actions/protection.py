"""What branch protection asks before a branch may move."""

from forge.git import refs
from forge.host import Act
from forge.records import Protection, Pull, Review, User, allows
from forge.store import pulls, repositories, users


def rules_of(act: Act, branch: str) -> Protection | None:
    """The rules of a branch that bind this person: None for an admin whom they let pass."""
    with act.host.db.read() as db:
        rules = repositories.protection(db, act.repo, branch)
    if rules is None or (act.may("admin") and not rules.enforce_admins):
        return None
    return rules


def verdicts(act: Act, pull: Pull) -> dict[int, Review]:
    """The review that counts of each person with write permission: the newest that is not a mere comment."""
    latest: dict[int, Review] = {}
    with act.host.db.read() as db:
        for review in pulls.reviews(db, pull).items:
            if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
                latest[review.author_id] = review
        people: dict[int, User] = {key: users.by_id(db, key) for key in latest}
        return {
            key: review
            for key, review in latest.items()
            if allows(repositories.permission(db, act.repo, people[key]), "write")
        }


def review_problems(act: Act, pull: Pull, rules: Protection) -> list[str]:
    """Why the reviews do not suffice, in GitHub's words."""
    if rules.approvals is None:
        return []
    states = [review.state for review in verdicts(act, pull).values()]
    problems = []
    if "CHANGES_REQUESTED" in states:
        problems.append("Changes have been requested by a reviewer with write access.")
    if states.count("APPROVED") < rules.approvals:
        many = "review is" if rules.approvals == 1 else "reviews are"
        text = f"At least {rules.approvals} approving {many} required by reviewers with write access."
        problems.append(text)
    return problems


def check_problems(act: Act, sha: str, rules: Protection) -> list[str]:
    """Why the statuses of a commit do not suffice, in GitHub's words."""
    with act.host.db.read() as db:
        states = {each.context: each.state for each in pulls.latest_statuses(db, act.repo, sha).items}
    wanted = rules.contexts or ()
    missing = [name for name in wanted if name not in states]
    words = {"pending": "is pending", "failure": "is failing", "error": "has an error"}
    problems = [
        f'Required status check "{name}" {words[states[name]]}.'
        for name in wanted
        if states.get(name, "success") != "success"
    ]
    if len(missing) == 1:
        problems.append(f'Required status check "{missing[0]}" is expected.')
    elif missing:
        problems.append(f"{len(missing)} of {len(wanted)} required status checks are expected.")
    return problems


def is_behind(act: Act, pull: Pull, rules: Protection) -> bool:
    """Whether strict rules ask for a newer head."""
    strict = rules.strict and rules.contexts is not None
    return strict and not refs.is_ancestor(act.git, pull.base_sha, pull.head_sha)


def problems(act: Act, pull: Pull, rules: Protection) -> list[str]:
    """All that keeps a pull request from being merged; empty when nothing does."""
    found = [*check_problems(act, pull.head_sha, rules), *review_problems(act, pull, rules)]
    if is_behind(act, pull, rules):
        found.append("The head branch is not up to date with the base branch.")
    return found


def refuses_push(rules: Protection, *, deletes: bool) -> str | None:
    """Why a direct push to a protected branch is refused, or None; a force push is git's to detect."""
    if deletes:
        return None if rules.allow_deletions else "Cannot delete this protected branch"
    if rules.approvals is not None:
        return "Changes must be made through a pull request"
    return None
