"""Preparing: once for all who want the same, within the policy, with what a tree says of itself."""

import logging
import threading
from pathlib import Path

import pytest

from devctl import (
    DevctlSettings,
    LaunchRefused,
    LaunchRequest,
    PreparationFailed,
    Prepared,
    PrepareRequest,
    open_launcher,
)
from devctl.docker_preparing import read_devcontainer
from policies import PolicySettings, open_engine
from tests.devctl.machines import launcher_on
from tests.devctl.wheels import serve_index, write_tree, write_wheel


def test_two_who_want_the_same_prepare_it_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "devctl.preparing")
    write_wheel(tmp_path, "blue", "1.0")
    tree = write_tree(tmp_path / "tree", {"requirements.txt": "blue\n"})
    found: list[Prepared] = []
    with serve_index(tmp_path) as (url, _):
        given = {"UV_DEFAULT_INDEX": url}
        with launcher_on("bubblewrap", tmp_path / "devctl", installer_env=given) as launcher:

            def prepare() -> None:
                found.append(launcher.prepare(PrepareRequest(tree=tree)))

            threads = [threading.Thread(target=prepare) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert launcher.prune() == [found[0].digest]
            assert not Path(found[0].location).exists()
    assert found[0] == found[1] == found[2]
    assert len([line for line in caplog.messages if line.startswith("installing")]) == 1


def test_installed_files_cannot_be_changed_by_what_runs(tmp_path: Path) -> None:
    write_wheel(tmp_path, "blue", "1.0")
    with (
        serve_index(tmp_path) as (url, _),
        launcher_on("bubblewrap", tmp_path / "devctl", installer_env={"UV_DEFAULT_INDEX": url}) as launcher,
    ):
        prepared = launcher.prepare(PrepareRequest(tree=tmp_path / "none", packages=("blue",)))
        with launcher.launch(LaunchRequest(prepared=prepared)) as environment:
            script = "import blue; open(blue.__file__, 'a').write('evil')"
            assert environment.exec(["python", "-c", script]).exit_code != 0


def test_a_python_that_the_tree_does_not_support_is_refused_before_installing(tmp_path: Path) -> None:
    text = '[project]\nname = "old"\nversion = "1"\nrequires-python = "<3.0"\n'
    with launcher_on("bubblewrap", tmp_path / "devctl") as launcher:
        tree = write_tree(tmp_path / "tree", {"pyproject.toml": text})
        with pytest.raises(PreparationFailed, match=r"needs Python <3\.0"):
            launcher.prepare(PrepareRequest(tree=tree))


def test_the_policy_is_asked_before_preparing_and_launching(tmp_path: Path) -> None:
    with launcher_on("bubblewrap", tmp_path / "devctl"):
        pass
    settings = DevctlSettings.from_environment({}, folder=tmp_path / "devctl", backend="bubblewrap")
    launcher = open_launcher(settings, open_engine(PolicySettings()))
    with pytest.raises(LaunchRefused) as caught:
        launcher.launch(LaunchRequest(network="packages"))
    assert caught.value.reasons
    with pytest.raises(LaunchRefused):
        launcher.prepare(PrepareRequest(tree=tmp_path, role="nobody-known"))
    with launcher.launch(LaunchRequest()) as environment:
        assert environment.exec(["true"]).exit_code == 0


def test_a_devcontainer_file_may_hold_comments_and_trailing_commas(tmp_path: Path) -> None:
    text = '{\n // the image\n "image": "reg:5000/a//b", /* "x": 1, */\n "list": [1, 2,],\n}\n'
    path = tmp_path / "devcontainer.json"
    path.write_text(text)
    assert read_devcontainer(path) == {"image": "reg:5000/a//b", "list": [1, 2]}
    path.write_text("{")
    with pytest.raises(PreparationFailed, match="devcontainer.json"):
        read_devcontainer(path)
