"""Which outside sources may be asked, and within which limits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from tools.record import Record

OSV_URL = "https://api.osv.dev"
"""The public database of advisories."""
ENDPOINT = "endpoint"
"""In place of a search address: the model endpoint's own web search."""
DETECT = "detect"
"""In place of a registry's address: what this machine's own package clients are configured with."""


class WebLimits(Record):
    """How long and how much one request may take."""

    connect_seconds: float = Field(default=3.0, gt=0)
    """Until the connection stands; short, so that a closed network costs little."""
    seconds: float = Field(default=20.0, gt=0)
    """One request as a whole, redirects included."""
    answer_bytes: int = Field(default=32 * 1024 * 1024, ge=1)
    """Of an answer that a service gives to a program, unpacked."""
    page_bytes: int = Field(default=3 * 1024 * 1024, ge=1)
    """Of a page, unpacked."""
    redirects: int = Field(default=4, ge=0)
    away_seconds: float = Field(default=60.0, ge=0)
    """How long a service that failed twice in a row is not asked again."""
    longest_wait: float = Field(default=5.0, ge=0)
    """Seconds that we wait once when a service asks us to come back later."""


class EndpointSearch(Record):
    """The model endpoint's own web search, by the Responses API."""

    base_url: str
    api_key: SecretStr
    model: str
    seconds: float = 120.0


class ResearchSettings(Record):
    """The outside sources; None turns one off."""

    search_url: str | None = None
    """Base of a SearXNG server that answers in JSON; `endpoint` for the model endpoint's own search."""
    osv_url: str | None = None
    """Base of the OSV API."""
    pypi_url: str | None = None
    """Base of a Python index's JSON API (what stands before `/<name>/json`); `detect` asks pip and uv of this machine."""
    npm_url: str | None = None
    """Base of an npm registry; `detect` asks npm of this machine."""
    go_url: str | None = None
    """Base of a Go module proxy; `detect` asks go of this machine."""
    clients: dict[str, str] = Field(default={}, repr=False)
    """The environment that this machine's package clients are asked in, and whose variables win over their files."""
    endpoint: EndpointSearch | None = None
    """The model endpoint, for `search_url = "endpoint"`."""
    limits: WebLimits = WebLimits()

    @property
    def configured(self) -> bool:
        """Whether anything at all may be asked."""
        return any((self.search_url, self.osv_url, self.pypi_url, self.npm_url, self.go_url))


NO_RESEARCH = ResearchSettings()
"""Nothing outside is asked."""

Ecosystem = Literal["python", "node", "go", "rust", "maven"]
"""Where a package is from, by the names that Roadcrew has for them."""
