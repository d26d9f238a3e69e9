"""`roadcrew demo`: two issues delivered on the local forge."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from roadcrew.command import note, with_settings
from roadcrew.output import print_line, print_table
from roadcrew.settings import Settings

if TYPE_CHECKING:
    from roadcrew.demo.show import Played

OPENING = """Roadcrew delivers two issues on a local forge: real git, graph, sandboxes, linters, policies and pull requests.
The model's side is REPLAYED from transcripts of recorded runs: no model is asked. `--live` asks your own."""
OPENING_LIVE = "Roadcrew delivers two issues on a local forge, asking the model {model} at {url}."


@click.command()
@click.option("--live", is_flag=True, help="Ask your own model instead of replaying the transcripts.")
@click.option("--keep", is_flag=True, help="Leave the servers running, to look around.")
@click.option("--act", "names", multiple=True, help="Play only this act: blog or library; may be given again.")
@click.option(
    "--record", type=click.Path(path_type=Path, file_okay=False), help="With --live: write the transcripts here."
)
@with_settings
def command(settings: Settings, live: bool, keep: bool, names: tuple[str, ...], record: Path | None) -> None:
    """Deliver two issues, from issue to merged pull request, in about a minute.

    The demo has a workspace of its own, made anew each time.
    """
    if record is not None and not live:
        raise click.UsageError("--record goes with --live")
    from local import open_workspace, using
    from roadcrew.commands.stop import stop_servers
    from roadcrew.demo.acts import acts
    from roadcrew.demo.show import play

    chosen = [act for act in acts() if not names or act.name in names]
    if not chosen:
        raise click.UsageError(f"there is no act {names[0]!r}: choose blog or library")
    note(OPENING_LIVE.format(model=settings.model.name, url=settings.model.base_url) if live else OPENING)
    place = demo_settings(settings)
    if place.workspace.exists():
        stop_servers(place)
        shutil.rmtree(place.workspace)
    workspace = open_workspace(place.workspace)
    with using(workspace, keep=keep):
        played = [play(place, workspace, act, live, record) for act in chosen]
        _close(place, played, keep)


def demo_settings(settings: Settings) -> Settings:
    """Return settings with a workspace of the demo's own, on embedded servers; prepared environments are shared."""
    return settings.model_copy(
        update={
            "workspace": settings.workspace / "demo",
            "environments_folder": settings.environments_folder or settings.workspace / "devctl",
            "graph": None,
            "database_url": None,
            "code_host": type(settings.code_host)(),
            "artifacts_url": None,
            "repository": None,
            "team": type(settings.team)(),
        }
    )


def _close(settings: Settings, played: list[Played], keep: bool) -> None:
    """Print what the demo left and how to do it on one's own repository."""
    from graph import RoadmapReader
    from local import open_workspace
    from roadcrew.demo.show import QUERY
    from roadcrew.edges import graph_ends

    print_line()
    for one in played:
        print_line(f"{one.act.name}: pull request merged  {one.standing.pull_request}")
        print_line(f"  {one.standing.calls} model calls, {one.standing.tokens:,} tokens")
        if one.page:
            print_line(f"  {one.page}")
    print_line(f'\nroadcrew cypher "{QUERY}"')
    with RoadmapReader(graph_ends(settings, open_workspace(settings.workspace)).reader) as roadmap:
        answer = roadmap.query(QUERY)
    print_table(answer.columns, answer.rows)
    print_line("On your own repository, with your own model:")
    print_line("  export OPENAI_API_KEY=… ROADCREW_MODEL=…      (and OPENAI_BASE_URL for another endpoint)")
    print_line('  roadcrew run --repo . --issue "what should be different"')
    if keep:
        print_line(f"\nThe servers still run: ROADCREW_WORKSPACE={settings.workspace} roadcrew status")
        print_line("Stop them with: roadcrew --workspace " + str(settings.workspace) + " stop --servers")
