"""`roadcrew issue`: file an issue and hand it to the team."""

from __future__ import annotations

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings


@click.command()
@click.argument("text")
@click.option("--repo", "repository", default=".", show_default=True, help="Path or URL of a git repository.")
@json_option
@with_settings
def command(settings: Settings, text: str, repository: str, as_json: bool) -> None:
    """File an issue with TEXT (its first line is the title) and hand it to the team.

    Workers of `roadcrew worker` take it up; `roadcrew run` files, works and shows it in one go.
    """
    from roadcrew.assembly import open_office
    from roadcrew.edges import workspace_in_use
    from roadcrew.placing import issue_of, place_of

    with workspace_in_use(settings) as workspace, open_office(settings, workspace) as office:
        place = place_of(office, repository)
        number = issue_of(office, place.repository, text)
        thread = office.engine.start_feature(place.repository, number)
        url = office.crew.desk(place.repository).host.issue(number).url
    if as_json:
        print_data("issue", {"feature": thread, "issue": number, "url": url})
    else:
        print_line(f"{thread}  {url}")
