"""The workspace folder is private, its secrets stay, and what is wrong with it is said."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from local import Workspace, WorkspaceUnusable, open_workspace
from local.workspace import LONGEST_SOCKET_FOLDER, require_room
from tests.local.processes import outputs, python


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_workspace_is_private_also_where_the_folder_was_open(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir(mode=0o755)
    workspace = open_workspace(tmp_path / "w")
    assert mode(workspace.path) == 0o700
    assert {mode(folder) for folder in workspace.path.iterdir()} == {0o700}


def test_parent_folders_keep_their_modes(tmp_path: Path) -> None:
    before = mode(tmp_path)
    open_workspace(tmp_path / "w")
    assert mode(tmp_path) == before


def test_secret_is_made_once_and_readable_by_its_owner_only(workspace: Workspace) -> None:
    first = workspace.secret("token")
    assert len(first) >= 32
    assert open_workspace(workspace.path).secret("token") == first
    assert mode(workspace.path / "secrets" / "token") == 0o600
    assert workspace.secret("other") != first


def test_secret_raced_for_is_one_secret(workspace: Workspace) -> None:
    code = "import sys, local, pathlib; print(local.open_workspace(pathlib.Path(sys.argv[1])).secret('raced'))"
    found = outputs([python(code, str(workspace.path)) for _ in range(8)])
    assert set(found) == {workspace.secret("raced")}


def test_file_in_the_place_of_the_workspace_is_said(tmp_path: Path) -> None:
    (tmp_path / "w").touch()
    with pytest.raises(WorkspaceUnusable, match=r"/w cannot be used: File exists") as caught:
        open_workspace(tmp_path / "w")
    assert "--workspace" in caught.value.hint


def test_folder_that_cannot_be_made_is_said() -> None:
    with pytest.raises(WorkspaceUnusable, match=r"the workspace /proc/nowhere cannot be used"):
        open_workspace(Path("/proc/nowhere"))


def test_long_path_gets_a_short_socket_folder_of_its_own(tmp_path: Path) -> None:
    long = [open_workspace(tmp_path / ("x" * 90) / name) for name in ("a", "b")]
    folders = [workspace.socket_folder() for workspace in long]
    try:
        assert folders[0] != folders[1]
        assert all(len(str(folder)) <= LONGEST_SOCKET_FOLDER and mode(folder) == 0o700 for folder in folders)
    finally:
        for folder in folders:
            folder.rmdir()


def test_socket_folder_open_to_others_is_refused(workspace: Workspace) -> None:
    workspace.socket_folder().chmod(0o755)
    with pytest.raises(WorkspaceUnusable, match="not a private folder"):
        workspace.socket_folder()


def test_link_in_the_place_of_the_socket_folder_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (workspace.path / "run" / "sockets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceUnusable, match="not a private folder"):
        workspace.socket_folder()


def test_full_disk_is_said_with_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceUnusable, match=r"MB free, and 1000000000000 MB are needed"):
        require_room(tmp_path, 10**18)
