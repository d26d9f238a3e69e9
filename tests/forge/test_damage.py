"""Repositories that were damaged on disk: named, answered for, and in nobody else's way."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import requests

from tests.forge import conftest
from tests.forge.conftest import Project, Receiver, git

DAMAGES = ("gone", "headless", "garbled")


def damage(kind: str, folder: Path) -> None:
    """Break a bare repository as a lost disk, a half restore or a power cut does."""
    if kind == "gone":
        shutil.rmtree(folder)
    elif kind == "headless":
        (folder / "HEAD").unlink()
    else:
        (folder / "packed-refs").write_text("# pack-refs with: peeled\nno such line\n")


def test_damaged_repositories_are_named_and_the_rest_is_served(tmp_path: Path, receiver: Receiver) -> None:
    running = conftest.start(tmp_path / "data")
    works = {name: conftest.made_project(running, _folder(tmp_path, name), name) for name in ("whole", *DAMAGES)}
    for work in works.values():
        work.ada.create_hook("web", {"url": receiver.url, "content_type": "json"}, ["push"])
        receiver.take("ping")
    head = works["whole"].ada.get_branch("main").commit.sha
    assert conftest.stop(running) == 0
    root = tmp_path / "data" / "git"
    backup = shutil.copytree(root, tmp_path / "backup")
    folders = {kind: f"{works[kind].ada.id}.git" for kind in DAMAGES}
    for kind in DAMAGES:
        damage(kind, root / folders[kind])
    with closing(sqlite3.connect(tmp_path / "data" / "forge.sqlite3")) as db, db:
        for kind in DAMAGES:  # a push that a kill left untold
            tip = git(works[kind].clone, "rev-parse", "HEAD").strip()
            sql = "INSERT INTO moves (repo_id, user_id, ref, old, new) SELECT ?, owner_id, 'refs/heads/main', ?, ? FROM repositories WHERE id = ?"
            db.execute(sql, [works[kind].ada.id, "0" * 40, tip, works[kind].ada.id])
    again = conftest.start(tmp_path / "data")
    again.tokens = running.tokens
    try:
        log = (tmp_path / "data.log").read_text()
        for kind in DAMAGES:
            assert f"ada/{kind} cannot be served, restore {folders[kind]}" in log
            _answers(again, f"ada/{kind}", tmp_path)
        whole = again.client("ada").get_repo("ada/whole")
        whole.create_git_ref("refs/heads/new", head)
        assert receiver.take("push").json["repository"]["name"] == "whole"
        assert {each.name for each in again.client("ada").get_user().get_repos()} >= {"whole", *DAMAGES}
    finally:
        assert conftest.stop(again) == 0
    for kind in DAMAGES:
        shutil.rmtree(root / folders[kind], ignore_errors=True)
        shutil.copytree(backup / folders[kind], root / folders[kind])
    last = conftest.start(tmp_path / "data")
    try:
        told = {receiver.take("push").json["repository"]["name"] for _ in DAMAGES}
        assert told == set(DAMAGES), "what was left untold is told once the repository is back"
    finally:
        assert conftest.stop(last) == 0


def _folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


def _answers(forge: conftest.Forge, name: str, folder: Path) -> None:
    asked = forge.call("GET", f"/repos/{name}/branches", "ada")
    assert (asked.status_code, asked.json()["message"].startswith(f"{name} cannot be served: git ")) == (503, True)
    assert str(forge.data) not in asked.text, "the place on the server is nobody's business"
    assert requests.get(f"{forge.url}/{name}", timeout=20).status_code == 503
    said = git(folder, "clone", "-q", forge.remote(name, "ada"), "x", ok=False)
    assert "503" in said or name.endswith("garbled"), "of that one git reads half, and ends in the middle"
    assert forge.call("GET", f"/repos/{name}", "ada").status_code == 200
    assert forge.call("GET", f"/repos/{name}/issues", "ada").json() == []
    assert requests.get(f"{forge.url}/healthz", timeout=20).json() == {"status": "ok"}


def test_damaged_repository_can_be_deleted(project: Project) -> None:
    damage("headless", project.forge.data / "git" / f"{project.ada.id}.git")
    assert project.forge.call("GET", f"/repos/{project.name}/commits", "ada").status_code == 503
    project.ada.delete()
    assert project.forge.call("GET", f"/repos/{project.name}", "ada").status_code == 404
