"""Checks of a Dockerfile, under hadolint's numbers where it has the same rule (DL…), else our own (DC…)."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from devctl.records import Record

Severity = Literal["error", "warning"]


class LintFinding(Record):
    """One thing that is wrong with a Dockerfile."""

    rule: str
    severity: Severity
    line: int
    message: str


class _Step(NamedTuple):
    instruction: str
    value: str
    line: int


class _Rule(NamedTuple):
    id: str
    severity: Severity
    message: str
    broken: Callable[[_Step], bool]


def _runs(pattern: str, *, without: str = "", instruction: str = "RUN") -> Callable[[_Step], bool]:
    """Steps that say the one and not the other."""

    def broken(step: _Step) -> bool:
        said = step.instruction == instruction and re.search(pattern, step.value) is not None
        return said and not (without and re.search(without, step.value))

    return broken


def _names(step: _Step, installing: str) -> list[str]:
    """The packages of an installing command, without its options."""
    found: list[str] = []
    for command in re.split(r"&&|;|\|\||\n", step.value if step.instruction == "RUN" else ""):
        if match := re.search(installing, command):
            found += [word.strip("'\"") for word in command[match.end() :].split() if not word.startswith("-")]
    return [name for name in found if name not in ("\\", "") and "$" not in name]


def _unpinned(installing: str, pinned: str) -> Callable[[_Step], bool]:
    return lambda step: any(not re.search(pinned, name) for name in _names(step, installing))


def _image(step: _Step) -> str:
    """What a FROM names; empty where it names nothing."""
    return next((word for word in step.value.split() if not word.startswith("--")), "")


def _stages(steps: Sequence[_Step]) -> set[str]:
    """The names that stages give themselves."""
    named = (re.search(r"\sas\s+(\S+)\s*$", step.value, re.IGNORECASE) for step in steps if step.instruction == "FROM")
    return {found[1].lower() for found in named if found}


def _untagged(step: _Step) -> bool:
    if step.instruction != "FROM":
        return False
    image = _image(step)
    return image != "scratch" and "$" not in image and "@" not in image and ":" not in image.rsplit("/", 1)[-1]


def _bad_port(step: _Step) -> bool:
    ports = re.findall(r"\d+", step.value) if step.instruction == "EXPOSE" else []
    return any(not 1 <= int(port) <= 65_535 for port in ports)


_SENSITIVE = r"(?i)\b\w*(password|passwd|secret|token|api_?key|private_?key)\w*\s*[= ]\s*\S"
_APT, _PIP, _NPM = r"apt(-get)?\s+(-\S+\s+)*install", r"pip3?\s+(-\S+\s+)*install", r"npm\s+(install|i|add)\b"
RULES: tuple[_Rule, ...] = (
    _Rule("DL3000", "error", "write an absolute WORKDIR", _runs(r"^(?![/$\"'])", instruction="WORKDIR")),
    _Rule("DL3004", "error", "do not use sudo: be root for a step, and a user at the end", _runs(r"\bsudo\b")),
    _Rule("DL3006", "warning", "give the base image a tag", _untagged),
    _Rule("DL3007", "warning", "`latest` changes under you: name a version", _runs(r":latest\b", instruction="FROM")),
    _Rule("DL3008", "warning", "pin packages of apt: name=version", _unpinned(_APT, "=")),
    _Rule("DL3009", "warning", "remove apt's lists: rm -rf /var/lib/apt/lists/*", _runs(_APT, without=r"rm\s+-\S+\s+/var/lib/apt")),
    _Rule("DL3011", "error", "ports are from 1 to 65535", _bad_port),
    _Rule("DL3013", "warning", "pin packages of pip: name==version", _unpinned(_PIP, r"[=<>~]=?|^[./]|\.txt$")),
    _Rule("DL3014", "error", "apt-get install waits for an answer without -y", _runs(_APT, without=r"\s(-y|-yq|-qy|-qqy|--yes)\b")),
    _Rule("DL3015", "warning", "leave out what is only recommended: --no-install-recommends", _runs(_APT, without=r"--no-install-recommends")),
    _Rule("DL3016", "warning", "pin packages of npm: name@version", _unpinned(_NPM, r".@")),
    _Rule("DL3020", "warning", "COPY files; ADD unpacks and fetches", _runs(r"^(?!.*(https?://|\.tar|\.tgz))", instruction="ADD")),
    _Rule("DL3025", "warning", "write CMD and ENTRYPOINT as a list", lambda step: step.instruction in ("CMD", "ENTRYPOINT") and not step.value.startswith("[")),
    _Rule("DL3032", "warning", "clean yum's caches: yum clean all", _runs(r"(yum|dnf)\s+(-\S+\s+)*install", without=r"clean all")),
    _Rule("DL3042", "warning", "keep pip's cache out of the image: --no-cache-dir", _runs(_PIP, without=r"--no-cache-dir")),
    _Rule("DC1001", "error", "no secrets in ENV and ARG: they stay in the image; mount them with --secret", lambda step: step.instruction in ("ENV", "ARG") and re.search(_SENSITIVE, step.value) is not None),
    _Rule("DC1002", "error", "do not run what was just fetched: COPY it and check it", _runs(r"(curl|wget)[^|;&]*\|\s*(sudo\s+)?(ba|da|z)?sh\b")),
    _Rule("DC1003", "error", "no Docker engine inside, nor its socket", _runs(r"docker\.sock|\bdocker(\.io|-ce|-engine)\b")),
    _Rule("DC1004", "error", "do not take the checks of packages away", _runs(r"--allow-unauthenticated|--trusted-host|--nogpgcheck|strict-ssl\s+false")),
    _Rule("DC1005", "error", "no files that all may write", _runs(r"chmod\s+(-R\s+)?0?777\b")),
)  # fmt: skip
"""The rules that look at one step; `DL3002`, the last user, looks at all."""


def lint(dockerfile: str) -> list[LintFinding]:
    """Check a Dockerfile; findings in the order of its lines."""
    steps = list(_steps(dockerfile))
    if not any(step.instruction == "FROM" for step in steps):
        return [LintFinding(rule="DC1000", severity="error", line=1, message="it has no FROM, so it is no Dockerfile")]
    stages = _stages(steps)
    found = [
        LintFinding(rule=rule.id, severity=rule.severity, line=step.line, message=rule.message)
        for step in steps
        if not (step.instruction == "FROM" and _image(step).lower() in stages)
        for rule in RULES
        if rule.broken(step)
    ]
    users = [step for step in steps if step.instruction in ("USER", "FROM")]
    last = users[-1]
    if last.instruction == "FROM" or last.value.partition(":")[0] in ("root", "0"):
        found.append(
            LintFinding(rule="DL3002", severity="error", line=last.line, message="the last USER is root: name another")
        )
    return sorted(found, key=lambda finding: (finding.line, finding.rule))


def _steps(dockerfile: str) -> Iterator[_Step]:
    from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped] # no type information

    for step in DockerfileParser(fileobj=io.BytesIO(dockerfile.encode())).structure:
        if step["instruction"] != "COMMENT":
            yield _Step(step["instruction"], step["value"], step["startline"] + 1)
