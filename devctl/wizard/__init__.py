"""Images by questions: a base, packages, ports and a user become a checked Dockerfile, and that an image."""

from devctl.wizard.lint import LintFinding, lint
from devctl.wizard.records import CustomImage, WizardRequest
from devctl.wizard.rendering import render
from devctl.wizard.wizard import Wizard, open_wizard

__all__ = ["CustomImage", "LintFinding", "Wizard", "WizardRequest", "lint", "open_wizard", "render"]
