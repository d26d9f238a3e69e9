"""The prompts: one Markdown template per role and purpose, rendered strictly."""

from prompts.foreign import one_line, own_lines, untrusted, visible
from prompts.render import PromptError, prompt_names, render

__all__ = ["PromptError", "one_line", "own_lines", "prompt_names", "render", "untrusted", "visible"]
