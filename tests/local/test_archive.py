"""A backup is taken while people work; what is restored from it is what was there, or nothing."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests
from neo4j import GraphDatabase

from local import (
    ArchiveInvalid,
    ForgeAddress,
    LocalError,
    Workspace,
    backup,
    ensure_forge,
    ensure_graph,
    ensure_postgres,
    open_workspace,
    restore,
    status,
    stop,
    using,
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with something in each of its servers, all running."""
    workspace = open_workspace(tmp_path_factory.mktemp("filled"))
    with using(workspace):
        with psycopg.connect(ensure_postgres(workspace)) as connection:
            connection.execute("CREATE TABLE jobs (n int PRIMARY KEY)")
            connection.execute("INSERT INTO jobs SELECT generate_series(1, 1000)")
        writer, _ = ensure_graph(workspace)
        with GraphDatabase.driver(writer.uri, auth=(writer.user, writer.password)) as driver:
            driver.execute_query("CREATE CONSTRAINT FOR (t:Task) REQUIRE t.id IS UNIQUE")
            driver.execute_query("UNWIND range(1, 100) AS n CREATE (:Task {id: n})")
        _push(ensure_forge(workspace), workspace.path / "run" / "clone")
        (workspace.path / "artifacts" / "deep").mkdir()
        (workspace.path / "artifacts" / "deep" / "poetry.lock").write_text("kept")
        yield workspace


@pytest.fixture(scope="module")
def archive(filled: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it, taken while jobs are written."""
    file = tmp_path_factory.mktemp("archives") / "workspace.tar.gz"
    done = threading.Event()

    def write() -> None:
        with psycopg.connect(ensure_postgres(filled), autocommit=True) as connection:
            number = 1000
            while not done.wait(0.005):
                number += 2
                connection.execute("INSERT INTO jobs VALUES (%s), (%s)", (number - 1, number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backup(filled, file)
    finally:
        done.set()
        writer.join()
    return file


def _api(address: ForgeAddress, method: str, path: str, body: object, token: str = "") -> dict[str, object]:
    headers = {"Authorization": f"token {token or address.admin_token}"}
    answer = requests.request(method, f"{address.api_url}{path}", json=body, headers=headers, timeout=30)
    found = answer.json()
    assert answer.ok, found
    assert isinstance(found, dict)
    return found


def _push(address: ForgeAddress, clone: Path) -> None:
    _api(address, "POST", "/admin/users", {"login": "ada", "email": "ada@example.com"})
    token = str(_api(address, "POST", "/admin/users/ada/authorizations", {})["token"])
    _api(address, "POST", "/user/repos", {"name": "blog"}, token)
    _api(address, "POST", "/user/repos", {"name": "empty"}, token)
    _api(address, "POST", "/repos/ada/blog/issues", {"title": "A first issue"}, token)
    remote = f"http://ada:{token}@{address.url.removeprefix('http://')}/ada/blog.git"
    for command in (
        ["init", "-q", "-b", "main", str(clone)],
        ["-C", str(clone), "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "one"],
        ["-C", str(clone), "push", "-q", remote, "main"],
    ):
        subprocess.run(["git", *command], check=True, timeout=60)


def test_backup_leaves_the_servers_running(filled: Workspace, archive: Path) -> None:
    assert archive.stat().st_mode & 0o077 == 0
    assert [one.state for one in status(filled)] == ["running", "running", "running", "stopped"]
    assert not list((filled.path / "run").glob("archive-*"))
    assert not list((filled.path / "data" / "graph" / "backups").rglob("*.zip"))


def test_restored_workspace_holds_what_was_there(filled: Workspace, archive: Path, tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    restore(archive, workspace)
    assert {one.state for one in status(workspace)} == {"stopped"}
    with using(workspace):
        with psycopg.connect(ensure_postgres(workspace)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM jobs").fetchone() or (0,)
            assert count >= 1000
            assert count % 2 == 0  # rows come in pairs: no half transaction
        writer, reader = ensure_graph(workspace)
        with GraphDatabase.driver(reader.uri, auth=(reader.user, reader.password)) as driver:
            assert driver.execute_query("MATCH (t:Task) RETURN count(t) AS n").records[0]["n"] == 100
            assert len(driver.execute_query("SHOW CONSTRAINTS").records) == 1
        forge = ensure_forge(workspace)
        assert forge.admin_token == ensure_forge(filled).admin_token
        token = str(_api(forge, "POST", "/admin/users/ada/authorizations", {})["token"])
        head = _api(forge, "GET", "/repos/ada/blog/git/ref/heads/main", None, token)
        expected = subprocess.run(
            ["git", "-C", str(filled.path / "run" / "clone"), "rev-parse", "HEAD"],
            check=True, capture_output=True, text=True, timeout=60,
        ).stdout.strip()  # fmt: skip
        assert head["object"] == head["object"] | {"sha": expected}  # type: ignore[operator]  # JSON of the forge
        assert _api(forge, "GET", "/repos/ada/blog/issues/1", None, token)["title"] == "A first issue"
    assert (workspace.path / "artifacts" / "deep" / "poetry.lock").read_text() == "kept"
    assert not [file for file in (workspace.path / "secrets").iterdir() if file.stat().st_mode & 0o077]


def test_restore_into_a_workspace_with_data_is_refused(filled: Workspace, archive: Path) -> None:
    with pytest.raises(LocalError, match="in use"):
        restore(archive, filled)


def test_restore_over_stopped_data_is_refused(workspace: Workspace, archive: Path) -> None:
    (workspace.path / "data" / "graph").mkdir()
    with pytest.raises(ArchiveInvalid, match="holds data already"):
        restore(archive, workspace)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_archive_cut_short_changes_nothing(workspace: Workspace, archive: Path, tmp_path: Path, share: float) -> None:
    content = archive.read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ArchiveInvalid, match=r"cut.tar.gz"):
        restore(tmp_path / "cut.tar.gz", workspace)
    assert not any((workspace.path / "data").iterdir())


def test_changed_file_in_an_archive_is_found(workspace: Workspace, archive: Path, tmp_path: Path) -> None:
    plain = gzip.decompress(archive.read_bytes())
    assert plain.count(b"A first issue") >= 1
    (tmp_path / "changed.tar.gz").write_bytes(gzip.compress(plain.replace(b"A first issue", b"A worst issue"), 1))
    with pytest.raises(ArchiveInvalid, match=r"is damaged: forge/forge.sqlite3"):
        restore(tmp_path / "changed.tar.gz", workspace)
    assert not any((workspace.path / "data").iterdir())


def test_archive_that_leads_out_of_the_workspace_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("../../evil")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(ArchiveInvalid, match="cannot be read back"):
        restore(tmp_path / "evil.tar.gz", workspace)
    assert not (tmp_path / "evil").exists()


def test_other_archive_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("file"))
    with pytest.raises(ArchiveInvalid, match="is no backup of a workspace"):
        restore(tmp_path / "other.tar.gz", workspace)


def test_missing_archive_is_told(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ArchiveInvalid, match="nowhere"):
        restore(tmp_path / "nowhere.tar.gz", workspace)


def test_failed_restore_leaves_an_empty_workspace_that_can_be_restored_into(
    workspace: Workspace, archive: Path
) -> None:
    workspace.run_file("sockets").write_text("a file where PostgreSQL's socket folder belongs")
    with pytest.raises(LocalError, match="sockets"):
        restore(archive, workspace)
    assert not any((workspace.path / "data").iterdir())
    workspace.run_file("sockets").unlink()
    restore(archive, workspace)
    assert (workspace.path / "data" / "forge" / "forge.sqlite3").exists()


def test_archive_that_cannot_be_written_is_told_and_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ArchiveInvalid, match="cannot be written"):
        backup(workspace, tmp_path / "no-such-folder" / "a.tar.gz")
    assert not list((workspace.path / "run").glob("archive-*"))


def test_empty_workspace_can_be_kept_and_brought_back(workspace: Workspace, tmp_path: Path) -> None:
    backup(workspace, tmp_path / "a.tar.gz")
    other = open_workspace(tmp_path / "other")
    restore(tmp_path / "a.tar.gz", other)
    assert not any((other.path / "data").iterdir())
    stop(other)
