"""The prompts: one Markdown template per role and purpose, rendered strictly."""

from prompts.render import PromptError, prompt_names, render, untrusted

__all__ = ["PromptError", "prompt_names", "render", "untrusted"]
