"""Secrets given as files: read into the settings, never guessed, and refused with words that help."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcrew.errors import SettingsInvalid
from roadcrew.secret_files import LARGEST, SECRETS, with_secret_files
from roadcrew.settings import read_settings

URL = "postgresql://roadcrew@postgres:5432/roadcrew"


def secret(folder: Path, content: bytes | str) -> str:
    path = folder / "secret"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


@pytest.mark.parametrize("name", sorted(set(SECRETS) - {"DATABASE_PASSWORD"}))
def test_each_secret_can_be_a_file(tmp_path: Path, name: str) -> None:
    assert with_secret_files({f"{name}_FILE": secret(tmp_path, "s3cret\n")}) == {name: "s3cret"}


def test_settings_hold_the_secrets_of_the_files(tmp_path: Path) -> None:
    path = secret(tmp_path, "s3cret\n")
    names = ("OPENAI_API_KEY", "GITHUB_TOKEN", "GITHUB_WEBHOOK_SECRET", "NEO4J_PASSWORD", "OPA_TOKEN")
    environment = {f"{name}_FILE": path for name in names} | {"NEO4J_URI": "bolt://neo4j:7687"}
    settings = read_settings(folder=tmp_path, environment=environment)
    assert settings.graph is not None
    found = (
        *(settings.model.api_key, settings.code_host.token, settings.code_host.webhook_secret),
        *(settings.graph.password, settings.opa_token),
    )
    assert [value and value.get_secret_value() for value in found] == ["s3cret"] * 5


def test_database_password_is_put_into_the_address(tmp_path: Path) -> None:
    environment = {"DATABASE_URL": URL, "DATABASE_PASSWORD_FILE": secret(tmp_path, "p@ss/w:rd")}
    url = read_settings(folder=tmp_path, environment=environment).database_url
    assert url is not None
    assert url.get_secret_value() == "postgresql://roadcrew:p%40ss%2Fw%3Ard@postgres:5432/roadcrew"


@given(st.text(min_size=1, alphabet=st.characters(codec="utf-8")))
def test_any_password_survives_the_address(password: str) -> None:
    url = urlsplit(with_secret_files({"DATABASE_URL": URL, "DATABASE_PASSWORD": password})["DATABASE_URL"])
    assert (unquote(url.password or ""), url.username, url.hostname, url.port) == (
        *(password, "roadcrew"),
        *("postgres", 5432),
    )


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"", "empty"), (b" \n", "empty"), (b"\xff\xfe", "UTF-8"), (b"a" * (LARGEST + 1), "bytes")],
)
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes, word: str) -> None:
    path = secret(tmp_path, content)
    with pytest.raises(SettingsInvalid, match=word) as caught:
        with_secret_files({"GITHUB_TOKEN_FILE": path})
    assert "GITHUB_TOKEN_FILE" in caught.value.message
    assert path in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="OPENAI_API_KEY_FILE is .*none.*No such file"):
        with_secret_files({"OPENAI_API_KEY_FILE": str(tmp_path / "none")})


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="Is a directory"):
        with_secret_files({"NEO4J_PASSWORD_FILE": str(tmp_path)})


def test_a_variable_besides_its_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="GITHUB_TOKEN and GITHUB_TOKEN_FILE") as caught:
        with_secret_files({"GITHUB_TOKEN": "ghp_x", "GITHUB_TOKEN_FILE": secret(tmp_path, "s3cret")})
    assert "ghp_x" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("url", ["", "postgresql://postgres/roadcrew", "postgresql://a:pw1@h/b", "mysql://a@h/b"])
def test_a_password_that_fits_no_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        with_secret_files({"DATABASE_URL": url, "DATABASE_PASSWORD": "s3cret"})
    shown = caught.value.message + caught.value.hint
    assert "s3cret" not in shown
    assert "pw1" not in shown
