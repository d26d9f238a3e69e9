"""`roadcrew policy`: the rules' own tests, and one question to them."""

from pathlib import Path
from typing import TextIO

import click

from roadcrew.command import json_option, with_settings
from roadcrew.errors import Exit, InputInvalid
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings


@click.group()
def command() -> None:
    """Test the rules, or ask them about one action."""


@command.command("test")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def test_rules(folder: Path | None, as_json: bool) -> None:
    """Run the rules' own tests: the built-in ones, or those of FOLDER."""
    from policies import run_rule_tests

    results = run_rule_tests(folder)
    failed = [result for result in results if not result.passed]
    if as_json:
        print_data("policy test", results)
    else:
        for result in failed:
            print_line(f"FAILED  {result.name}")
        print_line(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    if failed or not results:
        click.get_current_context().exit(Exit.FAILED)


@command.command("check")
@click.argument("action", type=click.File(encoding="utf-8"))
@json_option
@with_settings
def check_action(settings: Settings, action: TextIO, as_json: bool) -> None:
    """Ask the rules about the action in the JSON file ACTION (- for standard input).

    The rules of the present repository's roadcrew.toml count too; each reason says where its rule comes from.
    """
    from pydantic import ValidationError

    from policies import Action
    from roadcrew.rule_origins import explain

    try:
        asked = Action.model_validate_json(action.read())
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputInvalid(f"{action.name} is no action: {error}", "docs/security.md shows one") from error
    explained = explain(settings, asked)
    decision = explained.decision
    if as_json:
        origins = [reason.origin for reason in explained.origins]
        print_data("policy check", {**decision.model_dump(mode="json"), "origins": origins})
    else:
        print_line("allowed" if decision.allowed else "denied")
        for reason in explained.origins:
            print_line(f"  {reason.text} ({reason.origin})")
    if not decision.allowed:
        click.get_current_context().exit(Exit.REFUSED)
