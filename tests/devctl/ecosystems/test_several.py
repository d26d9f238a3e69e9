"""Several ecosystems in one tree, and toolchains that are not there."""

from pathlib import Path

import pytest

from devctl import PreparationFailed, PrepareRequest
from tests.devctl.ecosystems.registries import tree_of
from tests.devctl.machines import launcher_on

NODE = {"package.json": '{"dependencies": {"ms": "2.1.3"}}'}


def test_a_missing_toolchain_is_named_with_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with launcher_on("bubblewrap", tmp_path / "d", search_path=str(tmp_path / "empty")) as launcher:
        with pytest.raises(PreparationFailed, match="'node' is not on PATH") as caught:
            launcher.prepare(PrepareRequest(tree=tree_of(tmp_path / "t", NODE)))
        assert "install Node.js" in caught.value.hint


def test_a_tree_is_prepared_without_a_toolchain_that_another_language_can_spare(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with launcher_on("bubblewrap", tmp_path / "d", search_path=str(tmp_path / "empty")) as launcher:
        tree = tree_of(tmp_path / "t", {**NODE, "requirements.txt": ""})
        prepared = launcher.prepare(PrepareRequest(tree=tree))
        assert [part.ecosystem for part in prepared.parts] == ["python"]
        assert "'node' is not on PATH" in prepared.notes[0]
        assert prepared.notes[0] in prepared.log
