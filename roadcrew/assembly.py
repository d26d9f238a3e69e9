"""The assembly: builds the crew from the settings and the workspace, and hands it down."""

from __future__ import annotations

import os
import socket
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Self

from pydantic import SecretStr, ValidationError

from agents.checkpoints import make_checkpoint_tables
from agents.crew import Crew, Desk
from agents.database import Database, connections_for
from agents.engine import Engine
from agents.errors import AgentsError
from agents.ids import FEATURE_BRANCHES
from agents.plays import PLAYS
from agents.settings import Caps, CrewSettings
from devctl import DevctlError, DevctlSettings, Launcher, open_launcher, without_environments
from graph import GraphError, Roadmap, RoadmapReader
from local import LocalError, Workspace
from policies import PolicyEngine, PolicyError, open_engine
from prompts import PromptError
from roadcrew.edges import CodeHostEnd, code_host_end, database_url, graph_ends, policy_settings
from roadcrew.errors import RoadcrewError, SettingsInvalid
from roadcrew.jobs import Queue
from roadcrew.local_people import LocalPeople
from roadcrew.settings import Settings
from specs import SpecsError
from tools.artifacts import ArtifactStore
from tools.codehost import CodeHost, CodeHostSettings
from tools.errors import RunStopped, ToolError
from tools.gitrun import GitSettings
from tools.mirror import Mirror
from tools.model import ModelClient, ModelSettings
from tools.model_traits import EndpointTraits
from tools.pricing import Price
from tools.research.outside import OutsideSources
from tools.research.settings import ENDPOINT, EndpointSearch

KNOWN_ERRORS: tuple[type[Exception], ...] = (
    AgentsError,
    RunStopped,
    ToolError,
    GraphError,
    DevctlError,
    LocalError,
    PolicyError,
    PromptError,
    SpecsError,
    RoadcrewError,
)
"""Every error that has words for people; `Fenced` is an AgentsError but never reaches people."""

NO_MODEL = "http://127.0.0.1:9/v1"
"""Stands for the model in commands that ask none: nothing listens there."""
OPENAI = "https://api.openai.com/v1"
MOST_DESKS = 64
"""Repositories whose desks are kept at once."""


@dataclass(frozen=True)
class Office:
    """One process's whole product: the crew, its engine and its queue."""

    settings: Settings
    workspace: Workspace
    crew: Crew
    engine: Engine
    queue: Queue
    url: str
    """PostgreSQL's address."""
    host: CodeHostEnd
    people: LocalPeople | None
    """The identities on the local forge; None on another code host."""


@contextmanager
def open_office(
    settings: Settings,
    workspace: Workspace,
    model_base_url: str | None = None,
    unsandboxed: bool = False,
    environments: bool = True,
    jobs: int = 4,
) -> Iterator[Office]:
    """Build everything, and take it down again.

    ``model_base_url`` is the replay server in the demo; else the settings name the endpoint. Without
    ``environments`` no sandbox is looked for, and a launch raises `SandboxUnavailable`. ``jobs`` is how
    many are done at a time.
    """
    with ExitStack() as stack:
        url = database_url(settings, workspace)
        database = Database(url, connections_for(jobs))
        database.open()
        stack.callback(database.close)
        make_checkpoint_tables(database)
        queue = Queue(url)
        queue.open()
        stack.callback(queue.close)
        ends = graph_ends(settings, workspace)
        roadmap = stack.enter_context(Roadmap(ends.writer))
        roadmap.migrate()
        reader = stack.enter_context(RoadmapReader(ends.reader))
        policy = open_engine(policy_settings(settings))
        launcher = _launcher(settings, workspace, policy, unsandboxed) if environments else without_environments()
        model = stack.enter_context(ModelClient(model_settings(settings, model_base_url)))
        host = code_host_end(settings, workspace)
        people = _people(workspace, host)
        crew = Crew(
            settings=crew_settings(settings, workspace),
            database=database,
            roadmap=roadmap,
            reader=reader,
            model=model,
            launcher=launcher,
            artifacts=ArtifactStore(settings.artifacts_url or (workspace.path / "artifacts").as_uri()),
            policy=policy,
            desk=stack.enter_context(Desks(settings, workspace, host, people)),
            outside=outside_sources(settings),
            known_errors=tuple(error for error in KNOWN_ERRORS),
        )
        engine = Engine(crew, queue, PLAYS)
        yield Office(settings, workspace, crew, engine, queue, url, host, people)


def crew_settings(settings: Settings, workspace: Workspace) -> CrewSettings:
    """Return the team's settings; what roadcrew.toml leaves open keeps the team's own default."""
    team = settings.team
    caps = {
        "steps": team.steps,
        "seconds": team.turn_seconds,
        "task_tokens": team.task_tokens,
        "feature_tokens": team.feature_tokens,
        "feature_cost_usd": team.feature_cost_usd,
    }
    given = {
        "rounds": team.rounds,
        "approve_plan": team.approve_plan,
        "merge": team.merge,
        "merge_method": team.merge_method,
        "label": team.label,
        "command_seconds": team.command_seconds,
        "build_seconds": team.build_seconds,
        "suite_seconds": team.suite_seconds,
        "coder_seat": team.coder,
        "opencode": settings.opencode,
    }
    values: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    values["folder"] = workspace.path
    values["holder"] = f"{socket.gethostname()}:{os.getpid()}"
    values["caps"] = Caps.model_validate({name: value for name, value in caps.items() if value is not None})
    return CrewSettings.model_validate(values)


def model_settings(settings: Settings, base_url: str | None = None) -> ModelSettings:
    """Return where the model is; raises `SettingsInvalid` when no model is named."""
    if base_url is not None:
        free = Price(input_usd=0, output_usd=0)  # nobody is asked, so nothing is paid
        return ModelSettings(
            base_url=base_url, api_key=SecretStr("replay"), default_model="recorded", prices={"recorded": free}
        )
    model, name = settings.model, settings.model.name or settings.team.models.get("default")
    values = model.model_dump(include={"temperature", "max_output_tokens", "traits", "traits_of", "prices", "extra"})
    given = {"stream": model.stream, "timeout": model.timeout}
    try:
        for traits in (model.traits, *model.traits_of.values()):
            EndpointTraits.model_validate(traits)
        return ModelSettings.model_validate(
            {
                "base_url": model.base_url or (OPENAI if model.api_key else NO_MODEL),
                "api_key": model.api_key or SecretStr(""),
                "default_model": name or "default",
                "models": settings.team.models,
                **values,
                **{key: value for key, value in given.items() if value is not None},
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsInvalid(
            f"[model] of roadcrew.toml, or ROADCREW_MODEL_TRAITS: {place}: {first['msg'].lower()} (it is"
            f" {first['input']!r})",
            "docs/using.md lists the traits and their values",
        ) from error


def outside_sources(settings: Settings) -> OutsideSources | None:
    """Return what the Researcher may ask outside; None where nothing is set, or the team is to ask nothing."""
    if settings.team.research is False or not settings.research.configured:
        return None
    research = settings.research
    if research.search_url == ENDPOINT:
        model = model_settings(settings)
        search = EndpointSearch(base_url=model.base_url, api_key=model.api_key, model=model.model_for("researcher"))
        research = research.model_copy(update={"endpoint": search})
    return OutsideSources(research)


def need_model(settings: Settings) -> None:
    """Raise `SettingsInvalid` unless an endpoint and a model are named."""
    if settings.model.base_url is None and settings.model.api_key is None:
        raise SettingsInvalid(
            "no model is set: OPENAI_BASE_URL and OPENAI_API_KEY are empty",
            "set OPENAI_API_KEY, or OPENAI_BASE_URL for any OpenAI-compatible endpoint, and ROADCREW_MODEL",
        )
    if not (settings.model.name or settings.team.models.get("default")):
        raise SettingsInvalid("ROADCREW_MODEL is not set", "name the model that your endpoint should use")


def _launcher(settings: Settings, workspace: Workspace, policy: PolicyEngine, unsandboxed: bool) -> Launcher:
    backend = (
        "none" if unsandboxed else None if settings.environment_backend == "auto" else settings.environment_backend
    )
    folder = settings.environments_folder or workspace.path / "devctl"
    return open_launcher(DevctlSettings.from_environment(folder=folder, backend=backend), policy)


def _people(workspace: Workspace, host: CodeHostEnd) -> LocalPeople | None:
    if not host.is_local:
        return None
    from local import ensure_forge

    return LocalPeople(workspace, ensure_forge(workspace))


class Desks:
    """The desks of repositories: each one's code host, and a mirror in this process's folder.

    A context manager; at its end, and where a repository was not asked for in a long time, connections are closed.
    """

    def __init__(
        self, settings: Settings, workspace: Workspace, host: CodeHostEnd, people: LocalPeople | None,
        most: int = MOST_DESKS,
    ) -> None:  # fmt: skip
        """Keep `most` at once, those that were asked for last."""
        self._most = most
        self._git = GitSettings(environment=settings.git_environment)
        self._folder = workspace.path / "mirrors"
        self._host = host
        self._token = people.team().token if people else SecretStr(host.token)
        self._lock = threading.Lock()
        self._desks: OrderedDict[str, Desk] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for desk in self._desks.values():
            desk.host.close()

    def __call__(self, repository: str) -> Desk:
        """Return the desk of a repository; the same one until it is forgotten."""
        with self._lock:
            if (known := self._desks.get(repository)) is not None:
                self._desks.move_to_end(repository)
                return known
        opened = self._open(repository)  # asks the code host, while others find theirs
        with self._lock:
            desk = self._desks.setdefault(repository, opened)
            left = [self._desks.popitem(last=False)[1] for _ in range(len(self._desks) - self._most)]
        for one in (*left, opened):
            if one is not desk:
                one.host.close()
        return desk

    def _open(self, repository: str) -> Desk:
        host = CodeHost(CodeHostSettings(api_url=self._host.api_url, token=self._token, repository=repository))
        folder = self._folder / f"{repository.replace('/', '+')}.git"
        info = host.repository()
        branches = (info.default_branch, FEATURE_BRANCHES)
        mirror = Mirror(folder, info.clone_url, self._token, self._git, branches=branches, partial=True)
        return Desk(host=host, mirror=mirror)
