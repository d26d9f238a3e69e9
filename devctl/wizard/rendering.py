"""The Dockerfile of a wizard's answers: packages by their managers, caches cleaned, no root at the end."""

import json
import shlex

from devctl.wizard.records import WizardRequest

_VENV = "/opt/venv"


def render(request: WizardRequest) -> str:
    """Write the Dockerfile; the request's own grammar keeps everything else out of it."""
    lines = [f"FROM {request.base}", ""]
    lines += _apt(request) + _yum(request) + _pip(request) + _npm(request)
    lines += [f"EXPOSE {' '.join(map(str, sorted(set(request.ports))))}"] if request.ports else []
    lines += [f"LABEL {name}={_quoted(value)}" for name, value in sorted(request.labels.items())]
    user = request.user
    lines += [
        f"RUN id -u {user} >/dev/null 2>&1 || useradd --create-home --shell /bin/sh {user} \\",
        f"    && mkdir -p /work && chown {user}: /work",
        f"USER {user}",
        "WORKDIR /work",
    ]
    return "\n".join(lines) + "\n"


def _apt(request: WizardRequest) -> list[str]:
    wanted = set(request.apt)
    if request.base.startswith(("debian:", "ubuntu:")):
        wanted |= {"python3-venv"} if request.pip else set()
        wanted |= {"npm"} if request.npm else set()
    if not wanted:
        return []
    return [
        "RUN apt-get update \\",
        "    && apt-get install -y --no-install-recommends \\",
        *(f"        {shlex.quote(name)} \\" for name in sorted(wanted)),
        "    && rm -rf /var/lib/apt/lists/*",
    ]


def _yum(request: WizardRequest) -> list[str]:
    if not request.yum:
        return []
    names = " ".join(shlex.quote(name) for name in sorted(set(request.yum)))
    program = "$(command -v microdnf || command -v dnf || command -v yum)"
    return [f"RUN pm={program} \\", f"    && $pm install -y {names} \\", "    && $pm clean all"]


def _pip(request: WizardRequest) -> list[str]:
    if not request.pip:
        return []
    names = " ".join(shlex.quote(name) for name in sorted(set(request.pip)))
    return [
        f"RUN python3 -m venv {_VENV} \\",
        f"    && {_VENV}/bin/pip install --no-cache-dir {names}",
        f"ENV PATH={_VENV}/bin:$PATH",
    ]


def _npm(request: WizardRequest) -> list[str]:
    if not request.npm:
        return []
    names = " ".join(shlex.quote(name) for name in sorted(set(request.npm)))
    return [f"RUN npm install --global --ignore-scripts {names} \\", "    && npm cache clean --force"]


def _quoted(value: str) -> str:
    """A word as Dockerfiles quote it, in which nothing is filled in."""
    return json.dumps(value, ensure_ascii=False).replace("$", "\\$")
