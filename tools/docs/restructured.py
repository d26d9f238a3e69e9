"""The blocks of code of a reStructuredText document, as fences."""

import re
from collections.abc import Iterator
from textwrap import dedent

from tools.docs.markdown import Fence

_DIRECTIVE = re.compile(r"^(?P<indent> *)\.\. (?:code|code-block|sourcecode|doctest)::(?P<info>[^\n]*)$")
_OPTION = re.compile(r"^\s*:[\w-]+:")
_COMMENT = re.compile(r"^ *\.\. (no-run|run)\b[:\s]*(.*)$")
_PROMPT = re.compile(r"^ *>>> ")


def code_blocks(text: str) -> tuple[Fence, ...]:
    """The code directives, and paragraphs that begin with `>>>`, in their order.

    `line` is the line before the code. A comment `.. no-run: reason` directly before one is its mark.
    """
    return tuple(_blocks(text.expandtabs().splitlines()))


def _blocks(lines: list[str]) -> Iterator[Fence]:
    at, mark = 0, ""
    while at < len(lines):
        directive, comment = _DIRECTIVE.match(lines[at]), _COMMENT.match(lines[at])
        if directive is not None:
            begin, end = _body(lines, at, len(directive["indent"]))
            language = directive["info"].strip() or ("doctest" if "doctest::" in lines[at] else "")
            yield _fence(language, lines, begin, end, mark)
            at, mark = max(end, at + 1), ""
        elif _PROMPT.match(lines[at]):
            end = next((number for number in range(at, len(lines)) if not lines[number].strip()), len(lines))
            yield _fence("doctest", lines, at, end, mark)
            at, mark = end, ""
        else:
            if comment is not None:
                mark = f"<!-- {comment[1]}: {comment[2]} -->"
            elif lines[at].strip():
                mark = ""
            at += 1


def _body(lines: list[str], at: int, indent: int) -> tuple[int, int]:
    """Where the code below a directive begins, and the line after its end."""
    begin = at + 1
    while begin < len(lines) and _OPTION.match(lines[begin]):
        begin += 1
    while begin < len(lines) and not lines[begin].strip():
        begin += 1
    end = last = begin
    while end < len(lines) and (not lines[end].strip() or _depth(lines[end]) > indent):
        end += 1
        last = end if lines[end - 1].strip() else last
    return begin, last


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _fence(info: str, lines: list[str], begin: int, end: int, mark: str) -> Fence:
    code = dedent("\n".join(lines[begin:end])) + "\n"
    return Fence(info=info, code=code, line=begin, mark=mark)
