"""Branches and what protects them as JSON."""

from forge.host import View
from forge.records import Protection, Repository
from forge.shapes.people import Json


def summary(rules: Protection | None) -> Json:
    """What everyone may know of a branch's rules: which checks must be green, and for whom."""
    contexts = list(rules.contexts or ()) if rules else []
    level = "off"
    if rules and rules.contexts is not None:
        level = "everyone" if rules.enforce_admins else "non_admins"
    return {
        "enabled": rules is not None,
        "required_status_checks": {
            "enforcement_level": level,
            "contexts": contexts,
            "checks": [{"context": each, "app_id": None} for each in contexts],
        },
    }


def short_branch(view: View, repo: Repository, name: str, sha: str, rules: Protection | None) -> Json:
    """A branch as lists have it."""
    return {
        "name": name,
        "commit": {"sha": sha, "url": view.repo_api(repo, f"/commits/{sha}")},
        "protected": rules is not None,
        "protection": summary(rules),
        "protection_url": view.repo_api(repo, f"/branches/{name}/protection"),
    }
