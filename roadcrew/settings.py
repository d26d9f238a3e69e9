"""The settings of the face: one frozen object, read once from the environment and roadcrew.toml.

Where things are, and every secret, comes from the environment alone: a repository that somebody else wrote
must not be able to send a key to an address of its choice, nor to loosen a rule. roadcrew.toml says how the
team works there.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, ValidationError

from roadcrew.errors import SettingsInvalid
from roadcrew.research import research_settings
from roadcrew.secret_files import with_secret_files
from roadcrew.variables import Variables, expanded
from tools.research.settings import NO_RESEARCH, ResearchSettings

FILE_NAME = "roadcrew.toml"

EnvironmentBackend = Literal["auto", "docker", "bubblewrap"]
BACKENDS: dict[str, EnvironmentBackend] = {"auto": "auto", "docker": "docker", "bubblewrap": "bubblewrap"}


class Part(BaseModel):
    """A frozen group of settings that refuses names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ModelEndpoint(Part):
    """Where the model answers, and as what it is asked for."""

    base_url: str | None = None
    """`OPENAI_BASE_URL`; None for the client library's own default."""
    api_key: SecretStr | None = None
    """`OPENAI_API_KEY`."""
    name: str | None = None
    """`ROADCREW_MODEL`, or `model` in roadcrew.toml."""
    stream: bool | None = None
    """Ask for streams, for endpoints behind gateways that cut quiet connections."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds for one attempt."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_output_tokens: int | None = Field(default=None, ge=1)
    """Tokens of one reply at most."""
    traits: dict[str, JsonValue] = {}
    """What the endpoint can do: `[model.traits]`, and `ROADCREW_MODEL_TRAITS` as JSON, which wins."""
    traits_of: dict[str, dict[str, JsonValue]] = {}
    """The same for one model alone: `[model.traits_of."NAME"]`."""
    prices: dict[str, dict[str, float]] = {}
    """US dollars for a million tokens by model: input_usd, output_usd, cached_usd."""
    extra: dict[str, JsonValue] = {}
    """Further fields of each request's body, such as reasoning_effort."""


class GraphServer(Part):
    """A roadmap graph that somebody else runs."""

    uri: str
    """`NEO4J_URI`."""
    user: str = "neo4j"
    """`NEO4J_USER`."""
    password: SecretStr = SecretStr("")
    """`NEO4J_PASSWORD`."""
    database: str = "neo4j"
    """`NEO4J_DATABASE`."""
    reader_user: str | None = None
    """`NEO4J_READER_USER`; None asks as the same user in READ mode."""
    reader_password: SecretStr | None = None
    """`NEO4J_READER_PASSWORD`."""


class CodeHostAccess(Part):
    """Which GitHub, and as whom."""

    api_url: str | None = None
    """`GITHUB_API_URL`; None for the local forge, unless a token is set: then github.com."""
    token: SecretStr | None = None
    """`GITHUB_TOKEN`."""
    webhook_secret: SecretStr | None = None
    """`GITHUB_WEBHOOK_SECRET`."""
    repositories: tuple[str, ...] = ()
    """`ROADCREW_REPOSITORIES`, `owner/name` each: where a worker looks for new issues before it has worked there."""


class Team(Part):
    """How the team works on this repository; None leaves the team's own default."""

    coder: Literal["own", "opencode"] | None = None
    """Who takes the Coder's seat."""
    rounds: int | None = Field(default=None, ge=1, le=10)
    """Rounds of work, test and review before a person is asked."""
    approve_plan: bool | None = None
    """Whether a person approves the plan before work starts."""
    research: bool | None = None
    """False: the Researcher asks no outside source."""
    merge: Literal["auto", "never"] | None = None
    """Whether the Integrator merges when approval and checks are there."""
    merge_method: Literal["merge", "squash", "rebase"] | None = None
    label: str | None = Field(default=None, min_length=1, max_length=50)
    """The label that hands an issue to the team."""
    models: dict[str, str] = {}
    """Model by role; `default` for the others."""
    steps: int | None = Field(default=None, ge=1)
    """Model calls of one turn."""
    turn_seconds: float | None = Field(default=None, gt=0)
    """Wall-clock time of one turn."""
    command_seconds: float | None = Field(default=None, gt=0)
    """Time for one command of a role."""
    build_seconds: float | None = Field(default=None, gt=0)
    """Time for the first build or install of its kind in an environment."""
    suite_seconds: float | None = Field(default=None, gt=0)
    """Time for one run of a test suite."""
    task_tokens: int | None = Field(default=None, ge=1)
    feature_tokens: int | None = Field(default=None, ge=1)
    feature_cost_usd: float | None = Field(default=None, gt=0)
    """Money for one feature, in US dollars."""


class Settings(Part):
    """Everything a command may need to know; parts get their piece of it."""

    workspace: Path
    """Folder of the embedded servers, logs and artifacts."""
    repository: Path | None = None
    """The repository that the command was called in, if it was called in one."""
    model: ModelEndpoint = ModelEndpoint()
    graph: GraphServer | None = None
    """None for the embedded graph."""
    database_url: SecretStr | None = None
    """`DATABASE_URL`; None for the embedded PostgreSQL."""
    code_host: CodeHostAccess = CodeHostAccess()
    artifacts_url: str | None = None
    """`ROADCREW_ARTIFACTS`, an fsspec URL; None for the workspace's own folder."""
    environment_backend: EnvironmentBackend = "auto"
    """`DEVCTL_BACKEND`."""
    docker_host: str | None = None
    """`DOCKER_HOST`."""
    environments_folder: Path | None = None
    """`DEVCTL_FOLDER`, where prepared environments are cached; None for the workspace's own folder."""
    git_environment: dict[str, str] = {}
    """What git is told of proxies and certificates: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`,
    `GIT_SSL_CAINFO` or `SSL_CERT_FILE`."""
    opa_url: str | None = None
    """`OPA_URL`; None decides in process."""
    opa_token: SecretStr | None = None
    """`OPA_TOKEN`, for a server that asks for one."""
    policy_dry_run: bool = False
    """`ROADCREW_POLICY_DRY_RUN`: rules only log what they would deny."""
    policy_rules: Path | None = None
    """`ROADCREW_POLICY_RULES`, a folder of further rules; its data may loosen what is built in."""
    opencode: Path | None = None
    """`ROADCREW_OPENCODE`, the opencode program; None looks for it on PATH."""
    research: ResearchSettings = NO_RESEARCH
    """`ROADCREW_SEARCH_URL`, `ROADCREW_OSV_URL`, `ROADCREW_PYPI_URL`, `ROADCREW_NPM_URL`, `ROADCREW_GO_URL`; see roadcrew/research.py."""
    team: Team = Team()


def read_settings(
    *, workspace: Path | None = None, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of a command called in `folder` (the current one), raising SettingsInvalid.

    A workspace given on the command line wins over ROADCREW_WORKSPACE, the environment over roadcrew.toml.
    """
    given = os.environ if environment is None else environment
    env = with_secret_files(given)
    variables = Variables(env)
    repository = find_repository(folder or Path.cwd())
    file = _read_file(repository / FILE_NAME) if repository else {}
    place = str(workspace or variables.text("ROADCREW_WORKSPACE", "~/.roadcrew"))
    try:
        return Settings(
            workspace=expanded("the workspace", place).absolute(),
            repository=repository,
            model=_model(variables, file.get("model")),
            graph=_graph(variables),
            database_url=variables.database("DATABASE_URL"),
            code_host=_code_host(variables),
            artifacts_url=env.get("ROADCREW_ARTIFACTS"),
            environment_backend=_backend(env),
            docker_host=env.get("DOCKER_HOST"),
            environments_folder=variables.path("DEVCTL_FOLDER"),
            git_environment=_git_environment(env),
            opa_url=variables.url("OPA_URL"),
            opencode=variables.path("ROADCREW_OPENCODE"),
            opa_token=variables.secret("OPA_TOKEN"),
            policy_dry_run=variables.flag("ROADCREW_POLICY_DRY_RUN"),
            policy_rules=variables.path("ROADCREW_POLICY_RULES"),
            research=research_settings(given),
            team=Team.model_validate(file.get("team", {})),
        )
    except ValidationError as error:
        raise SettingsInvalid(_first_problem(error), f"mend {FILE_NAME}; docs/using.md lists its keys") from error


def find_repository(folder: Path) -> Path | None:
    """Return the nearest folder upwards that holds roadcrew.toml or is the root of a git work tree."""
    for place in (folder.absolute(), *folder.absolute().parents):
        if (place / FILE_NAME).is_file() or (place / ".git").exists():
            return place
    return None


def _read_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}", "mend it, or move it away") from error
    unknown = sorted(content.keys() - {"docs", "model", "policy", "team", "tests"})
    if unknown:
        raise SettingsInvalid(
            f"{path} has the unknown key {unknown[0]!r}",
            "it may hold `model` or [model], [team], [tests], [docs], [policy]; addresses and secrets come from the environment",
        )
    return content


def _model(variables: Variables, given: Any) -> ModelEndpoint:
    """The model: `model = "name"` or the table [model]; where it is, and its key, from the environment alone."""
    table = dict(given) if isinstance(given, dict) else {"name": given}
    foreign = sorted({"base_url", "api_key"} & set(table))
    if foreign:
        raise SettingsInvalid(
            f"{FILE_NAME} sets model.{foreign[0]}", "addresses and secrets come from the environment alone"
        )
    traits = {**table.pop("traits", {}), **variables.json_object("ROADCREW_MODEL_TRAITS")}
    name = variables.get("ROADCREW_MODEL") or table.pop("name", None)
    table.pop("name", None)
    return ModelEndpoint(
        base_url=variables.url("OPENAI_BASE_URL"),
        api_key=variables.secret("OPENAI_API_KEY"),
        name=name,
        traits=traits,
        **table,
    )


def _graph(variables: Variables) -> GraphServer | None:
    uri = variables.get("NEO4J_URI")
    if uri is None:
        return None
    if not uri.startswith(("bolt", "neo4j")):
        raise SettingsInvalid(f"NEO4J_URI is {uri!r}", "give a Bolt address, for example bolt://localhost:7687")
    return GraphServer(
        uri=uri,
        user=variables.text("NEO4J_USER", "neo4j"),
        password=SecretStr(variables.text("NEO4J_PASSWORD", "")),
        database=variables.text("NEO4J_DATABASE", "neo4j"),
        reader_user=variables.get("NEO4J_READER_USER"),
        reader_password=variables.secret("NEO4J_READER_PASSWORD"),
    )


def _code_host(variables: Variables) -> CodeHostAccess:
    return CodeHostAccess(
        api_url=variables.url("GITHUB_API_URL"),
        token=variables.secret("GITHUB_TOKEN"),
        webhook_secret=variables.secret("GITHUB_WEBHOOK_SECRET"),
        repositories=variables.repositories("ROADCREW_REPOSITORIES"),
    )


def _git_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Under the names that git and its HTTP library read; servers of this machine need no proxy."""
    found = {}
    for name in ("https_proxy", "http_proxy", "all_proxy"):
        value = env.get(name) or env.get(name.upper())
        if value:
            found[name] = value
    if found:
        given = env.get("no_proxy") or env.get("NO_PROXY")
        found["no_proxy"] = ",".join([*([given] if given else []), "localhost", "127.0.0.1", "::1"])
    certificates = env.get("GIT_SSL_CAINFO") or env.get("SSL_CERT_FILE")
    if certificates:
        found["GIT_SSL_CAINFO"] = certificates
    return found


def _backend(env: Mapping[str, str]) -> EnvironmentBackend:
    chosen = env.get("DEVCTL_BACKEND", "auto")
    if chosen not in BACKENDS:
        raise SettingsInvalid(f"DEVCTL_BACKEND is {chosen!r}", f"set it to one of {', '.join(BACKENDS)}")
    return BACKENDS[chosen]


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"the setting {place!r} cannot be used: {first['msg'].lower()} (it is {first['input']!r})"
