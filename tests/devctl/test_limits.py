"""Limits where no control group can be made, and interpreters that lie in odd places."""

import os
from pathlib import Path

import pytest

from devctl import Limits, SettingsInvalid
from devctl.cgroups import hierarchies, make_group
from devctl.mounts import find_interpreter
from devctl.records import Command
from devctl.sandbox import Sandbox, limiting
from devctl.settings import base_interpreter


def test_a_folder_that_is_no_hierarchy_gives_no_groups(tmp_path: Path) -> None:
    assert hierarchies(tmp_path) == []
    assert make_group("e-1", Limits(), []) is None


def test_without_groups_memory_and_processes_are_limited_per_process() -> None:
    bare = Sandbox(mounts=(), env={}, limits=Limits(memory_mb=100, pids=9), uid=None)
    grouped = bare.model_copy(update={"limited": frozenset({"memory", "pids"})})
    command = Command(argv=("true",))
    assert {"--data=1178599424", "--nproc=9"} <= set(limiting(bare, command.seconds))
    assert not {"--data=1178599424", "--nproc=9"} & set(limiting(grouped, command.seconds))


def test_the_base_interpreter_is_no_virtual_environment() -> None:
    assert os.access(base_interpreter(), os.X_OK)
    assert not (base_interpreter().parent.parent / "pyvenv.cfg").exists()


def test_an_interpreter_in_a_place_of_ours_is_moved(tmp_path: Path) -> None:
    python = tmp_path / "py/bin/python3"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    found = find_interpreter(python)
    assert found.inside == ("/opt/devctl/python/bin/python3" if str(tmp_path).startswith("/tmp/") else str(python))


def test_an_interpreter_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="nothing-here"):
        find_interpreter(tmp_path / "nothing-here")
