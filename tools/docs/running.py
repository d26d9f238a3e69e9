"""Running the snippets of documents in an environment, and comparing what they print."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devctl import ExecResult
from tools.docs.records import DocFinding
from tools.docs.snippets import Command, Snippet, commands_of, same_output
from tools.worktree import WorkTree

SECONDS = 60.0
"""For all Python blocks of one document, and for each command of a session."""
SHOWN = 600
"""Characters of an output that a finding quotes."""
_RUNNER = Path(__file__).parent.parent / "inside" / "doc_snippets.py"
_WRITE_DOWN = "write down what it prints; `...` stands for any text"
_HINT = "correct it, or put `<!-- no-run: reason -->` (`.. no-run: reason` in an .rst) before it where it cannot run without network"


class SnippetRun:
    """Runs snippets of one commit; each document begins on the files as they were committed."""

    def __init__(self, worktree: WorkTree, commit: str) -> None:
        self._worktree = worktree
        self._commit = commit
        self._fresh = True
        self.timed_out = False
        """Whether something ran out of time, so that it might come out otherwise another time."""

    def findings(self, snippets: Sequence[Snippet]) -> list[DocFinding]:
        """Run these snippets and return a finding for each that fails or prints something else."""
        found: list[DocFinding] = []
        for path in dict.fromkeys(one.path for one in snippets):
            mine = [one for one in snippets if one.path == path and not one.left]
            blocks = [one for one in mine if one.kind == "python"]
            if not mine:
                continue
            if not self._fresh:
                self._worktree.restore(self._commit)
            self._fresh = False
            found += self._python(path, blocks) if blocks else []
            for session in mine:
                found += self._session(session) if session.kind == "session" else []
        return found

    def _python(self, path: str, blocks: Sequence[Snippet]) -> list[DocFinding]:
        """Run a document's Python blocks in one session, so that later ones may use what earlier ones made."""
        given = [{"line": one.line, "code": one.code, "name": path} for one in blocks]
        runner, wanted, results = (f".git/{name}" for name in ("doc_snippets.py", "doc_blocks.json", "doc_results"))
        self._worktree.put_private(runner, _RUNNER.read_bytes())
        self._worktree.put_private(wanted, json.dumps(given).encode())
        ended = self._exec(f"python {runner} {wanted} {results} </dev/null")
        lines = (self._worktree.take_private(results) or b"").decode("utf-8", "replace").splitlines()
        outcomes = {int(one["line"]): one for one in map(_outcome, lines) if one}
        found = [finding for one in blocks if (finding := _judged(one, outcomes.get(one.line)))]
        if ended.timed_out or (len(outcomes) < len(blocks) and not found):
            first = next((one for one in blocks if one.line not in outcomes), blocks[-1])
            why = f"did not end in {SECONDS:g} seconds" if ended.timed_out else f"ended Python: {_cut(ended.output)}"
            found.append(_finding(path, first.line, f"the snippet {why}", _HINT))
        return found

    def _session(self, session: Snippet) -> list[DocFinding]:
        """Run a session's commands one by one, in one folder and with one set of variables."""
        for number, command in enumerate(commands_of(session.code, session.line)):
            ended = self._exec(self._script(command.text, later=number > 0))
            problem, hint = _session_problem(command, ended)
            if problem:
                return [_finding(session.path, command.line, f"`{command.text}` {problem}", hint)]
        return []

    def _exec(self, command: str) -> ExecResult:
        ended = self._worktree.exec(command, seconds=SECONDS)
        self.timed_out = self.timed_out or ended.timed_out
        return ended

    def _script(self, command: str, later: bool) -> str:
        """A command that takes up the variables and the folder of the one before, and leaves its own."""
        state = shlex.quote(f"{self._worktree.workdir}/.git/doc_session")
        lines = ["exec 2>&1 </dev/null", *([f". {state} 2>/dev/null"] if later else []), command, "doc_status=$?"]
        lines += [f'{{ export -p; printf "cd %q\\n" "$PWD"; }} >{state} 2>/dev/null', "exit $doc_status"]
        return "\n".join(lines)


def _session_problem(command: Command, ended: ExecResult) -> tuple[str, str]:
    """What is wrong with a command's end, and what to do; both empty when nothing is."""
    if ended.timed_out:
        return f"did not end in {SECONDS:g} seconds", _HINT
    if command.expected is not None:
        if same_output(command.expected, ended.output):
            return "", ""
        return f"prints {_cut(ended.output)!r}, the document says {_cut(command.expected)!r}", _WRITE_DOWN
    return (f"ends with {ended.exit_code}: {_cut(ended.output)}", _HINT) if ended.exit_code else ("", "")


def _outcome(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) and isinstance(value.get("line"), int) else {}


def _judged(block: Snippet, outcome: dict[str, Any] | None) -> DocFinding | None:
    if outcome is None:
        return None
    problem, line = str(outcome.get("problem") or ""), outcome.get("failed_line")
    if problem:
        place = line if isinstance(line, int) and line > 0 else block.line
        return _finding(block.path, place, f"the snippet fails: {_cut(problem)}", _HINT)
    output = str(outcome.get("output") or "")
    if block.expected is not None and not same_output(block.expected, output):
        message = f"the snippet prints {_cut(output)!r}, the document says {_cut(block.expected)!r}"
        return _finding(block.path, block.line, message, _WRITE_DOWN)
    return None


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _finding(path: str, line: int, message: str, hint: str) -> DocFinding:
    return DocFinding(check="snippet", path=path, line=line, message=message, hint=hint)
