"""The registries that this machine's own package clients use, and a live question to each where there is a way out."""

import os
from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.research.clients import json_api, npm_registry, python_index
from tools.research.outside import OutsideSources
from tools.research.settings import DETECT, ResearchSettings, WebLimits

LIVE = WebLimits(connect_seconds=2, seconds=15)


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """An environment in which only these settings stand."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **more}


def test_variables_win(tmp_path: Path) -> None:
    set_ones = {"PIP_INDEX_URL": "https://a.example.org/simple/", "UV_DEFAULT_INDEX": "https://b.example.org/simple"}
    assert python_index(environment(tmp_path, **set_ones)) == "https://b.example.org/pypi"
    assert python_index({"PIP_INDEX_URL": set_ones["PIP_INDEX_URL"]}) == "https://a.example.org/pypi"
    assert npm_registry({"npm_config_registry": "https://c.example.org/npm/"}) == "https://c.example.org/npm"


def test_the_clients_own_files_are_heeded(tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text("[global]\nindex-url = https://d.example.org/repo/simple\n", encoding="utf-8")
    assert python_index(environment(tmp_path)) == "https://d.example.org/repo/pypi"


def test_what_nobody_set_is_what_the_installer_says_of_itself(tmp_path: Path) -> None:
    found = python_index(environment(tmp_path, PIP_CONFIG_FILE=os.devnull))
    assert found is not None and found.startswith("https://") and found.endswith("/pypi")


def test_without_npm_there_is_no_registry(tmp_path: Path) -> None:
    assert npm_registry({"PATH": str(tmp_path)}) is None


@pytest.mark.parametrize(
    "simple", ["", "file:///srv/simple", "https://example.org/root/+simple", "/srv/wheels", "simple"]
)
def test_an_index_without_a_json_api_is_none(simple: str) -> None:
    assert json_api(simple) is None


def test_the_registries_of_this_machine_answer() -> None:
    live = OutsideSources(ResearchSettings(pypi_url=DETECT, npm_url=DETECT, clients=dict(os.environ), limits=LIVE))
    answered = 0
    for ecosystem, name in (("python", "packaging"), ("node", "semver")):
        try:
            facts = live.package(ecosystem, name)  # type: ignore[arg-type] # one of two literals
        except ToolError as fault:
            print(f"{name}: {fault}")  # noqa: T201 - says what the skip is about
            continue
        answered += 1
        assert facts.name == name and facts.latest and facts.license and facts.releases[0].date
        pin = live.would_install(ecosystem, name)  # type: ignore[arg-type] # as above
        assert pin is not None and pin.version in {release.version for release in facts.releases}
    if not answered:
        pytest.skip("no package registry is reached from here")
