"""Secrets: found where they are said to be, and nowhere else to be seen."""

import json
import subprocess
from pathlib import Path

import pytest

from devctl.cli import main
from devctl.errors import SecretInvalid
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import SecretFile
from devctl.secret_files import MOST_BYTES, read_secrets, wished
from tests.devctl.fleets import ADA, IMAGE, containers, needs_docker, wanted

VALUE = "s3cr3t-0f-th3-t3st"


def test_a_secret_is_a_file_or_a_variable_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(VALUE)
    monkeypatch.setenv("MY_TOKEN", VALUE)
    wishes = [wished(f"a={tmp_path}/token"), wished("b=env:MY_TOKEN"), wished("env:MY_TOKEN")]
    assert [wish.name for wish in wishes] == ["a", "b", "MY_TOKEN"]
    assert read_secrets(wishes) == dict.fromkeys(("a", "b", "MY_TOKEN"), VALUE.encode())
    assert VALUE not in repr(wishes)


@pytest.mark.parametrize("text", [VALUE, f"={VALUE}", "", "a=", "a b=/x", "a=env:", "a=env:1x", "a=env:A B", "env:"])
def test_what_asks_for_no_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SecretInvalid) as caught:
        wished(text)
    assert VALUE not in str(caught.value)


def test_a_variable_that_is_not_set_and_a_file_that_is_not_there_are_said_so(tmp_path: Path) -> None:
    for secret, words in (
        (SecretFile(name="a", variable="NOT_SET_HERE"), "NOT_SET_HERE, which is not set"),
        (SecretFile(name="a", source=tmp_path / "gone"), "No such file"),
        (SecretFile(name="a", source=tmp_path), "Is a directory"),
        (SecretFile(name="a", source=Path("/dev/zero")), "is no file"),
        (SecretFile(name="a"), "has no source"),
    ):
        with pytest.raises(SecretInvalid, match=words):
            read_secrets([secret])


def test_too_much_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (MOST_BYTES + 1))
    with pytest.raises(SecretInvalid, match="more than"):
        read_secrets([SecretFile(name="a", source=tmp_path / "large")])


def test_a_secret_is_in_no_place_that_docker_shows(docker_fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(VALUE)
    wish = wished(f"token={tmp_path}/token")
    record = docker_fleet.up(ADA, wanted("docker", "safe", secrets=(wish,)))
    assert docker_fleet.exec(ADA, "safe", ["cat", "/run/secrets/token"]).output == VALUE
    docker_fleet.snapshot(ADA, "safe", "kept")
    container = containers(docker_fleet)[0]
    image = docker_fleet.snapshots(ADA)[0].image
    for argv in (
        ["docker", "inspect", container],
        ["docker", "top", container, "-eo", "pid,args"],
        ["docker", "logs", container],
        ["docker", "diff", container],
        ["docker", "image", "inspect", image],
        ["docker", "history", "--no-trunc", "--format", "{{json .}}", image],
        ["sh", "-c", f"docker save {image} | tar -xO"],
        ["sh", "-c", f"docker export {container}"],
        ["docker", "events", "--since", "5m", "--until", "0s", "--filter", f"container={container}"],
    ):
        shown = subprocess.run(argv, capture_output=True, check=True, timeout=120)
        assert VALUE.encode() not in shown.stdout + shown.stderr, argv
    shown_rows = docker_fleet.parts.database.rows("SELECT spec::text AS text FROM environment")
    shown_rows += docker_fleet.parts.database.rows("SELECT details::text AS text FROM audit")
    assert not any(VALUE in row["text"] for row in shown_rows)
    assert VALUE not in record.model_dump_json()


def test_the_command_line_shows_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, devctl_database: str
) -> None:
    needs_docker()
    monkeypatch.setenv("MY_TOKEN", VALUE)
    monkeypatch.setenv("DEVCTL_DATABASE_URL", devctl_database)
    front = ["--folder", str(tmp_path / "d"), "--backend", "docker"]
    limits = ["--memory-mb", "128", "--cpus", "1"]
    try:
        assert main([*front, "up", IMAGE, "--name", "hush", "--secret", "t=env:MY_TOKEN", *limits, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["data"]["spec"]["secrets"] == [{"name": "t", "source": None, "variable": "MY_TOKEN"}]
        assert main([*front, "exec", "hush", "--", "sh", "-c", "wc -c </run/secrets/t"]) == 0
        assert capsys.readouterr().out.strip() == str(len(VALUE))
        assert main([*front, "inspect", "hush", "--json"]) == 0
    finally:
        main([*front, "rm", "hush"])
    shown = capsys.readouterr()
    assert VALUE not in shown.out + shown.err
