"""Runs the Python blocks of one document, one after the other in one session; stands alone.

Usage: doc_snippets.py BLOCKS RESULTS. BLOCKS is a JSON list of {"line", "code", "name"}; RESULTS gets one JSON
object a line, written as each block ends: {"line", "failed_line", "problem", "output"}. It runs on the
repository's own Python, 3.8 or later.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import sys
import traceback
from typing import Any, Dict, Tuple  # noqa: UP035 - aliases are evaluated, also by Python 3.8

LIMIT = 20_000
OPTIONS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL | doctest.NORMALIZE_WHITESPACE
Outcome = Tuple[int, str]  # noqa: UP006 - as above


def main() -> int:
    """Run all blocks; a block that fails does not keep the next from running."""
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - stands alone
        blocks = json.load(file)
    session = {"__name__": "__main__", "__builtins__": __builtins__}  # type: Dict[str, Any]  # noqa: UP006 - as above
    sys.path.insert(0, "")
    with open(sys.argv[2], "w", encoding="utf-8") as results:  # noqa: PTH123 - stands alone
        for block in blocks:
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                line, problem = run(block, session)
            found = {
                "line": block["line"],
                "failed_line": line,
                "problem": problem,
                "output": output.getvalue()[:LIMIT],
            }
            results.write(json.dumps(found) + "\n")
            results.flush()
    return 0


def run(block: Dict[str, Any], session: Dict[str, Any]) -> Outcome:  # noqa: UP006 - as above
    """Run one block; return the line in the document and what went wrong, or 0 and nothing."""
    code, first = block["code"], block["line"] + 1
    if any(line.lstrip().startswith(">>>") for line in code.splitlines()):
        return examples(code, first, session, block["name"])
    try:
        exec(compile(code, block["name"], "exec"), session)  # noqa: S102 - running snippets is what this is for  # nosec B102 - inside the sandbox
    except SyntaxError as error:
        return first + (error.lineno or 1) - 1, f"{type(error).__name__}: {error.msg}"
    except SystemExit as error:
        if error.code not in (None, 0):
            return first, f"SystemExit: {error.code}"
    except BaseException as error:  # noqa: BLE001 - whatever a snippet raises is its result
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == block["name"]]
        line = (frames[-1].lineno or 1) if frames else 1
        return first + line - 1, "".join(traceback.format_exception_only(type(error), error)).strip()[:2000]
    return 0, ""


def examples(code: str, first: int, session: Dict[str, Any], name: str) -> Outcome:  # noqa: UP006 - as above
    """Run a block with prompts and compare what it prints."""
    try:
        parsed = doctest.DocTestParser().get_doctest(code, session, name, name, first - 1)
    except ValueError as error:
        return first, f"ValueError: {error}"
    said = []  # type: list[str]
    runner = FirstFailure(optionflags=OPTIONS)
    runner.run(parsed, out=said.append, clear_globs=False)
    session.update(parsed.globs)
    if not runner.failed_at:
        return 0, ""
    return runner.failed_at, "".join(said).strip()[:2000]


class FirstFailure(doctest.DocTestRunner):
    """Remembers the line of the first example that failed."""

    failed_at = 0

    def report_start(self, out: Any, test: Any, example: Any) -> None:
        """Say nothing of what is tried."""

    def report_success(self, out: Any, test: Any, example: Any, got: str) -> None:
        """Say nothing of what is well."""

    def report_failure(self, out: Any, test: Any, example: Any, got: str) -> None:
        """Say what was promised and what came."""
        if not self.failed_at:
            self.failed_at = test.lineno + example.lineno + 1
            out(f"expected {example.want.strip()!r}, got {got.strip()!r}")

    def report_unexpected_exception(self, out: Any, test: Any, example: Any, exc_info: Any) -> None:
        """Say what was raised."""
        if not self.failed_at:
            self.failed_at = test.lineno + example.lineno + 1
            out("".join(traceback.format_exception_only(exc_info[0], exc_info[1])).strip())


if __name__ == "__main__":
    sys.exit(main())
