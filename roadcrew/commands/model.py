"""`roadcrew model`: what the configured endpoint can do, and what is used instead of what it cannot."""

from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from roadcrew.command import json_option, with_settings
from roadcrew.errors import Exit, NotFound, Unavailable
from roadcrew.output import print_data, print_line, print_table
from roadcrew.settings import Settings

if TYPE_CHECKING:
    from tools.errors import ModelRefused
    from tools.model import ModelClient
    from tools.model_report import Finding, ModelReport

MARKS = {"works": "yes", "otherwise": "no", "missing": "MISSING", "unknown": "?"}


@click.group()
def command() -> None:
    """Ask the model's endpoint what it can do."""


@command.command("check")
@click.option("--role", help="Check the model of this role.  [default: the model of all roles]")
@json_option
@with_settings
def check(settings: Settings, role: str | None, as_json: bool) -> None:
    """Ask small questions and say what works, what is used instead, how long it takes and what it costs.

    Exits 0 when the team can work with the model, 1 when something is missing.
    """
    from roadcrew.assembly import model_settings, need_model
    from tools.errors import ModelRefused
    from tools.model import ModelClient
    from tools.model_check import check_model
    from tools.model_report import report_of

    need_model(settings)
    asking = model_settings(settings).model_copy(update={"max_retries": 1, "longest_wait": 20.0})
    model = asking.model_for(role or "")
    findings: list[Finding] = []
    with (
        ModelClient(asking.model_copy(update={"stream": False})) as client,
        ModelClient(asking.model_copy(update={"stream": True})) as streaming,
    ):
        try:
            findings.extend(check_model(client, model, streaming))
        except ModelRefused as refused:
            if refused.status not in (400, 404):
                raise
            raise _unknown_model(client, model, refused) from refused
        report = report_of(client, model, findings)
    _print(report, as_json)
    if not report.serves:
        click.get_current_context().exit(Exit.FAILED)


def _unknown_model(client: "ModelClient", model: str, refused: "ModelRefused") -> Exception:
    """The refusal, with the names that the endpoint knows where it tells them."""
    from tools.errors import ModelError

    try:
        names = sorted(str(entry["id"]) for entry in client.models())
    except ModelError:
        return refused
    if not names:
        return Unavailable(
            f"{client.settings.base_url} serves no model", "load one there, with Ollama: `ollama pull NAME`"
        )
    if model in names:
        return refused
    near = get_close_matches(model, names, n=5, cutoff=0.3) or names[:10]
    pull = f" (with Ollama: `ollama pull {model}`)" if "pull" in refused.message + refused.hint else ""
    return NotFound(
        f"{client.settings.base_url} has no model {model!r}: {refused.message}",
        f"set ROADCREW_MODEL to one that it has: {', '.join(near)}{pull}",
    )


def _print(report: "ModelReport", as_json: bool) -> None:
    if as_json:
        print_data("model check", {**report.model_dump(mode="json"), "serves": report.serves})
        return
    rows = [
        (
            finding.name,
            MARKS[finding.state],
            finding.detail,
            finding.instead,
            f"{finding.seconds:.1f} s" if finding.seconds is not None else None,
            finding.tokens or None,
            f"${finding.cost_usd:.4f}" if finding.cost_usd is not None else None,
        )
        for finding in report.findings
    ]
    title = f"{report.model} at {report.base_url}"
    print_table(("question", "works", "what came", "instead, or what to set", "time", "tokens", "cost"), rows, title)
    cost = f", ${report.cost_usd:.4f}" if report.cost_usd is not None else ", cost not known"
    print_line(f"{report.tokens} tokens{cost}")
    print_line("The team can work with it." if report.serves else "The team cannot work with it: see MISSING.")
