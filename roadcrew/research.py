"""Which outside sources the Researcher may ask, from the environment; an empty variable turns its source off."""

from __future__ import annotations

from collections.abc import Mapping

from roadcrew.errors import SettingsInvalid
from tools.errors import SourceRefused
from tools.research.addresses import origin_of
from tools.research.settings import DETECT, ENDPOINT, OSV_URL, ResearchSettings

CLIENTS = ("PIP_", "UV_", "NPM_CONFIG_", "npm_config_", "XDG_", "GOPROXY", "GOENV", "GOFLAGS")
"""Beginnings of the variables that package clients heed."""
PLAIN = frozenset({"PATH", "HOME", "LANG", "APPDATA", "USERPROFILE"})


def research_settings(environment: Mapping[str, str]) -> ResearchSettings:
    """Return the outside sources; raises SettingsInvalid for what is no address.

    Unset, the public OSV is asked and the registries that this machine's own package clients use; there is no search.
    """
    pypi_url = _address(environment, "ROADCREW_PYPI_URL", DETECT, also=DETECT)
    npm_url = _address(environment, "ROADCREW_NPM_URL", DETECT, also=DETECT)
    # who turned every registry off before there was this one does not want this one asked either
    go_default = DETECT if pypi_url or npm_url else ""
    return ResearchSettings(
        search_url=_address(environment, "ROADCREW_SEARCH_URL", "", also=ENDPOINT),
        osv_url=_address(environment, "ROADCREW_OSV_URL", OSV_URL),
        pypi_url=pypi_url,
        npm_url=npm_url,
        go_url=_address(environment, "ROADCREW_GO_URL", go_default, also=DETECT),
        clients={name: value for name, value in environment.items() if name in PLAIN or name.startswith(CLIENTS)},
    )


def _address(environment: Mapping[str, str], name: str, default: str, also: str = "") -> str | None:
    value = environment.get(name, default).strip().rstrip("/")
    if not value or value == also:
        return value or None
    try:
        origin_of(value)
    except SourceRefused as fault:
        words = f", or {also!r}" if also else ""
        raise SettingsInvalid(
            f"{name} is {value!r}", f"give a URL that begins with http:// or https://{words}; empty turns it off"
        ) from fault
    return value
