"""The screen of `devctl top`, driven by keys over a real fleet."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from textual.notifications import SeverityLevel
from textual.pilot import Pilot
from textual.widgets import Input, Static

from devctl.client import Client, LocalClient
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import Lifecycle, LifecycleCommand
from devctl.reaper.records import ReaperRules
from devctl.top.app import TopApp
from devctl.top.rows import wanted_rows
from devctl.top.sources import LocalSource, ServiceSource
from devctl.top.table import EnvironmentTable
from tests.devctl.fleets import ADA, BOB, fleet_on, settings_of, wanted
from tests.devctl.serve.services import serving, token_of

ROOT = Path(__file__).parents[3]
Play = Callable[[TopApp, Pilot[None]], Coroutine[None, None, None]]
_PATIENCE = 60.0
"""A lost database is looked for again after growing pauses."""


class HeardApp(TopApp):
    """The screen, with all that it ever said in its corner: notes go away by themselves."""

    def __init__(self, source: LocalSource | ServiceSource, seconds: float) -> None:
        super().__init__(source, seconds)
        self.heard: list[str] = []

    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information", timeout: float | None = None,
        markup: bool = True,
    ) -> None:  # fmt: skip
        """Hear it."""
        self.heard.append(message)
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)


@contextmanager
def cut_off(database_url: str) -> Iterator[None]:
    """Have the server end all connections to a database and take no new ones, as long as the block runs."""
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(make_conninfo(database_url, dbname="postgres"), autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false".encode())
        try:
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            server.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true".encode())


@contextmanager
def source_of(fleet: Fleet) -> Iterator[LocalSource]:
    """Ada's environments."""
    source = LocalSource(LocalClient(fleet, ADA, settings_of(fleet)), ReaperRules())
    yield source
    source.close()


def played(source: LocalSource | ServiceSource, play: Play, size: tuple[int, int] = (80, 24)) -> None:
    """Run the screen and play on it."""

    async def run() -> None:
        app = HeardApp(source, seconds=0.2)
        async with app.run_test(size=size, notifications=True) as pilot:
            await play(app, pilot)

    asyncio.run(run())


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = asyncio.get_running_loop().time() + _PATIENCE
    while not holds():
        assert asyncio.get_running_loop().time() < end, said(pilot.app)
        await pilot.pause(0.05)


def lines(app: object) -> list[list[str]]:
    """The cells of the table."""
    assert isinstance(app, TopApp)
    table = app.screen_stack[0].query_one(EnvironmentTable)
    return [[cell.plain for cell in table.get_row_at(number)] for number in range(table.row_count)]


def names(app: TopApp) -> list[str]:
    """The first column."""
    return [line[0] for line in lines(app)]


def text_of(app: TopApp, selector: str) -> str:
    """What a pane says."""
    return str(app.screen_stack[0].query_one(selector, Static).content)


def said(app: object) -> str:
    """All notifications, and what else there is."""
    assert isinstance(app, HeardApp)
    return "\n".join([*app.heard, text_of(app, "#status"), text_of(app, "#pane"), str(lines(app))])


def test_environments_are_shown_filtered_and_sorted(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "blog", labels={"team": "red"}, notes=("init is not done",)))
    fleet.up(ADA, wanted(backend, "shop"))
    fleet.up(BOB, wanted(backend, "secret"))
    fleet.stop(ADA, "shop", why="not wanted at night")
    fleet.parts.database.rows("UPDATE environment SET gpu = true WHERE id = %s RETURNING id", fleet.get(ADA, "blog").id)

    async def play(app: TopApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: names(app) == ["blog", "shop"])
        assert lines(app)[0][1:3] == ["running", "ada"] and lines(app)[0][-1] in ("used", "attached")
        assert "init is not done" in text_of(app, "#pane") and "not idle" in text_of(app, "#pane")
        await until(pilot, lambda: lines(app)[0][6] == "GPU" and lines(app)[1][6:] == ["-"] * 4)
        await pilot.press("down")
        await until(pilot, lambda: "not wanted at night" in text_of(app, "#pane"))
        await pilot.press("o")
        await until(pilot, lambda: names(app) == ["shop", "blog"])
        assert "not wanted at night" in text_of(app, "#pane"), "the cursor did not stay on its environment"
        await pilot.press("s")
        assert "by PHASE down" in text_of(app, "#status") and names(app) == ["shop", "blog"]
        await pilot.press("r")
        assert names(app) == ["blog"] and "running only" in text_of(app, "#status")
        await pilot.press("r", "slash", *"RED")
        await until(pilot, lambda: names(app) == ["blog"] and "1 of 2" in text_of(app, "#status"))
        await pilot.press("enter", "escape", "g")
        await until(pilot, lambda: names(app) == ["blog"] and "1 of 2" in text_of(app, "#status"))
        assert "GPU only" in text_of(app, "#status") and app.query_one("#filter", Input).value == ""

    with source_of(fleet) as source:
        played(source, play)


def test_actions_wait_for_an_answer_and_are_done_to_what_was_pointed_at(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "blog"))
    fleet.up(ADA, wanted(backend, "shop"))

    async def play(app: TopApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: names(app) == ["blog", "shop"])
        await pilot.press("down", "x", "n")
        await pilot.press("k", "y")
        await until(pilot, lambda: lines(app)[1][8].startswith(("8h", "7h")) and lines(app)[1][-1] == "kept")
        await pilot.press("x", "y")
        await until(pilot, lambda: lines(app)[1][1] == "stopped" and "stopped shop" in said(app))
        assert lines(app)[0][1] == "running"
        await pilot.press("t", "y")
        await until(pilot, lambda: lines(app)[1][1] == "running")
        await pilot.press("d", *"blog", "enter")
        await pilot.pause()
        assert len(app.screen_stack) == 2, "a wrong name was taken"
        await pilot.press(*["backspace"] * 4, *"shop", "enter")
        await until(pilot, lambda: names(app) == ["blog"])

    with source_of(fleet) as source:
        played(source, play)
    assert [one.name for one in fleet.list(ADA)] == ["blog"]


def test_refused_actions_and_a_lost_database_are_told_and_the_screen_stays(database_url: str) -> None:
    with fleet_on("bubblewrap", database_url) as fleet, source_of(fleet) as source:
        fleet.up(ADA, wanted("bubblewrap", "blog"))

        async def play(app: TopApp, pilot: Pilot[None]) -> None:
            await until(pilot, lambda: names(app) == ["blog"])
            await pilot.press("d")
            fleet.remove(ADA, "blog")
            await pilot.press(*"blog", "enter")
            await until(pilot, lambda: "no environment is called" in said(app) and names(app) == [])
            fleet.up(ADA, wanted("bubblewrap", "late"))
            await until(pilot, lambda: names(app) == ["late"])
            fleet.remove(ADA, "late")
            fleet.up(ADA, wanted("bubblewrap", "stays"))
            await until(pilot, lambda: names(app) == ["stays"])
            with cut_off(database_url):
                await until(pilot, lambda: "NOT REFRESHED" in text_of(app, "#status"))
                assert "does not answer" in said(app) and names(app) == ["stays"]
            await until(pilot, lambda: "NOT REFRESHED" not in text_of(app, "#status"))

        played(source, play)


def test_logs_are_followed(fleet: Fleet, backend: str) -> None:
    script = "n=0; while [ $n -lt 20 ]; do n=$((n+1)); printf 'line \\033[2J%s\\n' $n; sleep 0.1; done"
    command = LifecycleCommand(argv=("/bin/sh", "-c", script))
    fleet.up(ADA, wanted(backend, "talks", lifecycle=Lifecycle(post_create=((command,),))))

    async def play(app: TopApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: names(app) == ["talks"])
        await pilot.press("l")
        await until(pilot, lambda: "line 3\n" in text_of(app, "#pane"))
        await until(pilot, lambda: "line 9\n" in text_of(app, "#pane"))
        await pilot.press("l")
        assert "limits:" in text_of(app, "#pane")

    with source_of(fleet) as source:
        played(source, play)


def test_a_terminal_of_80_columns_shows_every_column_and_a_narrower_one_does_not_break(
    fleet: Fleet, backend: str, tmp_path: Path
) -> None:
    fleet.up(ADA, wanted(backend, "a-very-long-name-for-a-small-table"))

    async def play(app: TopApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: names(app) == ["a-very-long-…"])
        await until(pilot, lambda: lines(app)[0][4] != "-" or backend == "bubblewrap")
        await until(pilot, lambda: "Quit" in app.export_screenshot())  # the footer is laid out last
        shot = app.export_screenshot().replace("&#160;", " ")
        if folder := os.environ.get("DEVCTL_TOP_SCREENSHOT"):
            app.save_screenshot(f"{backend}.svg", folder)
        assert [word for word in ("NAME▲", "PHASE", "KEPT", "IDLE", "Del", "Quit") if word not in shot] == []
        await pilot.resize_terminal(40, 12)
        await until(pilot, lambda: app.size.width == 40 and names(app) == ["a-very-long-…"])
        await pilot.resize_terminal(160, 30)
        await until(pilot, lambda: names(app) == ["a-very-long-name-for-a-small-table"])

    with source_of(fleet) as source:
        played(source, play)


def test_a_service_is_watched_by_the_same_keys(database_url: str) -> None:
    with fleet_on("bubblewrap", database_url) as fleet:
        fleet.up(ADA, wanted("bubblewrap", "blog"))
        with serving(fleet, settings_of(fleet)) as server:
            source = ServiceSource(Client(server.url, token_of(server, ADA)), server.url)

            async def play(app: TopApp, pilot: Pilot[None]) -> None:
                await until(pilot, lambda: names(app) == ["blog"])
                assert lines(app)[0][-1] == "?"
                await pilot.press("x", "y")
                await until(pilot, lambda: lines(app)[0][1] == "stopped")

            played(source, play)


def test_sorting_by_each_column_takes_rows_that_know_nothing(fleet: Fleet, backend: str) -> None:
    from devctl.top.rows import COLUMNS, Wish

    fleet.up(ADA, wanted(backend, "one"))
    fleet.up(ADA, wanted(backend, "two"))
    fleet.stop(ADA, "one")
    fleet.keep(ADA, "two", datetime.now(UTC) + timedelta(hours=3))
    with source_of(fleet) as source:
        rows = source.look()
    for column in COLUMNS:
        assert len(wanted_rows(rows, Wish(column=column.name))) == 2
    assert [row.record.name for row in wanted_rows(rows, Wish(column="KEPT", descending=True))] == ["two", "one"]


def test_without_a_terminal_it_prints_once_or_says_how(database_url: str, tmp_path: Path) -> None:
    def top(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "DEVCTL_USER": "ada"}
        env |= {"DEVCTL_DATABASE_URL": database_url, "DEVCTL_BACKEND": "bubblewrap", "DEVCTL_FOLDER": str(tmp_path)}
        argv = [sys.executable, "-m", "devctl.cli", "top", *arguments]
        return subprocess.run(argv, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=60)

    refused = top()
    assert refused.returncode == 2 and "devctl top --once" in refused.stderr
    printed = top("--once")
    assert (printed.returncode, printed.stdout) == (0, "no environments\n"), printed.stderr
