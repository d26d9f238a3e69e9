"""The committed description of a web application's HTTP interface, held against the code."""

import ast
import json
import re
import shlex
import tomllib
from pathlib import PurePosixPath
from typing import Any

from tools.docs.openapi import Difference, differences, missing_routes, read_document
from tools.docs.python_names import module_name
from tools.docs.records import DocFinding
from tools.docs.surface import SurfaceChange, is_source
from tools.mirror import Mirror
from tools.record import Record
from tools.testpaths import is_test_path
from tools.worktree import WorkTree

SECONDS = 120.0
_NAMES = re.compile(r"(openapi|swagger)[\w.-]*\.(json|ya?ml)", re.IGNORECASE)
_MAKERS = frozenset({"FastAPI", "APIFlask", "APISpec"})
_FACTORIES = frozenset({"create_app", "make_app", "build_app", "get_app", "create_application"})
_HINT = "export it anew into this file; the document is made from the code"


class Export(Record):
    """How the document is made from the code."""

    command: str
    given: bool
    """Whether `[docs] openapi` of roadcrew.toml says so, or it was told from the source."""


class InterfaceCheck:
    """Compares each committed OpenAPI document with what the code exports, else with the routes in the source."""

    def __init__(self, mirror: Mirror, base: str, commit: str) -> None:
        self._mirror, self._base, self._commit = mirror, base, commit
        self.built = False
        """Whether a document was exported from the code."""
        self.notes: list[str] = []
        self.timed_out = False
        """Whether the export ran out of time, so that it might come out otherwise another time."""

    @property
    def documents(self) -> tuple[str, ...]:
        """The committed documents."""
        paths = [entry.path for entry in self._mirror.files(self._commit)]
        return tuple(p for p in paths if _NAMES.fullmatch(PurePosixPath(p).name) and not is_test_path(p))

    @property
    def concerned(self) -> bool:
        """Whether the change touches a document or the code behind it."""
        files = {file.path for file in self._mirror.changed_files(self._base, self._commit)}
        return bool(self.documents) and (bool(files & set(self.documents)) or any(map(is_source, files)))

    def findings(self, worktree: WorkTree) -> list[DocFinding]:
        """What is different, named, with the line of the document."""
        path = self.documents[0]
        text = self._mirror.read(self._commit, path).decode("utf-8", "replace")
        committed = read_document(text)
        if committed is None:
            return [_finding(path, text, Difference(what="this is no OpenAPI document", word=""))]
        self.notes += [f"{other} was not compared: {path} was." for other in self.documents[1:]]
        export = export_of(self._mirror, self._commit)
        exported = self._exported(worktree, export) if export is not None else None
        if exported is not None:
            self.built = True
            return [_finding(path, text, one) for one in differences(committed, exported)]
        if export is not None and export.given:
            message = f"`{export.command}` of [docs] openapi gives no document"
            return [DocFinding(check="openapi", path="roadcrew.toml", line=1, message=message, hint=self.notes[-1])]
        surface = SurfaceChange(self._mirror, self._base, self._commit).after
        names = [item.name for item in surface.values() if item.kind == "route"]
        return [_finding(path, text, one) for one in missing_routes(committed, names)]

    def _exported(self, worktree: WorkTree, export: Export) -> dict[str, Any] | None:
        from importlib import resources

        program = resources.files("tools.inside").joinpath("openapi_export.py").read_bytes()
        worktree.put_private(".git/openapi_export.py", program)
        ended = worktree.exec(f"{export.command} >.git/openapi_out 2>.git/openapi_err </dev/null", seconds=SECONDS)
        self.timed_out = ended.timed_out
        text = (worktree.take_private(".git/openapi_out") or b"").decode("utf-8", "replace")
        said = (worktree.take_private(".git/openapi_err") or b"").decode("utf-8", "replace").strip()[-500:]
        document = read_document(text) if ended.exit_code == 0 else None
        if document is None:
            self.notes.append(
                f"The HTTP interface could not be exported from the code: {said or text[:300] or 'no output'}"
            )
        return document


def export_of(mirror: Mirror, commit: str) -> Export | None:
    """How a commit's document is exported: as roadcrew.toml says, else from an application found in its source."""
    told = _told(mirror, commit)
    if told:
        return Export(command=told, given=True)
    entries = [entry.path for entry in mirror.files(commit) if entry.path.endswith(".py") and is_source(entry.path)]
    for path, source in mirror.read_many(commit, entries[:2_000]).items():
        name = _application(source)
        if name is not None:
            words = ("python", ".git/openapi_export.py", module_name(path), name)
            prefix = "PYTHONPATH=src " if path.startswith("src/") else ""
            return Export(command=prefix + shlex.join(words), given=False)
    return None


def _told(mirror: Mirror, commit: str) -> str:
    content = mirror.read_many(commit, ["roadcrew.toml"]).get("roadcrew.toml", b"")
    try:
        section = tomllib.loads(content.decode("utf-8", "replace")).get("docs", {})
    except tomllib.TOMLDecodeError:
        return ""
    command = section.get("openapi") if isinstance(section, dict) else None
    return command.strip() if isinstance(command, str) else ""


def _application(source: bytes) -> str | None:
    """The name under which a module holds an application that can describe itself, or a function that makes one."""
    if not any(name.encode() in source for name in (*_MAKERS, "flask_smorest")):
        return None
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        made = ast.unparse(node.value.func).rpartition(".")[2]
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        described = made in _MAKERS or (made == "Api" and b"flask_smorest" in source)
        if described and isinstance(target, ast.Name):
            return target.id
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in _FACTORIES]
    return names[0] if names else None


def _finding(path: str, text: str, difference: Difference) -> DocFinding:
    place = text.find(json.dumps(difference.word)) if path.endswith(".json") else text.find(difference.word)
    line = text.count("\n", 0, max(place, 0)) + 1 if difference.word else 1
    return DocFinding(check="openapi", path=path, line=line, message=difference.what, hint=_HINT)
