"""The prompts: one Markdown template per role and purpose, rendered strictly."""

from prompts.foreign import one_line, untrusted, visible
from prompts.render import PromptError, prompt_names, render

__all__ = ["PromptError", "one_line", "prompt_names", "render", "untrusted", "visible"]
