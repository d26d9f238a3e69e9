"""Work trees with what other languages have installed: it stays out of the work, and locks come into it."""

import json
from pathlib import Path

from devctl import PreparationFailed
from tests.devctl.ecosystems.registries import needs, skip_without_registry
from tests.devctl.machines import launcher_on
from tests.tools.repositories import committed
from tools.git import Mirror
from tools.preparing import prepare_commit, take_locks
from tools.worktree import open_worktree


def test_what_is_installed_survives_a_restore_and_is_in_no_snapshot(mirror: Mirror, first: str, tmp_path: Path) -> None:
    needs("npm")
    lock = {"name": "web", "lockfileVersion": 3, "requires": True, "packages": {"": {"name": "web"}}}
    files: dict[str, bytes | str | None] = {
        "web/package.json": '{"name": "web", "dependencies": {"ms": "2.1.3"}}',
        "web/package-lock.json": json.dumps(lock),
        ".gitignore": "!node_modules\n",
    }
    commit = committed(mirror, first, files)
    with launcher_on("bubblewrap", tmp_path / "d") as launcher:
        try:
            prepared = prepare_commit(launcher, mirror, commit)
        except PreparationFailed as error:
            skip_without_registry(error)
            raise
        with open_worktree(launcher, mirror, commit, prepared=prepared) as worktree:
            assert not worktree.snapshot().changed
            worktree.restore(first)
            assert worktree.exec("ls -A web").output.split() == ["node_modules"]
            worktree.restore(commit)
            assert worktree.exec('cd web && node -p \'require("ms")("1s")\'').output == "1000\n"
            assert not worktree.snapshot().changed
            assert take_locks(worktree, prepared) == ("web/package-lock.json",)
            changed = mirror.changed_files(commit, worktree.snapshot().commit)
            assert [file.path for file in changed] == ["web/package-lock.json"]
