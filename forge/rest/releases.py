"""Releases."""

from flask import Blueprint, Response

from forge.actions import releases as actions
from forge.actions.releases import ReleaseEdit
from forge.errors import NotFound
from forge.host import Act
from forge.records import Release
from forge.rest.answer import empty, paged, reply
from forge.rest.request import Body, act, body, host, page, view
from forge.shapes import people
from forge.shapes import releases as shapes
from forge.store import releases

routes = Blueprint("releases", __name__)
BASE = "/repos/<owner>/<name>/releases"
ONE = f"{BASE}/<int:key>"


def _shaped(acting: Act, found: Release) -> people.Json:
    return shapes.release(view(), acting.repo, found)


def _edit(given: Body) -> ReleaseEdit:
    given.refuse("generate_release_notes", "discussion_category_name")
    values: dict[str, object] = {}
    if "tag_name" in given:
        values["tag_name"] = given.text("tag_name")
    if given.optional_text("target_commitish"):
        values["target"] = given.text("target_commitish")
    for field in ("name", "body"):
        if field in given:
            values[field] = given.optional_text(field)
    for field in ("draft", "prerelease"):
        if field in given:
            values[field] = given.flag(field)
    if "make_latest" in given:
        values["make_latest"] = given.choice("make_latest", ("true", "false", "legacy")) != "false"
    return ReleaseEdit.model_validate(values)


@routes.get(BASE)
def list_releases(owner: str, name: str) -> Response:
    """A repository's releases, newest first; drafts for those who may write."""
    acting = act(owner, name)
    with host().db.read() as db:
        found = releases.listed(db, acting.repo, page(), drafts=acting.may("write"))
    return paged(found, page(), lambda each: _shaped(acting, each))


@routes.post(BASE)
def create_release(owner: str, name: str) -> Response:
    """Draft or publish a release."""
    acting, given = act(owner, name, "write"), body("Release")
    given.text("tag_name")
    return reply(_shaped(acting, actions.create(acting, _edit(given))), 201)


@routes.get(f"{BASE}/latest")
def get_latest(owner: str, name: str) -> Response:
    """The latest release that is neither a draft nor a prerelease."""
    acting = act(owner, name)
    with host().db.read() as db:
        return _one(acting, releases.latest(db, acting.repo))


@routes.get(f"{BASE}/tags/<path:tag>")
def get_by_tag(owner: str, name: str, tag: str) -> Response:
    """The published release of a tag."""
    acting = act(owner, name)
    with host().db.read() as db:
        return _one(acting, releases.published(db, acting.repo, tag))


def _one(acting: Act, found: Release | None) -> Response:
    if found is None:
        raise NotFound()
    return reply(_shaped(acting, found))


@routes.get(ONE)
def get_release(owner: str, name: str, key: int) -> Response:
    """One release."""
    acting = act(owner, name)
    return reply(_shaped(acting, actions.find(acting, key)))


@routes.patch(ONE)
def edit_release(owner: str, name: str, key: int) -> Response:
    """Change or publish a release."""
    acting = act(owner, name, "write")
    found = actions.find(acting, key)
    return reply(_shaped(acting, actions.edit(acting, found, _edit(body("Release")))))


@routes.delete(ONE)
def delete_release(owner: str, name: str, key: int) -> Response:
    """Remove a release; its tag stays."""
    acting = act(owner, name, "write")
    actions.delete(acting, actions.find(acting, key))
    return empty()


@routes.get(f"{ONE}/assets")
def list_assets(owner: str, name: str, key: int) -> Response:
    """The files of a release, of which there are none here."""
    actions.find(act(owner, name), key)
    return reply([])
