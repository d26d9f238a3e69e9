"""The raw git objects: read and make blobs, trees, commits and annotated tags."""

import base64

from flask import Blueprint, Response, request

from forge.errors import Invalid, NotFound
from forge.git import objects, refs
from forge.host import Act
from forge.records import Record
from forge.rest.answer import reply
from forge.rest.contents import clean_path, decoded, people_of
from forge.rest.request import Body, act, body, checked_sha, view
from forge.shapes import commits as shapes
from forge.shapes.people import Json, node_id
from forge.text import checked_text

routes = Blueprint("gitdata", __name__)
BASE = "/repos/<owner>/<name>/git"
MODES = ("100644", "100755", "040000", "160000", "120000")
MOST_ENTRIES = 100_000


class Found(Record):
    """An object that a request names."""

    sha: str
    type: str


def _object(acting: Act, name: str, *kinds: str) -> Found:
    """The object with this name, which must be of one of these kinds; else Invalid."""
    found = refs.objects(acting.git, [checked_sha(name)])[0]
    if found is None or (kinds and found[1] not in kinds):
        raise Invalid(f"{name} is not a {' or '.join(kinds) or 'git object'} of this repository")
    return Found(sha=found[0], type=found[1])


@routes.get(f"{BASE}/commits/<sha>")
def get_git_commit(owner: str, name: str, sha: str) -> Response:
    """A commit object."""
    acting = act(owner, name)
    found = objects.commits(acting.git, [checked_sha(sha)])
    if not found:
        raise NotFound()
    return reply(shapes.git_commit(view(), acting.repo, found[0]))


@routes.post(f"{BASE}/commits")
def create_git_commit(owner: str, name: str) -> Response:
    """Make a commit object; no branch moves. Without a committer the author counts as both."""
    acting = act(owner, name, "write")
    given = body("Commit")
    given.refuse("signature")
    message = checked_text("Commit", "message", given.text("message"))
    tree = _object(acting, given.text("tree"), "tree").sha
    parents = [_object(acting, each, "commit").sha for each in given.texts("parents")]
    named = given.values
    if given.part("committer") is None and given.part("author") is not None:
        named = {**named, "committer": named["author"]}
    sha = objects.write_commit(acting.git, tree, parents, message, people_of(acting, Body("Commit", named)))
    return reply(shapes.git_commit(view(), acting.repo, objects.commits(acting.git, [sha])[0]), 201)


@routes.get(f"{BASE}/trees/<path:ref>")
def get_git_tree(owner: str, name: str, ref: str) -> Response:
    """A tree object by its sha or by that of a commit, or by a branch."""
    acting = act(owner, name)
    target = f"{ref}^{{tree}}"
    found = refs.objects(acting.git, [target])[0] if refs.is_name(ref) else None
    if found is None:
        raise NotFound()
    return reply(_tree(acting, found[0], recursive="recursive" in request.args))


def _tree(acting: Act, sha: str, *, recursive: bool = False) -> Json:
    shaper = view()
    shaped = []
    for entry in objects.tree(acting.git, sha, recursive=recursive):
        row = entry.model_dump(exclude_none=True)
        row["url"] = shaper.repo_api(acting.repo, f"/git/{entry.type}s/{entry.sha}")
        shaped.append(row)
    api = shaper.repo_api(acting.repo, f"/git/trees/{sha}")
    return {"sha": sha, "url": api, "tree": shaped, "truncated": False}


@routes.post(f"{BASE}/trees")
def create_git_tree(owner: str, name: str) -> Response:
    """Make a tree, from nothing or by changing the paths of another one; a null sha removes a path."""
    acting = act(owner, name, "write")
    given = body("Tree")
    base = given.optional_text("base_tree")
    start = _object(acting, base, "tree", "commit").sha if base else None
    entries = given.parts("tree")
    if not entries or len(entries) > MOST_ENTRIES:
        raise given.failure("tree", "invalid", f"tree must have from 1 to {MOST_ENTRIES} entries")
    changes: dict[str, tuple[str, str] | None] = {}
    for entry in entries:
        changes.update(_changes(acting, start, entry))
    return reply(_tree(acting, objects.edited_tree(acting.git, start, changes)), 201)


def _changes(acting: Act, start: str | None, entry: Body) -> dict[str, tuple[str, str] | None]:
    path = clean_path(entry.text("path"))
    mode = entry.choice("mode", MODES)
    sha, content = entry.optional_text("sha"), entry.optional_text("content")
    if content is not None:
        return {path: (mode, objects.write_blob(acting.git, content.encode("utf-8", "replace")))}
    if mode != "040000":
        return {path: (mode, checked_sha(sha)) if sha else None}
    inside = [each for each in objects.tree(acting.git, start, recursive=True) if each.type != "tree"] if start else []
    changes: dict[str, tuple[str, str] | None] = {
        each.path: None for each in inside if each.path.startswith(f"{path}/")
    }
    if sha:
        whole = objects.tree(acting.git, _object(acting, sha, "tree").sha, recursive=True)
        changes.update({f"{path}/{each.path}": (each.mode, each.sha) for each in whole if each.type != "tree"})
    return changes


@routes.post(f"{BASE}/blobs")
def create_git_blob(owner: str, name: str) -> Response:
    """Make a blob from text or Base64."""
    acting = act(owner, name, "write")
    given = body("Blob")
    encoding = given.choice("encoding", ("utf-8", "base64"), "utf-8")
    content = decoded(given) if encoding == "base64" else given.text("content").encode("utf-8", "replace")
    sha = objects.write_blob(acting.git, content)
    return reply({"sha": sha, "url": view().repo_api(acting.repo, f"/git/blobs/{sha}")}, 201)


@routes.get(f"{BASE}/blobs/<sha>")
def get_git_blob(owner: str, name: str, sha: str) -> Response:
    """A blob object."""
    acting = act(owner, name)
    found = objects.read_many(acting.git, [checked_sha(sha)])[0]
    if found is None or found[1] != "blob":
        raise NotFound()
    shaped = {
        "sha": sha,
        "node_id": node_id("Blob", f"{acting.repo.id}:{sha}"),
        "size": len(found[2]),
        "url": view().repo_api(acting.repo, f"/git/blobs/{sha}"),
        "content": base64.encodebytes(found[2]).decode(),
        "encoding": "base64",
    }
    return reply(shaped)


def _tag(acting: Act, sha: str) -> Response:
    found = objects.read_many(acting.git, [sha])[0]
    if found is None or found[1] != "tag":
        raise NotFound()
    tag = objects.parse_tag(sha, found[2])
    shaper = view()
    shaped = {
        "node_id": node_id("Tag", f"{acting.repo.id}:{sha}"),
        "sha": sha,
        "url": shaper.repo_api(acting.repo, f"/git/tags/{sha}"),
        "tag": tag.name,
        "message": tag.message,
        "tagger": tag.tagger.model_dump(),
        "object": {
            "sha": tag.target,
            "type": tag.type,
            "url": shaper.repo_api(acting.repo, f"/git/{tag.type}s/{tag.target}"),
        },
        "verification": {**shapes.UNSIGNED},
    }
    return reply(shaped, 201 if request.method == "POST" else 200)


@routes.get(f"{BASE}/tags/<sha>")
def get_git_tag(owner: str, name: str, sha: str) -> Response:
    """An annotated tag object."""
    return _tag(act(owner, name), checked_sha(sha))


@routes.post(f"{BASE}/tags")
def create_git_tag(owner: str, name: str) -> Response:
    """Make an annotated tag object; a ref to it is made by `git/refs`."""
    acting = act(owner, name, "write")
    given = body("Tag")
    tag = refs.checked(given.text("tag"))
    target = _object(acting, given.text("object"), given.choice("type", ("commit", "tree", "blob")))
    message = checked_text("Tag", "message", given.text("message"))
    named = {**given.values, "committer": given.values.get("tagger")}
    people = people_of(acting, Body("Tag", named))
    return _tag(acting, objects.write_tag(acting.git, tag, (target.sha, target.type), message, people))
