"""Linters on a change: ruff and bandit, on a copy of the files, with findings on changed lines only.

Both only parse the files; no code of the repository runs. Ruff follows the repository's own configuration
where it has one, bandit none and no comment either, so that a change cannot talk its way out of it. Nothing is ever
fixed.
"""

import json
import logging
import os
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from tools.clone import copy_files
from tools.errors import LintBroken
from tools.gitobjects import EXECUTABLE, REGULAR, Entry
from tools.lint_report import LintFinding, LintReport, Severity
from tools.mirror import Mirror
from tools.process import Finished, run_program
from tools.record import Record
from tools.testpaths import is_test_path

__all__ = ["LintFinding", "LintReport", "lint_change"]

log = logging.getLogger(__name__)

SECONDS = 120.0
OUTPUT_BYTES = 64 * 1024 * 1024
DEFAULT_RULES = ("E4", "E7", "E9", "F", "B", "S", "PLE")
"""What ruff looks for where the repository does not say."""
NOT_IN_TESTS = ("S", "B011")
"""Rules of the default set that say nothing about tests."""
_CONFIGURATION = frozenset({"pyproject.toml", "ruff.toml", ".ruff.toml"})
_SOURCE = (".py", ".pyi")
_BATCH = 500
"""Files named in one call of a linter."""

T = TypeVar("T")


def lint_change(mirror: Mirror, base: str, commit: str) -> LintReport:
    """Look at the changed Python files of a commit; raises LintBroken when a linter itself fails."""
    changed = mirror.changed_lines(base, commit)
    entries = mirror.files(commit)
    paths = [entry.path for entry in entries if entry.path in changed and _is_source(entry)]
    if not paths:
        return LintReport()
    with tempfile.TemporaryDirectory(prefix="roadcrew-lint-") as name:
        folder = Path(name).resolve()
        copy_files(mirror.git, folder, entries, lambda entry: _is_source(entry) or _is_configuration(entry))
        configured = any(_configures_ruff(folder / entry.path) for entry in entries if _is_configuration(entry))
        findings = [*_ruff(folder, paths, configured), *_bandit(folder, paths)]
    kept = {found for found in findings if found.line in changed.get(found.path, frozenset())}
    log.info("linted %d files of %s: %d findings", len(paths), commit[:12], len(kept))
    return LintReport(findings=tuple(sorted(kept, key=_place)), files=len(paths))


def _place(found: LintFinding) -> tuple[str, int, str, str]:
    return found.path, found.line, found.tool, found.rule


def _is_source(entry: Entry) -> bool:
    plain = entry.mode in {REGULAR, EXECUTABLE} and "\\x" not in entry.path
    return plain and entry.path.endswith(_SOURCE)


def _is_configuration(entry: Entry) -> bool:
    return entry.mode in {REGULAR, EXECUTABLE} and PurePosixPath(entry.path).name in _CONFIGURATION


def _configures_ruff(path: Path) -> bool:
    if path.name != "pyproject.toml":
        return True
    try:
        tools = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False
    return isinstance(tools, dict) and "ruff" in tools


class _Location(Record, extra="ignore"):
    row: int


class _RuffItem(Record, extra="ignore"):
    code: str | None
    """None for a syntax error."""
    message: str
    filename: str
    location: _Location


class _BanditItem(Record, extra="ignore"):
    filename: str
    issue_severity: str
    issue_text: str
    line_number: int
    test_id: str


class _BanditReport(Record, extra="ignore"):
    results: list[_BanditItem] = Field(default_factory=list)


def _ruff(folder: Path, paths: Sequence[str], configured: bool) -> Iterable[LintFinding]:
    options = ["check", "--output-format=json", "--no-fix", "--no-cache", "--exit-zero", "--quiet"]
    options += ["--force-exclude"] if configured else ["--isolated", f"--select={','.join(DEFAULT_RULES)}"]
    for batch in _batches(paths):
        done = _run([_ruff_program(), *options, "--", *batch], folder)
        if done.status != 0 and configured:
            # a configuration that ruff does not take tells nothing about the code
            log.warning("ruff does not take the repository's configuration: %s", _words(done))
            yield from _ruff(folder, batch, configured=False)
            continue
        if done.status != 0:
            raise LintBroken(f"ruff ended with status {done.status}: {_words(done)}", "run scripts/bootstrap again")
        for item in _parsed(TypeAdapter(list[_RuffItem]), done, "ruff"):
            path = _relative(item.filename, folder)
            if not configured and is_test_path(path) and (item.code or "").startswith(NOT_IN_TESTS):
                continue
            yield LintFinding(
                path=path,
                line=item.location.row,
                rule=item.code or "syntax",
                severity=_ruff_severity(item.code),
                message=item.message,
                tool="ruff",
            )


def _ruff_severity(code: str | None) -> Severity:
    if code is None or code.startswith(("E9", "F82", "F70", "invalid-syntax")):
        return "high"
    return "medium" if code.startswith(("F", "B", "S", "PLE")) else "low"


def _bandit(folder: Path, paths: Sequence[str]) -> Iterable[LintFinding]:
    checked = [path for path in paths if not is_test_path(path) and path.endswith(".py")]
    for batch in _batches(checked):
        # -I: a bandit.py in the copy must not be what is imported
        program = [sys.executable, "-I", "-m", "bandit", "--format=json", "--quiet", "--exit-zero", "--ignore-nosec"]
        done = _run([*program, *(f"./{path}" for path in batch)], folder)
        if done.status != 0:
            raise LintBroken(f"bandit ended with status {done.status}: {_words(done)}", "run scripts/bootstrap again")
        for item in _parsed(TypeAdapter(_BanditReport), done, "bandit").results:
            yield LintFinding(
                path=_relative(item.filename, folder),
                line=item.line_number,
                rule=item.test_id,
                severity=_bandit_severity(item.issue_severity),
                message=item.issue_text,
                tool="bandit",
            )


def _bandit_severity(word: str) -> Severity:
    words: dict[str, Severity] = {"LOW": "low", "MEDIUM": "medium", "HIGH": "high"}
    return words.get(word, "medium")


def _run(argv: Sequence[str], folder: Path) -> Finished:
    env = {"PATH": os.defpath, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
    done = run_program(argv, cwd=folder, env=env, seconds=SECONDS, limit=OUTPUT_BYTES)
    if done.timed_out or done.overran:
        what = f"more than {SECONDS:g} seconds" if done.timed_out else f"more than {OUTPUT_BYTES} bytes of output"
        raise LintBroken(f"{Path(argv[0]).name} took {what}", "look for huge generated files in the change")
    return done


def _parsed(adapter: "TypeAdapter[T]", done: Finished, tool: str) -> T:
    try:
        return adapter.validate_python(json.loads(done.stdout or b"null"))
    except (ValueError, ValidationError) as error:
        raise LintBroken(f"{tool} gave no report that can be read: {done.stdout[:200]!r}") from error


def _words(done: Finished) -> str:
    return done.stderr.decode("utf-8", "replace").strip()[-500:]


def _relative(filename: str, folder: Path) -> str:
    path = Path(filename)
    inside = path.relative_to(folder) if path.is_absolute() else path
    return str(PurePosixPath(inside))


def _ruff_program() -> str:
    """Ruff as it is installed beside this program, else as PATH has it."""
    beside = Path(sysconfig.get_path("scripts")) / "ruff"
    return str(beside) if beside.exists() else "ruff"


def _batches(paths: Sequence[str]) -> Iterable[Sequence[str]]:
    return (paths[at : at + _BATCH] for at in range(0, len(paths), _BATCH))
