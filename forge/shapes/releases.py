"""Releases as JSON."""

import urllib.parse

from forge.host import View
from forge.records import Release, Repository
from forge.shapes.people import Json, node_id, user_by_id


def release(view: View, repo: Repository, found: Release) -> Json:
    """A release; it never has files."""
    api = view.repo_api(repo, f"/releases/{found.id}")
    tag = urllib.parse.quote(found.tag_name, safe="")
    return {
        "id": found.id,
        "node_id": node_id("Release", found.id),
        "url": api,
        "html_url": view.repo_html(repo, f"/releases/tag/{tag}"),
        "assets_url": f"{api}/assets",
        "upload_url": f"{api}/assets{{?name,label}}",
        "tarball_url": None if found.draft else view.repo_api(repo, f"/tarball/{tag}"),
        "zipball_url": None if found.draft else view.repo_api(repo, f"/zipball/{tag}"),
        "tag_name": found.tag_name,
        "target_commitish": found.target,
        "name": found.name,
        "body": found.body,
        "draft": found.draft,
        "prerelease": found.prerelease,
        "immutable": False,
        "author": user_by_id(view, found.author_id),
        "assets": [],
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "published_at": found.published_at,
    }
