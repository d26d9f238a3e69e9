"""`roadcrew cost`: what deliveries cost, counted from the roadmap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data, print_line, print_table
from roadcrew.settings import Settings

if TYPE_CHECKING:
    from graph import CostLine, CostReport


@click.command()
@click.argument("feature", required=False)
@click.option("--all", "every", is_flag=True, help="All features of the roadmap; the same as naming none.")
@json_option
@with_settings
def command(settings: Settings, feature: str | None, every: bool, as_json: bool) -> None:
    """Say what a feature (F-12) cost, by role, task and model, or what each feature did."""
    from graph import RoadmapReader, cost_report, total_of
    from roadcrew.costs import overview_line
    from roadcrew.edges import graph_ends, workspace_in_use
    from roadcrew.in_roadmap import find_in_roadmap

    if feature and every:
        raise click.UsageError(f"say {feature} or --all, not both")
    with (
        workspace_in_use(settings) as workspace,
        RoadmapReader(graph_ends(settings, workspace).reader) as roadmap,
    ):
        if feature is None:
            lines = [overview_line(spent) for spent in roadmap.spending()]
            report = None
        else:
            found = find_in_roadmap(roadmap, feature)
            report = cost_report(found, roadmap.turns(found.id))
    if report is not None:
        print_data("cost", report) if as_json else _print_report(report)
        return
    total = total_of(lines)
    if as_json:
        print_data("cost", {"features": lines, "total": total})
    elif not lines:
        print_line("nothing has been spent yet")
    else:
        _print_lines("feature", [*lines, total])
        _explain(total)


def _print_report(report: CostReport) -> None:
    print_line(f"{report.feature}  {report.title}  ({report.status})")
    if not report.by_role:
        print_line("no turn of it has ended yet")
        return
    for name, lines in (("role", report.by_role), ("task", report.by_task)):
        _print_lines(name, lines)
    _print_lines("model", [*report.by_model, report.total])
    _explain(report.total)


def _print_lines(name: str, lines: list[CostLine] | tuple[CostLine, ...]) -> None:
    from roadcrew.costs import COLUMNS, cells

    print_table([name, *COLUMNS], [cells(line) for line in lines])


def _explain(total: CostLine) -> None:
    if total.unpriced:
        print_line(f"{total.unpriced} calls went to models whose price is not known; `+` marks sums without them")
