"""Rendering of the prompts: a missing or an unknown variable is an error, and foreign text is fenced.

* PromptError    there is no such prompt, or its variables do not fit
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateError, Undefined, meta

from prompts.foreign import one_line, ours, untrusted

DOCUMENTED = re.compile(r"\{# Variables: ([a-z_, ]*?) ?#\}\n")
"""The comment that each prompt begins with; it does not reach the model."""

BLANK_LINES = re.compile(r"<untrusted-(?P<id>[0-9a-f]+)>\n.*?</untrusted-(?P=id)>|\n{3,}", re.DOTALL)
"""Runs of blank lines of our own, which the templates leave; fenced text stays as it is."""


class PromptError(Exception):
    """A prompt cannot be rendered: what is missing or too many, and in which prompt."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def render(name: str, **variables: object) -> str:
    """Return `prompts/<name>.md` with its variables filled in; raises `PromptError` for any misfit."""
    wanted = variables_of(name)
    if set(variables) != wanted:
        missing, unknown = sorted(wanted - set(variables)), sorted(set(variables) - wanted)
        raise PromptError(f"the prompt {name} misses {missing} and does not know {unknown}", "pass just what it uses")
    try:
        text = _environment().get_template(name).render(**variables)
    except TemplateError as fault:
        raise PromptError(
            f"the prompt {name} cannot be rendered: {fault}", "a value lacks what the prompt uses"
        ) from fault
    return BLANK_LINES.sub(lambda found: "\n\n" if found["id"] is None else found[0], text).strip() + "\n"


def prompt_names() -> list[str]:
    """Return the names of all prompts."""
    return sorted(file.name[:-3] for file in files("prompts").iterdir() if file.name.endswith(".md"))


@cache
def variables_of(name: str) -> frozenset[str]:
    """Return the variables that a prompt uses."""
    return frozenset(meta.find_undeclared_variables(_environment().parse(_source(name))))


def documented_variables(name: str) -> frozenset[str]:
    """Return the variables that a prompt's first line names; raises `PromptError` when it names none."""
    found = DOCUMENTED.match(_source(name))
    if found is None:
        raise PromptError(f"the prompt {name} does not name its variables", "begin it with {# Variables: a, b #}")
    return frozenset(word.strip() for word in found[1].split(",") if word.strip())


def _source(name: str) -> str:
    if not re.fullmatch(r"[a-z_]+", name):
        raise PromptError(f"{name!r} is no name of a prompt", "names have small letters and underscores")
    file = files("prompts").joinpath(f"{name}.md")
    if not file.is_file():
        raise PromptError(f"there is no prompt {name}", f"there are {', '.join(prompt_names())}")
    return file.read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - prompts are Markdown for a model, not HTML for a browser  # nosec B701 - Markdown for a model
        loader=FunctionLoader(_source),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        # What is neither fenced nor ours stands within a line: it cannot begin one of its own.
        finalize=lambda value: value if isinstance(value, Undefined) else one_line(value),
    )
    environment.filters |= {"untrusted": untrusted, "ours": ours}
    return environment
