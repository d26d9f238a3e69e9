"""The workspace's PostgreSQL: reached by this user only, durable, also as root and in a container."""

from __future__ import annotations

import json
import os
import platform
import stat
import sys
from pathlib import Path

import psycopg
import pytest

from local import Workspace, ensure_postgres, stop
from local.child import OTHER_USER
from tests.local.processes import kill, outputs, python, state_of

NO_NAMESPACES = """
import ctypes, platform, struct
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 272, "aarch64": 97}[platform.machine()]  # unshare
rules = b"".join(struct.pack("HBBI", *rule) for rule in [
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)])
kept = ctypes.create_string_buffer(rules)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(kept)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program) == 0
"""
"""Makes unshare fail with EPERM in this process and its children, as the usual container does."""


def test_database_answers_and_fsync_is_on(shared: Workspace) -> None:
    with psycopg.connect(ensure_postgres(shared)) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_wrong_password_is_refused(shared: Workspace) -> None:
    right = ensure_postgres(shared)
    wrong = right.replace(shared.secret("postgres"), "guessed")
    assert wrong != right
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_files_and_socket_are_private(shared: Workspace) -> None:
    ensure_postgres(shared)
    for file in [*(shared.path / "data" / "postgres").rglob("*"), *shared.socket_folder().iterdir()]:
        assert not stat.S_IMODE(file.lstat().st_mode) & 0o077, file


def test_address_works_where_the_workspace_lies_deep(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / ("deep" * 30))
    code = "import sys, local, pathlib; print(local.ensure_postgres(local.open_workspace(pathlib.Path(sys.argv[1]))))"
    (address,) = outputs([python(code, str(workspace.path))])
    try:
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        stop(workspace)
        workspace.socket_folder().rmdir()


def test_number_of_a_living_process_in_a_stale_file_does_not_hinder(workspace: Workspace) -> None:
    ensure_postgres(workspace)
    found = state_of(workspace, "postgres")
    data = workspace.path / "data" / "postgres"
    left = (data / "postmaster.pid").read_text().splitlines()
    kill(found.pid, found.child)
    (data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *left[1:]]) + "\n")
    with psycopg.connect(ensure_postgres(workspace)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_second_server_waits_until_the_sessions_of_a_killed_one_have_ended(workspace: Workspace) -> None:
    with psycopg.connect(ensure_postgres(workspace), autocommit=True) as busy:
        busy.execute("CREATE TABLE rows (n int)")
        found = state_of(workspace, "postgres")
        kill(found.child, found.pid)
        with psycopg.connect(ensure_postgres(workspace), autocommit=True) as connection:
            connection.execute("INSERT INTO rows VALUES (1)")
            assert connection.execute("SELECT count(*) FROM rows").fetchone() == (1,)


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0 or platform.machine() not in ("x86_64", "aarch64"),
    reason="only root on Linux has to appear as somebody else",
)
def test_root_without_user_namespaces_runs_it_as_another_user_and_loosens_no_folder(workspace: Workspace) -> None:
    with psycopg.connect(ensure_postgres(workspace), autocommit=True) as connection:
        connection.execute("CREATE TABLE before (n int)")
    stop(workspace)
    code = NO_NAMESPACES + (
        "import sys, local, pathlib; print(local.ensure_postgres(local.open_workspace(pathlib.Path(sys.argv[1]))))"
    )
    (address,) = outputs([python(code, str(workspace.path))])
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT count(*) FROM before").fetchone() == (0,)
    child = state_of(workspace, "postgres").child
    assert (
        Path(f"/proc/{child}").stat().st_uid == OTHER_USER
        or b"Uid:\t64211" in Path(f"/proc/{child}/status").read_bytes()
    )
    assert stat.S_IMODE(workspace.path.stat().st_mode) == 0o700
    stop(workspace)
    with psycopg.connect(ensure_postgres(workspace)) as connection:  # with namespaces again: back to root's files
        assert connection.execute("SELECT count(*) FROM before").fetchone() == (0,)
    assert (workspace.path / "data" / "postgres").stat().st_uid == 0


def test_state_names_no_password(shared: Workspace) -> None:
    ensure_postgres(shared)
    assert "password" not in json.loads(shared.run_file("postgres.json").read_text())["address"]
