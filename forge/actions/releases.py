"""Drafting, publishing, changing and withdrawing releases."""

from forge.actions import pushes
from forge.errors import Conflict, Invalid, NotFound
from forge.events import emit
from forge.git import refs
from forge.git.refs import TAGS, ZERO
from forge.host import Act
from forge.records import Record, RefChange, Release
from forge.shapes import releases as shapes
from forge.store import releases
from forge.store.database import Value, now
from forge.text import checked_text

BODY_LIMIT = 125_000


class ReleaseEdit(Record):
    """New values for a release; a field that is not set stays as it is, or as GitHub fills it in."""

    tag_name: str = ""
    target: str = ""
    name: str | None = None
    body: str | None = None
    draft: bool = False
    prerelease: bool = False
    make_latest: bool = True


def find(act: Act, key: int) -> Release:
    """The release with this id; a draft is there only for those who may write."""
    with act.host.db.read() as db:
        found = releases.by_id(db, act.repo, key)
    if found is None or (found.draft and not act.may("write")):
        raise NotFound()
    return found


def _announce(act: Act, found: Release, *actions: str, **more: object) -> None:
    for action in actions:
        emit(act, "release", {"action": action, "release": shapes.release(act.view, act.repo, found), **more})


def _values(wanted: ReleaseEdit) -> dict[str, Value]:
    values: dict[str, Value] = wanted.model_dump(include=wanted.model_fields_set - {"make_latest"})
    for field, limit in (("name", 256), ("body", BODY_LIMIT), ("target", 256)):
        if values.get(field) is not None:
            checked_text("Release", field, str(values[field]), limit)
    if "tag_name" in values and not refs.is_name(str(values["tag_name"])):
        raise Invalid.field("Release", "tag_name", "custom", "tag_name is not well-formed")
    return values


def _tagged(act: Act, tag: str, target: str) -> None:
    """Make the tag of a release that is published, unless it is there; before the release, so that a repeat finds it."""
    git, ref = act.git, TAGS + tag
    if refs.tip(git, ref) is not None:
        return
    try:
        sha = refs.commit(git, target)
    except NotFound as absent:
        raise Invalid.field("Release", "target_commitish", "invalid") from absent
    try:
        with pushes.moving(act, [RefChange(ref=ref, old=ZERO, new=sha)]):
            refs.swap(git, ref, sha, ZERO)
    except Conflict:
        return  # somebody else made it meanwhile


def _need_free(act: Act, tag: str, own: Release | None = None) -> None:
    with act.host.db.read() as db:
        same = releases.published(db, act.repo, tag)
    if same is not None and (own is None or same.id != own.id):
        raise Invalid.field("Release", "tag_name", "already_exists")


def _kind(found: Release) -> str:
    return "prereleased" if found.prerelease else "released"


def create(act: Act, wanted: ReleaseEdit) -> Release:
    """Draft or publish a release."""
    author = act.need("write").user
    values: dict[str, Value] = {"draft": False, "prerelease": False, **_values(wanted)}
    values["target"] = target = wanted.target or act.repo.default_branch
    if not wanted.draft:
        _need_free(act, wanted.tag_name)
        _tagged(act, wanted.tag_name, target)
    with act.host.db.write() as db:
        if not wanted.draft:
            _need_free(act, wanted.tag_name)
            values["published_at"] = now()
        values["precedence"] = releases.next_precedence(db, act.repo) if wanted.make_latest else 0
        made = releases.create(db, act.repo, author, values)
        _announce(act, made, "created")
        if not made.draft:
            _announce(act, made, "published", _kind(made))
    return made


def edit(act: Act, found: Release, wanted: ReleaseEdit) -> Release:
    """Change the fields that are set; a draft that is published gets its tag."""
    act.need("write")
    values = _values(wanted)
    after = found.model_copy(update=values)
    if not after.draft:
        _need_free(act, after.tag_name, found)
        _tagged(act, after.tag_name, after.target)
    with act.host.db.write() as db:
        if not after.draft:
            _need_free(act, after.tag_name, found)
            values["published_at"] = found.published_at or now()
        published = found.draft and not after.draft and found.precedence > 0
        if published or "make_latest" in wanted.model_fields_set:
            values["precedence"] = releases.next_precedence(db, act.repo) if wanted.make_latest else 0
        told = ("tag_name", "name", "body")
        changes = {
            name: {"from": getattr(found, name) or ""}
            for name in told
            if name in values and values[name] != getattr(found, name)
        }
        made = releases.change(db, found, **values)
        _announce(act, made, "edited", changes=changes)
        if found.draft != made.draft:
            _announce(act, made, *(("unpublished",) if made.draft else ("published", _kind(made))))
        elif not made.draft and found.prerelease != made.prerelease:
            _announce(act, made, _kind(made))
    return made


def delete(act: Act, found: Release) -> None:
    """Remove a release; its tag stays."""
    act.need("write")
    with act.host.db.write() as db:
        _announce(act, found, "deleted")
        releases.delete(db, found)
