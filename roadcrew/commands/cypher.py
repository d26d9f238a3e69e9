"""`roadcrew cypher`: ask the roadmap, with credentials with which the server refuses writes."""

import json
import sys

import click

from roadcrew.command import json_option, with_settings
from roadcrew.output import print_data, print_line, print_table
from roadcrew.settings import Settings


@click.command(epilog="""Example: roadcrew cypher "MATCH (t:Task {status:'open'}) RETURN t.id, t.title" """)
@click.argument("query")
@click.option("-p", "--param", "given", multiple=True, metavar="NAME=VALUE", help="A $NAME of the query; JSON or text.")
@json_option
@with_settings
def command(settings: Settings, query: str, given: tuple[str, ...], as_json: bool) -> None:
    """Ask the roadmap in Cypher and print the answer as a table; QUERY may be - for standard input.

    Nothing can be changed this way: the roadmap is written by the Planner and the Integrator alone.
    """
    from graph import RoadmapReader
    from roadcrew.edges import graph_ends, workspace_in_use

    text = sys.stdin.read() if query == "-" else query
    with (
        workspace_in_use(settings) as workspace,
        RoadmapReader(graph_ends(settings, workspace).reader) as roadmap,
    ):
        answer = roadmap.query(text, parse_parameters(given))
    if as_json:
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        print_data("cypher", {"columns": answer.columns, "rows": rows, "truncated": answer.truncated})
        return
    print_table(answer.columns, answer.rows)
    more = " (there are more: add a LIMIT of your own)" if answer.truncated else ""
    print_line(f"{len(answer.rows)} row{'' if len(answer.rows) == 1 else 's'}{more}")


def parse_parameters(given: tuple[str, ...]) -> dict[str, object]:
    """Return the query's parameters; a value that is JSON is taken as JSON, any other as text."""
    parameters: dict[str, object] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.isidentifier():
            raise click.BadParameter(f"{item!r} is not NAME=VALUE", param_hint="--param")
        try:
            parameters[name] = json.loads(value)
        except ValueError:
            parameters[name] = value
    return parameters
