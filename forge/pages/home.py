"""Signing in, the list of repositories, and a repository's front page and files."""

from flask import Blueprint, Response, redirect, render_template, request, session
from werkzeug.wrappers import Response as BaseResponse

from forge.errors import NotFound
from forge.git import objects, refs
from forge.git.diff import EMPTY_TREE, changes
from forge.host import Act
from forge.pages.markup import diff_file
from forge.pages.session import check_form, sign_in
from forge.rest.contents import clean_path, entry_at
from forge.rest.request import act, host, viewer
from forge.store import repositories

routes = Blueprint("home", __name__)
SHOWN_BYTES = 512 * 1024


@routes.get("/")
def index() -> str:
    """All repositories that the person may see."""
    with host().db.read() as db:
        found = repositories.visible(db, viewer()).items
    return render_template("home.html", repositories=found)


@routes.route("/login", methods=["GET", "POST"])
def login() -> str | BaseResponse | tuple[str, int]:
    """Sign in with a token."""
    if request.method == "GET":
        return render_template("login.html", failed=False)
    check_form()
    if sign_in(host(), request.form.get("token", "").strip()) is None:
        return render_template("login.html", failed=True), 401
    return redirect("/")


@routes.post("/logout")
def logout() -> BaseResponse:
    """Sign out."""
    check_form()
    session.clear()
    return redirect("/")


@routes.get("/<owner>/<name>")
def overview(owner: str, name: str) -> str:
    """A repository's files and README."""
    acting = act(owner, name)
    return tree(owner, name, acting.repo.default_branch)


def split_address(acting: Act, address: str) -> tuple[str, str]:
    """The ref and the path of `ref/path`; the longest branch name wins, as names may contain slashes."""
    address = address.strip("/")
    for branch in sorted(refs.branches(acting.git), key=len, reverse=True):
        if address == branch or address.startswith(f"{branch}/"):
            return branch, address[len(branch) + 1 :]
    ref, _, path = address.partition("/")
    return ref, path


def _file_at(acting: Act, address: str) -> tuple[str, str, objects.TreeEntry]:
    ref, path = split_address(acting, address)
    entry = entry_at(acting, refs.commit(acting.git, ref), clean_path(path)) if path else None
    if entry is None or entry.type != "blob":
        raise NotFound()
    return ref, path, entry


@routes.get("/<owner>/<name>/tree/<path:address>")
def tree(owner: str, name: str, address: str) -> str:
    """A folder."""
    acting = act(owner, name)
    if not refs.branches(acting.git):
        return render_template("repository.html", acting=acting, entries=None, ref="", path="", readme=None)
    ref, path = split_address(acting, address)
    where = clean_path(path) if path else ""
    commit = refs.commit(acting.git, ref)
    entry = entry_at(acting, commit, where) if where else None
    if where and (entry is None or entry.type != "tree"):
        raise NotFound()
    entries = sorted(objects.tree(acting.git, commit, path=where), key=lambda each: (each.type != "tree", each.path))
    last = objects.log(acting.git, commit, path=where or None, skip=0, count=1)
    shown = {"entries": entries, "ref": ref, "path": where, "last": last[0] if last else None}
    return render_template("repository.html", acting=acting, readme=_readme(acting, entries), **shown)


def _readme(acting: Act, entries: list[objects.TreeEntry]) -> str | None:
    for entry in entries:
        if entry.type == "blob" and entry.path.lower() in ("readme.md", "readme"):
            return _text(acting, entry.sha)
    return None


def _text(acting: Act, sha: str) -> str | None:
    found = objects.read_many(acting.git, [sha])[0]
    if found is None or b"\0" in found[2] or len(found[2]) > SHOWN_BYTES:
        return None
    return found[2].decode("utf-8", "replace")


@routes.get("/<owner>/<name>/blob/<path:address>")
def blob(owner: str, name: str, address: str) -> str:
    """A file."""
    acting = act(owner, name)
    ref, path, entry = _file_at(acting, address)
    text = _text(acting, entry.sha)
    return render_template("file.html", acting=acting, ref=ref, path=path, entry=entry, text=text)


@routes.get("/<owner>/<name>/commit/<sha>")
def commit_page(owner: str, name: str, sha: str) -> str:
    """A commit with its changes."""
    acting = act(owner, name)
    found = objects.commits(acting.git, [refs.commit(acting.git, sha)])[0]
    parent = found.parents[0] if found.parents else EMPTY_TREE
    files = [diff_file(each) for each in changes(acting.git, parent, found.sha)]
    return render_template("commit.html", acting=acting, commit=found, files=files)


@routes.get("/<owner>/<name>/raw/<path:address>")
def raw(owner: str, name: str, address: str) -> Response:
    """A file's bytes, never as a page."""
    acting = act(owner, name)
    _, _, entry = _file_at(acting, address)
    found = objects.read_many(acting.git, [entry.sha])[0]
    response = Response(found[2] if found else b"", content_type="text/plain; charset=utf-8")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
