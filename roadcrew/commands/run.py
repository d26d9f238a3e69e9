"""`roadcrew run`: one issue of any git repository, from plan to pull request."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from roadcrew.command import json_option, note, with_settings
from roadcrew.errors import Exit, InputInvalid
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings

if TYPE_CHECKING:
    from roadcrew.assembly import Office
    from roadcrew.placing import Place
    from roadcrew.standing import Standing


@click.command()
@click.option("--repo", "repository", default=".", show_default=True, help="Path or URL of a git repository.")
@click.option("--issue", required=True, help="The issue's number, its text, or @FILE with its text.")
@click.option("--yes", is_flag=True, help="Approve the plan and the pull request without asking (local forge only).")
@click.option("--wait/--no-wait", default=None, help="Wait for people.  [default: on a terminal]")
@click.option("--unsandboxed", is_flag=True, help="Run the model's commands on this machine without a sandbox.")
@click.option("--keep", is_flag=True, help="Leave the workspace's servers running.")
@json_option
@with_settings
def command(
    settings: Settings,
    repository: str,
    issue: str,
    yes: bool,
    wait: bool | None,
    unsandboxed: bool,
    keep: bool,
    as_json: bool,
) -> None:
    """Deliver one issue of a git repository: plan, code, test, review, and open its pull request.

    Without a code host's token the work happens on a local forge; your repository gets a new branch and is else
    left alone.
    """
    from roadcrew.assembly import need_model, open_office
    from roadcrew.edges import workspace_in_use
    from roadcrew.placing import issue_of, place_of

    need_model(settings)
    text = _text_of(issue)
    with (
        workspace_in_use(settings, keep=keep) as workspace,
        open_office(settings, workspace, unsandboxed=unsandboxed) as office,
    ):
        if unsandboxed:
            note("warning: the model's commands run on this machine without a sandbox")
        place = place_of(office, repository)
        number = issue_of(office, place.repository, text)
        standing = deliver(office, place.repository, number, yes, sys.stderr.isatty() if wait is None else wait)
        _report(office, place, number, standing, as_json)


def deliver(office: Office, repository: str, issue: int, yes: bool, wait: bool) -> Standing:
    """Have an issue delivered while showing how it goes; return where it stands at the end."""
    from roadcrew.approving import Approver
    from roadcrew.crewing import retry, working
    from roadcrew.features import look_at
    from roadcrew.live import follow

    thread = office.engine.start_feature(repository, issue)
    if look_at(office, thread).status == "failed":
        retry(office, thread)
    approver = Approver(office, thread) if yes else None

    def ended(standing: Standing) -> bool:
        if standing.status in ("done", "stopped", "failed"):
            return True
        if standing.status == "waiting" and approver is not None:
            return not approver.answer()
        return standing.status == "waiting" and not wait

    with working(office):
        return follow(lambda: look_at(office, thread), ended)


def _report(office: Office, place: Place, number: int, standing: Standing, as_json: bool) -> None:
    """Say how it ended, where the result is and what to do next; set the exit code."""
    from agents.ids import branch_of
    from roadcrew.closing import closing_lines
    from roadcrew.placing import bring_home

    branch = branch_of(number)
    brought = bring_home(place, office.crew.desk(place.repository).mirror, branch)
    if as_json:
        print_data("run", standing)
    else:
        for line in closing_lines(standing, branch if brought else None):
            print_line(line)
    code = {"done": Exit.DONE, "waiting": Exit.WAITING}.get(standing.status, Exit.FAILED)
    click.get_current_context().exit(code)


def _text_of(issue: str) -> str:
    if not issue.startswith("@"):
        return issue
    try:
        return Path(issue[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise InputInvalid(f"{issue[1:]} cannot be read as text: {fault}", "name a UTF-8 text file") from fault
