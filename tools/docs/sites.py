"""Documentation sites that a repository builds: mkdocs and Sphinx, in their strict modes."""

import re
import tomllib
from collections.abc import Callable
from typing import Any, Literal

from devctl import ExecResult
from tools.docs.records import DocFinding
from tools.mirror import Mirror
from tools.worktree import WorkTree

_FILES = ("docs/requirements.txt", "doc/requirements.txt", "requirements-docs.txt", "docs-requirements.txt",
          "requirements/docs.txt", "requirements_docs.txt")  # fmt: skip
_GROUPS = ("docs", "doc", "documentation")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?\s*([<>=!~].*|@.*)?(;.*)?$")
MKDOCS = ("mkdocs.yml", "mkdocs.yaml")
SECONDS = 300.0
"""For one build."""
_MKDOCS_LINE = re.compile(r"^(?:WARNING|ERROR)\s+-\s+(.*)$", re.MULTILINE)
_SPHINX_LINE = re.compile(r"^(?:(.*?):(?:(\d+):)? )?(?:WARNING|ERROR|CRITICAL): (.*)$", re.MULTILINE)
_NAMED = re.compile(r"['\"]([\w./ -]+\.(?:md|rst|markdown))['\"]")
_MOST = 30
"""Complaints that are told one by one."""
SPHINX = ("docs/conf.py", "doc/conf.py", "docs/source/conf.py")


def site_packages(mirror: Mirror, commit: str) -> tuple[str, ...]:
    """What the documents of a commit are made with, as its requirement files and groups for them say."""
    known = {entry.path for entry in mirror.files(commit)}
    if not known & {*MKDOCS, *SPHINX}:
        return ()
    texts = mirror.read_many(commit, [path for path in _FILES if path in known])
    lines = [line for content in texts.values() for line in content.decode("utf-8", "replace").splitlines()]
    lines += _grouped(mirror.read_many(commit, ["pyproject.toml"]).get("pyproject.toml", b""))
    wanted = [line.split(" #")[0].strip() for line in lines]
    return tuple(dict.fromkeys(line for line in wanted if _REQUIREMENT.match(line) and "@" not in line))


def _grouped(content: bytes) -> list[str]:
    try:
        table = tomllib.loads(content.decode("utf-8", "replace"))
    except tomllib.TOMLDecodeError:
        return []
    project: Any = table.get("project", {})
    places: list[Any] = [project.get("optional-dependencies") if isinstance(project, dict) else None]
    places.append(table.get("dependency-groups"))
    found: list[str] = []
    for place in places:
        for name in _GROUPS if isinstance(place, dict) else ():
            lines = place.get(name, [])
            found += [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    return found


class SiteBuild:
    """Builds what a commit configures; complaints that the base has as well are not the change's."""

    def __init__(self, mirror: Mirror, commit: str) -> None:
        known = {entry.path for entry in mirror.files(commit)}
        self._mkdocs = next((path for path in MKDOCS if path in known), None)
        self._sphinx = next((path for path in SPHINX if path in known), None)
        self.built: list[str] = []
        """Which sites were built."""
        self.notes: list[str] = []
        self.timed_out = False
        """Whether a build ran out of time, so that it might come out otherwise another time."""

    @property
    def configured(self) -> bool:
        """Whether there is a site at all."""
        return self._mkdocs is not None or self._sphinx is not None

    def findings(self, now: WorkTree, before: Callable[[], WorkTree]) -> list[DocFinding]:
        """Build in an environment of the commit and, where that fails, in one of the base."""
        found: list[DocFinding] = []
        for build in self._builds(now):
            mine = build(now)
            if mine:
                with before() as base:
                    known = {one.message for one in build(base)}
                mine = [one for one in mine if one.message not in known]
                self.notes += (
                    [f"{len(known)} complaints of the site's build are older than the change."] if known else []
                )
            found += mine
        return found

    def _builds(self, worktree: WorkTree) -> list[Callable[[WorkTree], list[DocFinding]]]:
        """The builds that are configured and whose program is installed."""
        builds: list[Callable[[WorkTree], list[DocFinding]]] = []
        kinds: list[tuple[Literal["mkdocs", "sphinx"], str | None, Callable[[WorkTree], list[DocFinding]]]] = [
            ("mkdocs", self._mkdocs, self._build_mkdocs),
            ("sphinx", self._sphinx, self._build_sphinx),
        ]
        for name, configuration, build in kinds:
            if configuration is None:
                continue
            if self._exec(worktree, f'python -c "import {name}"', 60).exit_code != 0:
                self.notes.append(
                    f"{configuration} was not built: {name} is not among the documentation's requirements."
                )
                continue
            self.built.append(name)
            builds.append(build)
        return builds

    def _build_mkdocs(self, worktree: WorkTree) -> list[DocFinding]:
        folder = "docs"
        ended = self._exec(worktree, f"python -m mkdocs build --strict -f {self._mkdocs} -d .git/doc_site")
        if ended.exit_code == 0:
            return []
        found = []
        for text in dict.fromkeys(_MKDOCS_LINE.findall(ended.output)):
            named = _NAMED.search(text)
            place = f"{folder}/{named[1]}" if named else str(self._mkdocs)
            found.append(_finding("mkdocs", place, 1, text))
        return found[:_MOST] or [_finding("mkdocs", str(self._mkdocs), 1, _tail(ended.output))]

    def _build_sphinx(self, worktree: WorkTree) -> list[DocFinding]:
        folder = str(self._sphinx).rpartition("/")[0]
        ended = self._exec(worktree, f"python -m sphinx -b html -q -E -W --keep-going {folder} .git/doc_sphinx")
        if ended.exit_code == 0:
            return []
        found = []
        for place, line, text in dict.fromkeys(_SPHINX_LINE.findall(ended.output)):
            path = place.strip().removeprefix(f"{worktree.workdir}/") or str(self._sphinx)
            found.append(_finding("sphinx", path, int(line or 1), text))
        return found[:_MOST] or [_finding("sphinx", str(self._sphinx), 1, _tail(ended.output))]

    def _exec(self, worktree: WorkTree, command: str, seconds: float = SECONDS) -> ExecResult:
        ended = worktree.exec(command, seconds=seconds)
        self.timed_out = self.timed_out or ended.timed_out
        return ended


def _finding(check: Literal["mkdocs", "sphinx"], path: str, line: int, text: str) -> DocFinding:
    message = f"the site is not built in strict mode: {text.strip()}"
    return DocFinding(check=check, path=path, line=line, message=message, hint="correct it, and build it yourself")


def _tail(output: str) -> str:
    return output.strip()[-600:]
