"""Git refs and branches."""

from flask import Blueprint, Response

from forge.actions import protection, pushes
from forge.errors import Conflict, Invalid, NotFound
from forge.git import objects, refs
from forge.git.refs import HEADS, TAGS, ZERO
from forge.host import Act
from forge.records import RefChange
from forge.rest.answer import empty, reply, sliced
from forge.rest.request import act, body, checked_sha, page, view
from forge.shapes import commits as shapes
from forge.shapes import people
from forge.shapes.people import node_id
from forge.shapes.protection import short_branch
from forge.store import repositories

routes = Blueprint("refs", __name__)
BASE = "/repos/<owner>/<name>"
Row = tuple[str, str, str]


def _shaped(acting: Act, row: Row) -> people.Json:
    name, sha, kind = row
    return shapes.ref(view(), acting.repo, name, sha, kind)


def _exact(acting: Act, name: str) -> Row:
    full = f"refs/{name}"
    found = refs.objects(acting.git, [full])[0] if refs.is_name(full) else None
    if found is None:
        raise NotFound()
    return full, *found


def _changeable(name: str) -> str:
    full = name if name.startswith("refs/") else f"refs/{name}"
    if not full.startswith((HEADS, TAGS)):
        raise Invalid("Reference name must start with 'refs/heads/' or 'refs/tags/'.")
    return refs.checked(full)


def _guard(acting: Act, full: str, *, deletes: bool, forced: bool) -> None:
    rules = protection.rules_of(acting, full.removeprefix(HEADS)) if full.startswith(HEADS) else None
    if rules is None:
        return
    reason = protection.refuses_push(rules, deletes=deletes)
    if reason is None and forced and not rules.allow_force_pushes:
        reason = "Cannot force-push to this branch"
    if reason:
        raise Invalid(f"Protected branch update failed: {reason}")


@routes.get(f"{BASE}/git/ref/<path:ref>")
def get_ref(owner: str, name: str, ref: str) -> Response:
    """One ref by its exact name."""
    acting = act(owner, name)
    return reply(_shaped(acting, _exact(acting, ref)))


@routes.get(f"{BASE}/git/refs/<path:ref>")
def get_ref_by_old_route(owner: str, name: str, ref: str) -> Response:
    """The same under the route of older clients."""
    return get_ref(owner, name, ref)


@routes.get(f"{BASE}/git/refs")
def list_refs(owner: str, name: str) -> Response:
    """All refs."""
    return list_matching_refs(owner, name, "")


@routes.get(f"{BASE}/git/matching-refs/<path:ref>")
def list_matching_refs(owner: str, name: str, ref: str) -> Response:
    """All refs that begin with a name."""
    acting = act(owner, name)
    found = refs.listed(acting.git, f"refs/{ref}") if not ref or refs.is_name(ref.rstrip("/")) else []
    return sliced(found, page(), lambda row: _shaped(acting, row))


@routes.post(f"{BASE}/git/refs")
def create_ref(owner: str, name: str) -> Response:
    """Make a branch or tag."""
    acting = act(owner, name, "write")
    given = body("Reference")
    full, sha = _changeable(given.text("ref")), checked_sha(given.text("sha"))
    found = refs.objects(acting.git, [sha])[0]
    if found is None or (full.startswith(HEADS) and found[1] != "commit"):
        raise Invalid("Object does not exist")
    with pushes.moving(acting, [RefChange(ref=full, old=ZERO, new=sha)]):
        try:
            refs.swap(acting.git, full, sha, ZERO)
        except Conflict as exists:
            raise Invalid("Reference already exists") from exists
    return reply(_shaped(acting, (full, *found)), 201)


@routes.patch(f"{BASE}/git/refs/<path:ref>")
def update_ref(owner: str, name: str, ref: str) -> Response:
    """Move a ref; only forward unless `force` is set."""
    acting = act(owner, name, "write")
    given = body("Reference")
    full, sha = _changeable(ref), checked_sha(given.text("sha"))
    found = refs.objects(acting.git, [full, sha])
    old, new = found
    if old is None:
        raise Invalid("Reference does not exist")
    if new is None or new[1] != "commit":
        raise Invalid("Object does not exist")
    forward = refs.is_ancestor(acting.git, old[0], sha)
    if not forward and not given.flag("force"):
        raise Invalid("Update is not a fast forward")
    _guard(acting, full, deletes=False, forced=not forward)
    with pushes.moving(acting, [RefChange(ref=full, old=old[0], new=sha)]):
        refs.swap(acting.git, full, sha, old[0])
    return reply(_shaped(acting, (full, *new)))


@routes.delete(f"{BASE}/git/refs/<path:ref>")
def delete_ref(owner: str, name: str, ref: str) -> Response:
    """Remove a ref."""
    acting = act(owner, name, "write")
    full = _changeable(ref)
    found = refs.objects(acting.git, [full])[0]
    if found is None:
        raise Invalid("Reference does not exist")
    if full == HEADS + acting.repo.default_branch:
        raise Invalid("Cannot delete the default branch")
    _guard(acting, full, deletes=True, forced=False)
    with pushes.moving(acting, [RefChange(ref=full, old=found[0], new=ZERO)]):
        refs.remove(acting.git, full, found[0])
    return empty()


def _branch(acting: Act, branch: str, sha: str) -> people.Json:
    with acting.host.db.read() as db:
        rules = repositories.protection(db, acting.repo, branch)
    return short_branch(view(), acting.repo, branch, sha, rules)


@routes.get(f"{BASE}/branches")
def list_branches(owner: str, name: str) -> Response:
    """All branches."""
    acting = act(owner, name)
    found = sorted(refs.branches(acting.git).items())
    return sliced(found, page(), lambda row: _branch(acting, *row))


@routes.get(f"{BASE}/branches/<path:branch>")
def get_branch(owner: str, name: str, branch: str) -> Response:
    """One branch with its tip."""
    acting = act(owner, name)
    sha = refs.tip(acting.git, HEADS + branch)
    if sha is None:
        raise NotFound("Branch not found")
    shaper = view()
    links = {
        "self": shaper.repo_api(acting.repo, f"/branches/{branch}"),
        "html": shaper.repo_html(acting.repo, f"/tree/{branch}"),
    }
    commit = shapes.commit(shaper, acting.repo, objects.commits(acting.git, [sha])[0])
    return reply({**_branch(acting, branch, sha), "commit": commit, "_links": links})


@routes.get(f"{BASE}/tags")
def list_tags(owner: str, name: str) -> Response:
    """All tags with their commits."""
    acting = act(owner, name)
    names = [row[0].removeprefix(TAGS) for row in refs.listed(acting.git, TAGS)]

    def shape(tag: str) -> people.Json:
        sha = refs.tip(acting.git, TAGS + tag)
        url = view().repo_api(acting.repo, f"/commits/{sha}")
        return {
            "name": tag,
            "node_id": node_id("Ref", f"{acting.repo.id}:{TAGS}{tag}"),
            "commit": {"sha": sha, "url": url},
            "zipball_url": view().repo_api(acting.repo, f"/zipball/{TAGS}{tag}"),
            "tarball_url": view().repo_api(acting.repo, f"/tarball/{TAGS}{tag}"),
        }

    return sliced(names, page(), shape)
