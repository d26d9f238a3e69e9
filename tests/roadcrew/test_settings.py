"""Settings: read once, environment over file, secrets and addresses from the environment alone."""

from pathlib import Path

import pytest

from roadcrew.assembly import model_settings
from roadcrew.errors import SettingsInvalid
from roadcrew.settings import FILE_NAME, find_repository, read_settings


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "src" / "deep").mkdir(parents=True)
    return tmp_path


def write(repository: Path, text: str) -> None:
    (repository / FILE_NAME).write_text(text, encoding="utf-8")


def test_workspace_is_in_the_home_folder_by_default(tmp_path: Path) -> None:
    assert read_settings(folder=tmp_path, environment={}).workspace == Path("~/.roadcrew").expanduser()


def test_workspace_of_the_command_line_wins_over_the_variable(tmp_path: Path) -> None:
    environment = {"ROADCREW_WORKSPACE": str(tmp_path / "a")}
    assert read_settings(folder=tmp_path, environment=environment).workspace == tmp_path / "a"
    chosen = read_settings(workspace=tmp_path / "b", folder=tmp_path, environment=environment)
    assert chosen.workspace == tmp_path / "b"


def test_nothing_set_means_embedded_servers(tmp_path: Path) -> None:
    settings = read_settings(folder=tmp_path, environment={"NEO4J_URI": "", "OPENAI_API_KEY": "  "})
    assert settings.graph is None
    assert settings.database_url is None
    assert settings.model.api_key is None
    assert settings.code_host.token is None


def test_environment_wins_over_the_file(repository: Path) -> None:
    write(repository, 'model = "from-file"\n')
    assert read_settings(folder=repository, environment={}).model.name == "from-file"
    assert read_settings(folder=repository, environment={"ROADCREW_MODEL": "set"}).model.name == "set"


def test_file_is_found_from_a_folder_below(repository: Path) -> None:
    write(repository, '[team]\nrounds = 5\n[team.models]\nreviewer = "other"\n')
    settings = read_settings(folder=repository / "src" / "deep", environment={})
    assert settings.repository == repository
    assert settings.team.rounds == 5
    assert settings.team.models == {"reviewer": "other"}
    assert settings.team.merge is None


def test_outside_a_repository_none_is_found() -> None:
    assert find_repository(Path("/")) is None


@pytest.mark.parametrize("key", ["base_url", "api_key", "github_token", "opa_url", "unsandboxed"])
def test_file_cannot_say_where_things_are(repository: Path, key: str) -> None:
    write(repository, f'{key} = "https://elsewhere.example"\n')
    with pytest.raises(SettingsInvalid, match=key) as caught:
        read_settings(folder=repository, environment={"OPENAI_API_KEY": "secret"})
    assert "environment" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["[team]\nrounds = 0\n", "[team]\nspeed = 1\n", "[team]\nmerge = 'force'\n", "team = 3"]
)
def test_value_that_cannot_be_used_is_named(repository: Path, text: str) -> None:
    write(repository, text)
    with pytest.raises(SettingsInvalid, match="the setting|roadcrew.toml"):
        read_settings(folder=repository, environment={})


def test_file_that_is_not_toml_is_named(repository: Path) -> None:
    write(repository, "team: {}\n")
    with pytest.raises(SettingsInvalid, match="is not TOML"):
        read_settings(folder=repository, environment={})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_BASE_URL", "localhost:8000"),
        ("OPA_URL", "file:///etc/passwd"),
        ("NEO4J_URI", "http://localhost"),
        ("DEVCTL_BACKEND", "podman"),
        ("ROADCREW_OPENCODE", "~nobody-has-this-name/opencode"),
        ("ROADCREW_POLICY_DRY_RUN", "maybe"),
        ("ROADCREW_REPOSITORIES", "owner/name,name"),
    ],
)
def test_variable_that_cannot_be_used_is_named_with_its_value(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read_settings(folder=tmp_path, environment={name: value})
    assert name in caught.value.message
    assert value in caught.value.message
    assert caught.value.hint


def test_secrets_do_not_show_in_text(tmp_path: Path) -> None:
    environment = {
        "OPENAI_API_KEY": "hush-1",
        "GITHUB_TOKEN": "hush-2",
        "DATABASE_URL": "postgresql://u:hush-3@h/d",
        "NEO4J_URI": "bolt://h",
        "NEO4J_PASSWORD": "hush-4",
    }
    settings = read_settings(folder=tmp_path, environment=environment)
    assert "hush" not in repr(settings)
    assert "hush" not in settings.model_dump_json()


def test_the_model_may_be_a_table_with_traits_and_the_environment_wins(repository: Path) -> None:
    write(
        repository,
        '[model]\nname = "qwen"\nstream = true\n[model.traits]\ntools = "text"\ncontext_tokens = 8192\n'
        '[model.traits_of."big"]\ntools = "native"\n',
    )
    environment = {"ROADCREW_MODEL_TRAITS": '{"context_tokens": 16384}', "OPENAI_BASE_URL": "http://x/v1"}
    settings = read_settings(folder=repository, environment=environment)
    assert settings.model.name == "qwen"
    asking = model_settings(settings)
    assert asking.stream
    assert asking.traits == {"tools": "text", "context_tokens": 16384}
    assert asking.traits_of == {"big": {"tools": "native"}}


@pytest.mark.parametrize("line", ['tools = "loud"', 'colour = "red"', "context_tokens = 3"])
def test_an_unknown_trait_or_value_is_refused_with_its_name(repository: Path, line: str) -> None:
    write(repository, f"[model.traits]\n{line}\n")
    with pytest.raises(SettingsInvalid, match=line.split()[0]):
        model_settings(read_settings(folder=repository, environment={}))


def test_the_models_address_in_the_file_is_refused(repository: Path) -> None:
    write(repository, '[model]\nbase_url = "https://elsewhere.example"\n')
    with pytest.raises(SettingsInvalid, match="base_url"):
        read_settings(folder=repository, environment={})


def test_traits_that_are_no_json_are_refused(tmp_path: Path) -> None:
    for text in ("tools=text", "[1]"):
        with pytest.raises(SettingsInvalid, match="ROADCREW_MODEL_TRAITS"):
            read_settings(folder=tmp_path, environment={"ROADCREW_MODEL_TRAITS": text})


def test_git_is_told_of_proxies_and_certificates_under_the_names_that_it_reads(tmp_path: Path) -> None:
    environment = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "intern", "SSL_CERT_FILE": "/etc/ca.pem"}
    told = read_settings(folder=tmp_path, environment=environment).git_environment
    assert told == {
        "https_proxy": "http://proxy:3128",
        "no_proxy": "intern,localhost,127.0.0.1,::1",
        "GIT_SSL_CAINFO": "/etc/ca.pem",
    }
    assert read_settings(folder=tmp_path, environment={"NO_PROXY": "*"}).git_environment == {}


def test_registries_and_advisories_are_asked_unless_turned_off(tmp_path: Path) -> None:
    unset = read_settings(
        folder=tmp_path, environment={"PIP_INDEX_URL": "https://i.example.org/simple", "HOME": "/h", "X": "y"}
    )
    assert (unset.research.pypi_url, unset.research.npm_url, unset.research.search_url) == ("detect", "detect", None)
    assert unset.research.osv_url is not None
    assert unset.research.clients == {"PIP_INDEX_URL": "https://i.example.org/simple", "HOME": "/h"}
    off = {f"ROADCREW_{name}_URL": "" for name in ("OSV", "PYPI", "NPM")}
    assert not read_settings(folder=tmp_path, environment=off).research.configured
    assert unset.research.go_url == "detect"
    assert read_settings(folder=tmp_path, environment={"ROADCREW_GO_URL": ""}).research.go_url is None
    chosen = read_settings(folder=tmp_path, environment={**off, "ROADCREW_GO_URL": "https://go.example.org"}).research
    assert (chosen.go_url, chosen.configured) == ("https://go.example.org", True)


@pytest.mark.parametrize("name", ["SEARCH", "OSV", "PYPI", "NPM", "GO"])
def test_an_outside_source_needs_an_address(tmp_path: Path, name: str) -> None:
    variable = f"ROADCREW_{name}_URL"
    with pytest.raises(SettingsInvalid, match=f"{variable} is 'nonsense'"):
        read_settings(folder=tmp_path, environment={variable: "nonsense"})
    given = read_settings(folder=tmp_path, environment={variable: "http://10.0.0.1:8080/"}).research
    assert getattr(given, f"{name.lower()}_url") == "http://10.0.0.1:8080"


def test_only_the_search_can_be_the_endpoints(tmp_path: Path) -> None:
    environment = {"ROADCREW_SEARCH_URL": "endpoint"}
    assert read_settings(folder=tmp_path, environment=environment).research.search_url == "endpoint"
    with pytest.raises(SettingsInvalid, match="ROADCREW_OSV_URL"):
        read_settings(folder=tmp_path, environment={"ROADCREW_OSV_URL": "endpoint"})


def test_database_address_that_is_none_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="DATABASE_URL is no address") as caught:
        read_settings(folder=tmp_path, environment={"DATABASE_URL": "mysql://u:hush-7@h/d"})
    assert "hush-7" not in f"{caught.value.message}{caught.value.hint}"
    assert caught.value.__suppress_context__


def test_workspace_in_the_home_of_nobody_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="the workspace is '~nobody-has-this-name/w'"):
        read_settings(workspace=Path("~nobody-has-this-name/w"), folder=tmp_path, environment={})
