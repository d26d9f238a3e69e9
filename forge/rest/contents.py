"""Files of a repository: read, create, change and delete them."""

import base64
import binascii
import urllib.parse

from flask import Blueprint, Response, request

from forge.actions import merging, protection, pushes
from forge.errors import Conflict, Invalid, NotFound
from forge.git import objects, refs
from forge.git.objects import TreeEntry
from forge.git.refs import HEADS, ZERO
from forge.host import Act
from forge.records import RefChange
from forge.rest.answer import reply
from forge.rest.request import Body, act, body, view
from forge.shapes import commits as shapes
from forge.shapes.people import Json
from forge.text import checked_text

routes = Blueprint("contents", __name__)
BASE = "/repos/<owner>/<name>"
MOST_BYTES = 100 * 1024 * 1024


def clean_path(path: str) -> str:
    """A path inside a tree; Invalid for one that git would refuse."""
    parts = path.strip("/").split("/")
    odd = any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts)
    if odd or "\0" in path or "\n" in path or len(path) > 4096:
        raise Invalid.field("Commit", "path", "invalid", f"{path[:200]!r} is not a path inside the repository")
    return "/".join(parts)


def entry_at(acting: Act, commit: str, path: str) -> TreeEntry | None:
    """What lies at a path of a commit, or None."""
    data = acting.git.run("ls-tree", "-z", "-l", "--full-tree", commit, "--", f"{path}").stdout
    rows = [row for row in data.split(b"\0") if row]
    for row in rows:
        meta, _, raw = row.partition(b"\t")
        mode, kind, sha, size = meta.decode().split()
        if raw.decode("utf-8", "replace") == path:
            length = int(size) if size.isdigit() else None
            return TreeEntry(path=path, mode=mode, type=kind, sha=sha, size=length)
    return None


def _shaped(acting: Act, ref: str, path: str, entry: TreeEntry, content: bytes | None = None) -> Json:
    shaper, quoted = view(), urllib.parse.quote(path)
    api = shaper.repo_api(acting.repo, f"/contents/{quoted}?ref={urllib.parse.quote(ref, safe='')}")
    kind = {"tree": "dir", "commit": "submodule"}.get(entry.type, "symlink" if entry.mode == "120000" else "file")
    page = shaper.repo_html(acting.repo, f"/blob/{ref}/{quoted}")
    git_url = shaper.repo_api(acting.repo, f"/git/{entry.type}s/{entry.sha}")
    shaped: Json = {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "type": kind,
        "url": api,
        "html_url": page,
        "git_url": git_url,
        "download_url": shaper.repo_html(acting.repo, f"/raw/{ref}/{quoted}") if kind in ("file", "symlink") else None,
        "_links": {"self": api, "git": git_url, "html": page},
    }
    if content is not None:
        shaped["encoding"] = "base64"
        shaped["content"] = base64.encodebytes(content).decode()
    return shaped


@routes.get(f"{BASE}/contents", defaults={"path": ""}, strict_slashes=False)
@routes.get(f"{BASE}/contents/<path:path>")
def get_contents(owner: str, name: str, path: str) -> Response:
    """A file with its content, or the entries of a folder."""
    acting = act(owner, name)
    ref = request.args.get("ref") or acting.repo.default_branch
    if not refs.branches(acting.git):
        raise NotFound("This repository is empty.")
    commit = refs.commit(acting.git, ref)
    where = path.strip("/")
    entry = entry_at(acting, commit, clean_path(where)) if where else None
    if where and entry is None:
        raise NotFound()
    if entry is None or entry.type == "tree":
        inside = objects.tree(acting.git, commit, path=where)
        prefix = f"{where}/" if where else ""
        return reply([_shaped(acting, ref, prefix + each.path, each) for each in inside])
    if entry.type == "commit":
        return reply(_shaped(acting, ref, where, entry))
    found = objects.read_many(acting.git, [entry.sha])[0]
    content = found[2] if found else b""
    if "raw" in request.headers.get("Accept", ""):
        return Response(content, content_type="application/vnd.github.raw; charset=utf-8")
    return reply(_shaped(acting, ref, where, entry, content))


@routes.get(f"{BASE}/readme")
def get_readme(owner: str, name: str) -> Response:
    """The README of the root folder."""
    acting = act(owner, name)
    commit = refs.commit(acting.git, request.args.get("ref") or acting.repo.default_branch)
    for entry in objects.tree(acting.git, commit):
        if entry.type == "blob" and entry.path.lower().partition(".")[0] == "readme":
            return get_contents(owner, name, entry.path)
    raise NotFound()


def decoded(given: Body, field: str = "content") -> bytes:
    """A Base64 field; Invalid for anything else."""
    try:
        return base64.b64decode(given.text(field), validate=False)
    except (binascii.Error, ValueError) as failure:
        raise Invalid(f"{field} is not valid Base64") from failure


def people_of(acting: Act, given: Body) -> dict[str, str]:
    """The author and committer that a request names, else the person who asks."""
    values = merging.person(acting.user)
    for field, role in (("committer", "BOTH"), ("author", "AUTHOR")):
        part = given.part(field)
        if part is not None:
            values.update(
                objects.identity(part.text("name"), part.text("email"), at=part.optional_text("date"), role=role)
            )
    return values


def _commit_file(acting: Act, given: Body, path: str, new: tuple[str, str] | None) -> tuple[str, str]:
    """Commit one changed path on a branch; returns the branch and the commit."""
    branch = (given.optional_text("branch") or acting.repo.default_branch).removeprefix(HEADS)
    ref = HEADS + refs.checked(branch)
    tip = refs.tip(acting.git, ref)
    if tip is None and refs.branches(acting.git):
        raise NotFound(f"Branch {branch} not found")
    old = entry_at(acting, tip, path) if tip else None
    _check_old(old, given.optional_text("sha"), path)
    rules = protection.rules_of(acting, branch)
    reason = protection.refuses_push(rules, deletes=False) if rules else None
    if reason:
        raise Conflict(f"Protected branch update failed: {reason}")
    message = checked_text("Commit", "message", given.text("message"))
    tree = objects.edited_tree(acting.git, tip, {path: new})
    commit = objects.write_commit(acting.git, tree, [tip] if tip else [], f"{message}\n", people_of(acting, given))
    with pushes.moving(acting, [RefChange(ref=ref, old=tip or ZERO, new=commit)]):
        refs.swap(acting.git, ref, commit, tip or ZERO)
    return branch, commit


def _check_old(old: TreeEntry | None, sha: str | None, path: str) -> None:
    if old is not None and old.type != "blob":
        raise Invalid(f"{path} is not a file")
    if old is not None and sha is None:
        raise Invalid('Invalid request.\n\n"sha" wasn\'t supplied.')
    if old is not None and sha != old.sha:
        raise Conflict(f"{path} does not match {sha}")
    if old is None and sha is not None:
        raise Conflict(f"{path} does not exist at {sha}")


def _commit_reply(acting: Act, branch: str, commit: str, path: str, status: int) -> Response:
    entry = entry_at(acting, commit, path)
    found = objects.commits(acting.git, [commit])[0]
    shaped = shapes.git_commit(view(), acting.repo, found)
    content = _shaped(acting, branch, path, entry) if entry else None
    return reply({"content": content, "commit": shaped}, status)


@routes.put(f"{BASE}/contents/<path:path>")
def put_contents(owner: str, name: str, path: str) -> Response:
    """Create or change a file in one commit."""
    acting = act(owner, name, "write")
    given, where = body("Commit"), clean_path(path)
    blob = objects.write_blob(acting.git, decoded(given))
    mode = "100644"
    branch, commit = _commit_file(acting, given, where, (mode, blob))
    return _commit_reply(acting, branch, commit, where, 200 if given.optional_text("sha") else 201)


@routes.delete(f"{BASE}/contents/<path:path>")
def delete_contents(owner: str, name: str, path: str) -> Response:
    """Delete a file in one commit."""
    acting = act(owner, name, "write")
    given, where = body("Commit"), clean_path(path)
    if request.args:
        given = Body("Commit", {**request.args.to_dict(), **given.values})
    if not given.optional_text("sha"):
        raise Invalid('Invalid request.\n\n"sha" wasn\'t supplied.')
    branch, commit = _commit_file(acting, given, where, None)
    return _commit_reply(acting, branch, commit, where, 200)
