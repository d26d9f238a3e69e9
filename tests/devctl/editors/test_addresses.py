"""Addresses that open an environment in an editor, and the ssh config."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl.editors.addresses import alias, opening
from devctl.editors.ssh_config import entry, with_entry, with_include, write_entry
from devctl.editors.ssh_keys import forget_keys, keys_of
from devctl.errors import SettingsInvalid
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec
from devctl.settings import DevctlSettings


def record(**spec: object) -> EnvironmentRecord:
    whole = EnvironmentSpec.model_validate({"name": "shop", "image": "x", **spec})
    return EnvironmentRecord(
        id="d-1", name="shop", owner="ada", tier="free", host="local", container="abc", phase="running", spec=whole,
        created=datetime.now(UTC),
    )  # fmt: skip


def test_a_container_of_a_local_engine_is_attached_to() -> None:
    way = opening("code", record(workdir="/src/my shop"), "unix:///var/run/docker.sock")
    prefix, _, path = way.folder_uri.partition("+")
    assert prefix == "vscode-remote://attached-container"
    code, _, folder = path.partition("/")
    assert json.loads(bytes.fromhex(code)) == {"containerName": "/devctl-d-1"}
    assert (folder, way.needs_ssh) == ("src/my%20shop", False)
    assert opening("cursor", record(), "unix:///var/run/docker.sock").link.startswith(
        "cursor://vscode-remote/attached-"
    )


def test_another_socket_is_named_in_the_address() -> None:
    way = opening("code", record(), "unix:///run/user/0/docker.sock")
    where = json.loads(bytes.fromhex(way.folder_uri.partition("+")[2].partition("/")[0]))
    assert where["settings"] == {"host": "unix:///run/user/0/docker.sock"}


def test_all_others_are_reached_through_ssh() -> None:
    way = opening("code", record(), None)
    assert (way.folder_uri, way.needs_ssh) == ("vscode-remote://ssh-remote+shop.devctl/work", True)


def test_an_entry_is_written_once_and_taken_out_again(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host old\n    User me\n")
    (tmp_path / "config").chmod(0o644)
    block = entry("shop.devctl", {"User": "ada"})
    assert [path.name for path in write_entry(tmp_path, "shop.devctl", block)] == ["devctl", "config"]
    assert write_entry(tmp_path, "shop.devctl", block) == []
    text = (tmp_path / "config").read_text()
    assert text == "Include config.d/devctl\n\nHost old\n    User me\n"
    assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "config.d/devctl").stat().st_mode) == 0o600
    write_entry(tmp_path, "api.devctl", entry("api.devctl", {"User": "bob"}))
    write_entry(tmp_path, "shop.devctl", entry("shop.devctl", {"User": "eve"}))
    assert (tmp_path / "config.d/devctl").read_text().count("Host ") == 2
    write_entry(tmp_path, "shop.devctl", None)
    assert (tmp_path / "config.d/devctl").read_text() == entry("api.devctl", {"User": "bob"})
    assert not list(tmp_path.glob("**/.devctl-*"))


def test_a_config_that_is_a_link_is_written_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles/config").write_text("")
    (tmp_path / "ssh").mkdir()
    (tmp_path / "ssh/config").symlink_to("../dotfiles/config")
    write_entry(tmp_path / "ssh", "a", entry("a", {}))
    assert (tmp_path / "ssh/config").is_symlink()
    assert (tmp_path / "dotfiles/config").read_text() == "Include config.d/devctl\n"


@pytest.mark.parametrize("line", ["Include config.d/*", "include ~/.ssh/config.d/devctl", 'Include "config.d/devctl"'])
def test_an_include_that_is_there_is_left_alone(line: str) -> None:
    assert with_include(f"{line}\nHost x\n") == f"{line}\nHost x\n"


def test_lines_do_not_get_into_an_entry() -> None:
    with pytest.raises(SettingsInvalid):
        entry("a", {"User": "x\nProxyCommand evil"})


@given(
    st.dictionaries(st.from_regex(r"[a-z0-9-]{1,9}", fullmatch=True), st.from_regex(r"[a-z /.]{0,9}", fullmatch=True))
)
def test_entries_do_not_touch_each_other(hosts: dict[str, str]) -> None:
    text = ""
    for name, value in hosts.items():
        text = with_entry(text, name, entry(name, {"User": value}))
    for name, value in hosts.items():
        assert entry(name, {"User": value}) in text
    for name in hosts:
        text = with_entry(text, name, None)
    assert text == ""


def test_keys_are_made_once_and_removed_with_their_environment(tmp_path: Path) -> None:
    settings = DevctlSettings.from_environment({}, folder=tmp_path)
    keys = keys_of(settings, "d-1", "shop")
    assert keys_of(settings, "d-1", "shop").client.read_text() == keys.client.read_text()
    assert keys_of(settings, "d-2", "api").public() != keys.public()
    assert stat.S_IMODE(keys.client.stat().st_mode) == 0o600
    assert keys.known_hosts.read_text().startswith(f"{alias('shop')} ssh-ed25519 ")
    for _ in range(2):
        forget_keys(settings, "d-1")
    assert not keys.client.exists()
