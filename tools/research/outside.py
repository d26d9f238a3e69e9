"""The outside sources of one process: what the settings turn on, asked within limits; safe to share between threads."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args
from urllib.parse import unquote, urlsplit

from tools.errors import SourceRefused, SourceUnavailable
from tools.research import clients, versions
from tools.research.addresses import origin_of
from tools.research.advisories import Advisories, Pin, ask_advisories
from tools.research.endpoint_search import search_by_endpoint
from tools.research.go_proxy import NAME as GO_NAME
from tools.research.go_proxy import WHO as GO_WHO
from tools.research.go_proxy import go_module
from tools.research.node_registry import NAME as NODE_NAME
from tools.research.node_registry import node_package
from tools.research.packages import PackageFacts
from tools.research.page import read_page
from tools.research.python_registry import NAME as PYTHON_NAME
from tools.research.python_registry import python_package
from tools.research.search import WHO as SEARCH
from tools.research.search import search
from tools.research.settings import DETECT, ENDPOINT, Ecosystem, ResearchSettings
from tools.research.source import Hit, Reading
from tools.research.web import UNANSWERED, Web

Registry = Literal["python", "node", "go"]
"""The ecosystems whose registries can be asked."""


class _Registry(NamedTuple):
    """How the packages of one ecosystem are asked about."""

    who: str
    setting: str
    """Its field of the settings."""
    variable: str
    name: re.Pattern[str]
    ask: Callable[[Web, str, str], PackageFacts]
    detect: Callable[[Mapping[str, str]], str | None]


_REGISTRIES: Mapping[Registry, _Registry] = {
    "python": _Registry(
        "the Python package index", "pypi_url", "ROADCREW_PYPI_URL", PYTHON_NAME, python_package, clients.python_index
    ),
    "node": _Registry("the npm registry", "npm_url", "ROADCREW_NPM_URL", NODE_NAME, node_package, clients.npm_registry),
    "go": _Registry(GO_WHO, "go_url", "ROADCREW_GO_URL", GO_NAME, go_module, clients.go_proxy),
}


class OutsideSources:
    """Asks search, pages, registries and OSV; each raises SourceUnavailable where it is off or down."""

    def __init__(self, settings: ResearchSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._webs: dict[str, Web] = {}
        self._registries: dict[Registry, str | None] = {}
        named = (settings.search_url, settings.osv_url, settings.pypi_url, settings.npm_url, settings.go_url)
        origins = [origin_of(url) for url in named if url and url not in (ENDPOINT, DETECT)]
        self._pages = Web(settings.limits, origins)

    @property
    def searching(self) -> bool:
        """Whether there is a search."""
        return self.settings.search_url is not None

    @property
    def advising(self) -> bool:
        """Whether OSV is asked."""
        return self.settings.osv_url is not None

    @property
    def registries(self) -> tuple[Registry, ...]:
        """The ecosystems whose registries are turned on; whether one can be told from this machine shows when it is asked."""
        return tuple(one for one in get_args(Registry) if getattr(self.settings, _REGISTRIES[one].setting))

    def registry(self, ecosystem: Registry) -> str | None:
        """Return the registry's address; None where it is off, or this machine's clients name none."""
        chosen: str | None = getattr(self.settings, _REGISTRIES[ecosystem].setting)
        if chosen != DETECT:
            return chosen
        with self._lock:
            if ecosystem not in self._registries:
                self._registries[ecosystem] = _REGISTRIES[ecosystem].detect(self.settings.clients)
            return self._registries[ecosystem]

    def search(self, query: str) -> tuple[Hit, ...]:
        """Return what the search finds, unread."""
        if self.settings.search_url == ENDPOINT and self.settings.endpoint is not None:
            return search_by_endpoint(self.settings.endpoint, query)
        base = _needed(self.settings.search_url, SEARCH, "ROADCREW_SEARCH_URL")
        return search(self._web(base), base, query)

    def page(self, url: str) -> Reading:
        """Return a page as text; raises SourceRefused for an address that is not public."""
        return read_page(self._pages, url)

    def package(self, ecosystem: Registry, name: str) -> PackageFacts:
        """Return what the registry says of a package."""
        registry = _REGISTRIES[ecosystem]
        if not registry.name.fullmatch(name):
            raise SourceRefused(f"{name[:100]!r} is no name of a {ecosystem} package", "give its bare name")
        base = _needed(self.registry(ecosystem), registry.who, registry.variable)
        facts = registry.ask(self._web(base), _bare(base), name)
        if _plain(facts.name) != _plain(name):
            raise SourceUnavailable(
                f"{registry.who} answers about {facts.name[:100]!r} when it is asked about {name!r}",
                f"check {registry.variable}",
            )
        return facts

    def advisories(self, pins: Sequence[Pin]) -> Advisories:
        """Return what is known against these versions."""
        base = _needed(self.settings.osv_url, "OSV", "ROADCREW_OSV_URL")
        return ask_advisories(self._web(base), base, pins)

    def would_install(self, ecosystem: Ecosystem, requirement: str) -> Pin | None:
        """Return the version that a requirement would install now; None where that cannot be told.

        Raises SourceUnavailable when the registry is down, SourceRefused for a package that it does not know.
        """
        if ecosystem == "python":
            name, exact = versions.python_name(requirement), versions.pinned(requirement)
            if name and exact:
                return Pin(ecosystem=ecosystem, name=name, version=exact)
        elif ecosystem == "node":
            name = versions.node_name(requirement)
        else:
            return None
        if not name or self.registry(ecosystem) is None:
            return None
        facts = self.package(ecosystem, name)
        choose = versions.python_version_for if ecosystem == "python" else versions.node_version_for
        version = choose(facts, requirement)
        return Pin(ecosystem=ecosystem, name=name, version=version) if version else None

    def _web(self, base: str) -> Web:
        """One Web for each service, so that none of them is trusted by another."""
        with self._lock:
            if base not in self._webs:
                self._webs[base] = Web(self.settings.limits, [origin_of(base)], authorization=_credentials(base))
            return self._webs[base]


def _needed(address: str | None, who: str, variable: str) -> str:
    if address is None:
        raise SourceUnavailable(f"{who} {UNANSWERED}: it is turned off", f"{variable} turns it on")
    return address


def _bare(url: str) -> str:
    """An address without its user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _credentials(url: str) -> str | None:
    """The header that the user and password of an address make."""
    parts = urlsplit(url)
    if not parts.username:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _plain(name: str) -> str:
    """Return a package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).casefold()
