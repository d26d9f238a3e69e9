"""Where this machine's own package clients look: the registries that `detect` stands for.

The repository's files are not heeded: the clients are asked in an empty folder.
"""

from __future__ import annotations

import logging
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.process import run_program

log = logging.getLogger(__name__)

SECONDS = 20.0
INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
REGISTRY_VARIABLES = ("npm_config_registry", "NPM_CONFIG_REGISTRY")
_DEFAULT_INDEX = re.compile(r"--default-index\b[^[]*?\(by default: <(https?://[^\s>]+)>", re.S)


def python_index(environment: Mapping[str, str]) -> str | None:
    """Return the JSON API of the index that pip or uv use here; None where there is none that we can tell."""
    set_one = next((environment[name] for name in INDEX_VARIABLES if environment.get(name)), None)
    simple = set_one or _ask([sys.executable, "-m", "pip", "config", "get", "global.index-url"], environment).strip()
    return json_api(simple or _uv_default(environment))


def npm_registry(environment: Mapping[str, str]) -> str | None:
    """Return the registry that npm uses here; None without npm."""
    set_one = next((environment[name] for name in REGISTRY_VARIABLES if environment.get(name)), None)
    found = (set_one or _ask(["npm", "config", "get", "registry"], environment)).strip().rstrip("/")
    return found if _is_url(found) else None


def go_proxy(environment: Mapping[str, str]) -> str | None:
    """Return the first module proxy that go uses here; None without go, or where it asks no proxy first."""
    found = (environment.get("GOPROXY") or _ask(["go", "env", "GOPROXY"], environment)).strip()
    first = re.split(r"[,|]", found)[0].strip().rstrip("/")
    return first if _is_url(first) else None


def json_api(simple: str) -> str | None:
    """Return the base of the JSON API that belongs to an index's simple pages; None where none can be told."""
    base = simple.strip().rstrip("/")
    if not _is_url(base) or not base.endswith("/simple"):
        return None
    return f"{base.removesuffix('/simple')}/pypi"


def _uv_default(environment: Mapping[str, str]) -> str:
    """What uv, which installs for us, says that it uses when nothing is set."""
    import uv

    found = _DEFAULT_INDEX.search(_ask([uv.find_uv_bin(), "help", "pip", "install"], environment))
    return found[1] if found else ""


def _is_url(text: str) -> bool:
    return re.fullmatch(r"https?://[^\s]+", text) is not None


def _ask(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a client prints; empty where it is not there or fails."""
    with tempfile.TemporaryDirectory(prefix="roadcrew-ask-") as folder:
        try:
            done = run_program(argv, cwd=Path(folder), env=environment, seconds=SECONDS, limit=1024 * 1024)
        except OSError as fault:
            log.info("%s cannot be asked for its registry: %s", argv[0], fault)
            return ""
    return done.stdout.decode("utf-8", "replace") if done.status == 0 else ""
