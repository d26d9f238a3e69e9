"""The code in documents that can be run: Python blocks and shell sessions, with the output they promise."""

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from tools.docs.markdown import Fence, read_page
from tools.docs.restructured import code_blocks
from tools.record import Record

PYTHON = frozenset({"python", "python3", "py", "py3", "pycon", "python-repl", "doctest"})
SESSION = frozenset(
    {"console", "shell-session", "shellsession", "sh", "bash", "shell", "terminal", "session", "sh-session"}
)
OUTPUT = frozenset({"output", "stdout", "result"})
_MARK = re.compile(r"<!--\s*(no-run|run|skip:\s*next|pytest-codeblocks:\s*skip)\b[:\s]*(.*?)\s*-->", re.DOTALL)
_PROMPT = re.compile(r"^\s*\$ ?(.*)$")
_PLAIN = frozenset(
    {"awk", "cat", "cd", "cp", "cut", "date", "diff", "echo", "env", "expr", "export", "false", "find", "grep", "head"}
    | {"jq", "ls", "mkdir", "mv", "printf", "pwd", "rm", "sed", "seq", "sort", "tail", "tee", "test", "touch", "tr"}
    | {"true", "uniq", "wc", "xargs", "which", "type", "set", "unset", "basename", "dirname", "rmdir", "ln"}
)
_PYTHON_NAMES = frozenset({"python", "python3"})
_INSTALLERS = frozenset({"pip", "venv", "virtualenv", "pipx", "uv", "http.server", "build", "twine", "ensurepip"})
_SEPARATORS = frozenset({";", "&&", "||", "|", "|&"})


_PROGRAMS = frozenset(
    {"c", "c++", "cpp", "c#", "cs", "csharp", "go", "java", "javascript", "js", "jsx", "kotlin", "php", "ruby", "rb"}
    | {"rust", "rs", "scala", "swift", "ts", "tsx", "typescript"}
)
"""Languages of blocks that somebody might take for run."""


class Snippet(Record):
    """One block that could be run."""

    kind: Literal["python", "session"]
    path: str
    line: int
    """Of the fence, from 1."""
    code: str
    expected: str | None = None
    """The output promised by the block after it, for Python without prompts."""
    left: str = ""
    """Why it is not run; empty when it is."""


class Command(Record):
    """One command of a session and the output that stands under it."""

    text: str
    line: int
    """In the document, from 1."""
    expected: str | None = None
    """None where the session shows none before the next command."""


def snippets_of(path: str, text: str, programs: frozenset[str] = frozenset()) -> tuple[Snippet, ...]:
    """The blocks of a document in Markdown or reStructuredText that could be run.

    `programs` are those that the project installs.
    """
    fences = _fences(path, text)
    following: tuple[Fence | None, ...] = (*fences, None)[1:]
    pairs = zip(fences, following, strict=True)
    found = [_snippet(path, fence, after, text, programs) for fence, after in pairs]
    return tuple(one for one in found if one is not None)


def unread(path: str, text: str) -> tuple[str, ...]:
    """Words for the code in a document that nobody runs, by its language."""
    languages = [fence.language for fence in _fences(path, text) if fence.language in _PROGRAMS]
    return tuple(
        f"{path}: {languages.count(language)} of {language} not run: only Python and shell sessions are."
        for language in dict.fromkeys(languages)
    )


def _fences(path: str, text: str) -> tuple[Fence, ...]:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in {".md", ".markdown", ".rst"}:
        return ()
    return code_blocks(text) if suffix == ".rst" else read_page(text).fences


def _snippet(path: str, fence: Fence, after: Fence | None, text: str, programs: frozenset[str]) -> Snippet | None:
    mark = _MARK.match(fence.mark)
    forced = mark is not None and mark[1] == "run"
    left = ""
    if (mark is not None and not forced) or "no-run" in fence.info.split():
        left = (mark[2] if mark else "") or "marked so"
    if fence.language in PYTHON:
        expected = after.code if after and after.language in OUTPUT and _adjoin(fence, after, text) else None
        return Snippet(kind="python", path=path, line=fence.line, code=fence.code, expected=expected, left=left)
    commands = commands_of(fence.code, fence.line) if fence.language in SESSION else ()
    if not commands:
        return None
    if not left and not forced:
        left = next((why for one in commands if (why := _unfit(one.text, programs))), "")
    return Snippet(kind="session", path=path, line=fence.line, code=fence.code, left=left)


def _adjoin(fence: Fence, after: Fence, text: str) -> bool:
    """Whether nothing stands between a block and the output after it."""
    end = fence.line + fence.code.count("\n") + 1
    between = text.splitlines()[end : after.line - 1]
    return not any(line.strip() for line in between)


def commands_of(code: str, fence_line: int) -> tuple[Command, ...]:
    """The commands of a session: lines behind `$ `, with `> ` for their continuation; the rest is output."""
    found: list[Command] = []
    shown: list[str] = []
    for number, line in enumerate(code.splitlines(), start=1):
        prompt = _PROMPT.match(line)
        if prompt is not None:
            _close(found, shown)
            found.append(Command(text=prompt[1], line=fence_line + number))
        elif found and not shown and line.startswith("> "):
            found[-1] = found[-1].model_copy(update={"text": f"{found[-1].text}\n{line[2:]}"})
        elif found and not shown and found[-1].text.endswith("\\"):
            found[-1] = found[-1].model_copy(update={"text": f"{found[-1].text}\n{line}"})
        elif found:
            shown.append(line)
    _close(found, shown)
    return tuple(one for one in found if one.text.strip() and not one.text.lstrip().startswith("#"))


def _close(found: list[Command], shown: list[str]) -> None:
    """Give the output collected so far to the last command."""
    if found and any(line.strip() for line in shown):
        found[-1] = found[-1].model_copy(update={"expected": "\n".join(shown)})
    shown.clear()


def _unfit(command: str, programs: frozenset[str]) -> str:
    """Why a command is not run: its program is none of the plain ones nor of the project's own."""
    try:
        parts = list(_programs(command))
    except ValueError:
        return f"`{command[:60]}` cannot be read"
    for name, words in parts:
        if name in _PYTHON_NAMES:
            module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
            if module.partition(".")[0] in _INSTALLERS or module in _INSTALLERS:
                return f"`python -m {module}` needs what an environment has not"
            if not words:
                return "`python` waits for somebody to type"
        elif name not in _PLAIN and name not in programs:
            return f"`{name}` is none of the programs that are run"
    return ""


def _programs(command: str) -> Iterator[tuple[str, list[str]]]:
    """Each program of a command line with its words; raises ValueError for what no shell would read."""
    lexer = shlex.shlex(command.replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word in _SEPARATORS:
            while words and re.match(r"[A-Za-z_]\w*=", words[0]):
                words = words[1:]
            if words:
                yield words[0], words[1:]
            words = []
        else:
            words.append(word)
    if "`" in command or "$(" in command:
        raise ValueError(command)


def same_output(expected: str, actual: str) -> bool:
    """Whether an output is the promised one: spaces at line ends do not count, `...` stands for anything."""
    wanted, given = (_tidy(text) for text in (expected, actual))
    parts = wanted.replace("\n...", "...").split("...")  # a line of its own may stand for none
    return re.fullmatch(".*?".join(map(re.escape, parts)), given, re.DOTALL) is not None


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()).rstrip()
