"""Branch protection."""

from flask import Blueprint, Response

from forge.errors import NotFound
from forge.git import refs
from forge.host import Act
from forge.records import Protection
from forge.rest.answer import empty, reply
from forge.rest.request import Body, act, body, host, view
from forge.shapes.people import Json
from forge.store import repositories
from forge.text import checked_text

routes = Blueprint("protection", __name__)
BASE = "/repos/<owner>/<name>/branches/<path:branch>/protection"
MOST_APPROVALS = 6


def _rules(acting: Act, branch: str) -> Protection:
    with host().db.read() as db:
        rules = repositories.protection(db, acting.repo, branch)
    if rules is None:
        raise NotFound("Branch not protected")
    return rules


def _checks(api: str, rules: Protection) -> Json:
    contexts = list(rules.contexts or ())
    return {
        "url": f"{api}/required_status_checks",
        "strict": rules.strict,
        "contexts": contexts,
        "contexts_url": f"{api}/required_status_checks/contexts",
        "checks": [{"context": each, "app_id": None} for each in contexts],
    }


def _reviews(api: str, rules: Protection) -> Json:
    return {
        "url": f"{api}/required_pull_request_reviews",
        "dismiss_stale_reviews": rules.dismiss_stale,
        "require_code_owner_reviews": False,
        "require_last_push_approval": False,
        "required_approving_review_count": rules.approvals,
    }


def _shaped(acting: Act, branch: str, rules: Protection) -> Json:
    api = view().repo_api(acting.repo, f"/branches/{branch}/protection")
    shaped: Json = {
        "url": api,
        "enforce_admins": {"url": f"{api}/enforce_admins", "enabled": rules.enforce_admins},
        "required_linear_history": {"enabled": rules.linear_history},
        "allow_force_pushes": {"enabled": rules.allow_force_pushes},
        "allow_deletions": {"enabled": rules.allow_deletions},
        "required_conversation_resolution": {"enabled": False},
        "block_creations": {"enabled": False},
        "lock_branch": {"enabled": False},
        "allow_fork_syncing": {"enabled": False},
        "required_signatures": {"url": f"{api}/required_signatures", "enabled": False},
    }
    if rules.contexts is not None:
        shaped["required_status_checks"] = _checks(api, rules)
    if rules.approvals is not None:
        shaped["required_pull_request_reviews"] = _reviews(api, rules)
    return shaped


def _contexts(checks: Body) -> tuple[str, ...]:
    listed = [each.text("context") for each in checks.parts("checks")]
    names = dict.fromkeys([*checks.texts("contexts"), *listed])
    return tuple(checked_text("ProtectedBranch", "contexts", name, 255) for name in names)


def _approvals(reviews: Body) -> int:
    count = reviews.number("required_approving_review_count")
    if count is None:
        return 1
    if not 0 <= count <= MOST_APPROVALS:
        raise reviews.failure("required_approving_review_count", "invalid", f"must be from 0 to {MOST_APPROVALS}")
    return count


@routes.get(BASE)
def get_protection(owner: str, name: str, branch: str) -> Response:
    """The rules of a branch."""
    acting = act(owner, name, "admin")
    return reply(_shaped(acting, branch, _rules(acting, branch)))


@routes.put(BASE)
def set_protection(owner: str, name: str, branch: str) -> Response:
    """Set all rules of a branch."""
    acting = act(owner, name, "admin")
    if refs.tip(acting.git, refs.HEADS + branch) is None:
        raise NotFound("Branch not found")
    given = body("ProtectedBranch")
    given.refuse("restrictions", "required_conversation_resolution", "lock_branch", "block_creations")
    checks, reviews = given.part("required_status_checks"), given.part("required_pull_request_reviews")
    if reviews is not None:
        reviews.refuse("require_code_owner_reviews", "require_last_push_approval")
    rules = Protection(
        contexts=_contexts(checks) if checks is not None else None,
        strict=checks.flag("strict") if checks is not None else False,
        approvals=_approvals(reviews) if reviews is not None else None,
        dismiss_stale=reviews.flag("dismiss_stale_reviews") if reviews is not None else False,
        enforce_admins=given.flag("enforce_admins"),
        allow_force_pushes=given.flag("allow_force_pushes"),
        allow_deletions=given.flag("allow_deletions"),
        linear_history=given.flag("required_linear_history"),
    )
    with host().db.write() as db:
        repositories.protect(db, acting.repo, branch, rules)
    return reply(_shaped(acting, branch, rules))


@routes.delete(BASE)
def delete_protection(owner: str, name: str, branch: str) -> Response:
    """Remove the rules of a branch."""
    acting = act(owner, name, "admin")
    _rules(acting, branch)
    with host().db.write() as db:
        repositories.protect(db, acting.repo, branch, None)
    return empty()


@routes.get(f"{BASE}/required_status_checks")
def get_checks(owner: str, name: str, branch: str) -> Response:
    """Which statuses must be green."""
    acting = act(owner, name, "admin")
    rules = _rules(acting, branch)
    if rules.contexts is None:
        raise NotFound("Required status checks not enabled")
    api = view().repo_api(acting.repo, f"/branches/{branch}/protection")
    return reply(_checks(api, rules))


@routes.get(f"{BASE}/required_pull_request_reviews")
def get_reviews(owner: str, name: str, branch: str) -> Response:
    """How many approvals are needed."""
    acting = act(owner, name, "admin")
    rules = _rules(acting, branch)
    if rules.approvals is None:
        raise NotFound("Pull request reviews not enabled")
    api = view().repo_api(acting.repo, f"/branches/{branch}/protection")
    return reply(_reviews(api, rules))


@routes.get(f"{BASE}/enforce_admins")
def get_admin_rule(owner: str, name: str, branch: str) -> Response:
    """Whether the rules bind admins too."""
    acting = act(owner, name, "admin")
    rules = _rules(acting, branch)
    api = view().repo_api(acting.repo, f"/branches/{branch}/protection")
    return reply({"url": f"{api}/enforce_admins", "enabled": rules.enforce_admins})
