"""The screen of `devctl top`: the table, the filter, the panes below, and what may be done to an environment.

Whatever may wait for a host runs in threads that nothing waits for, so that keys are heard and quitting is at once.
"""

import threading
from collections.abc import Callable
from datetime import timedelta

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.message import Message
from textual.widgets import DataTable, Footer, Input, Static

from devctl.errors import DevctlError
from devctl.top.details import details_of
from devctl.top.dialogs import Confirm, TypedName
from devctl.top.following import Follower
from devctl.top.rows import COLUMNS, TopRow, Wish, now, wanted_rows
from devctl.top.sources import Source
from devctl.top.table import EnvironmentTable

KEEP = timedelta(hours=8)
_HINT = "type to filter: name, owner, host, phase, image, label"


class Looked(Message):
    """What a look found, or why there was none."""

    def __init__(self, rows: list[TopRow], error: DevctlError | None = None) -> None:
        super().__init__()
        self.rows = rows
        self.error = error


class TopApp(App[None]):
    """Environments on a screen, looked at every `seconds`; the source stays its owner's."""

    TITLE = "devctl top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #filter { height: 1; }
    #status { height: 1; }
    EnvironmentTable { height: 1fr; }
    #below { height: 9; border-top: solid $primary; }
    """
    BINDINGS = [
        Binding("slash", "filter", "Find", key_display="/"),
        Binding("g", "gpu", "GPU"),
        Binding("r", "running", "Run"),
        Binding("s", "sort", "Sort"),
        Binding("o", "turn", "Order", show=False),
        Binding("l", "logs", "Logs"),
        Binding("x", "stop", "Stop"),
        Binding("t", "start", "Start"),
        Binding("k", "keep", "Keep"),
        Binding("d", "remove", "Del"),
        Binding("q", "quit", "Quit"),
        Binding("escape", "leave", "Back", show=False),
    ]

    def __init__(self, source: Source, seconds: float = 2.0) -> None:
        super().__init__()
        self._source = source
        self._seconds = seconds
        self._wish = Wish()
        self._rows: list[TopRow] = []
        self._away = ""
        self._looks = 0
        self._followers: dict[str, Follower] = {}
        self._followed: str | None = None
        self._log_version = -1
        self._ended = threading.Event()
        self._look_now = threading.Event()

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Input(placeholder=_HINT, id="filter", compact=True)
        yield EnvironmentTable(id="table")
        with VerticalScroll(id="below"):
            yield Static("", id="pane", markup=False)
        yield Static("looking for environments …", id="status", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self.query_one(EnvironmentTable).focus()
        threading.Thread(target=self._look_on, name="devctl-top", daemon=True).start()
        self.set_interval(0.3, self._show_log)

    def on_unmount(self) -> None:
        """Look no more."""
        self._ended.set()
        self._look_now.set()

    def on_looked(self, event: Looked) -> None:
        """Show what was found; an error is told once, and what was seen before stays."""
        if event.error is None:
            self._rows, self._away, self._looks = event.rows, "", self._looks + 1
            self._show()
            return
        if str(event.error) != self._away:
            self._tell(str(event.error), wrong=True)
        self._away = str(event.error)
        self._show_status()

    def on_resize(self, _event: Resize) -> None:
        """Lay the table out anew."""
        self.call_after_refresh(self._show)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as it is typed."""
        if event.input.id == "filter":
            self._change(text=event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the table."""
        if event.input.id == "filter":
            self.query_one(EnvironmentTable).focus()

    def on_data_table_row_highlighted(self, _event: DataTable.RowHighlighted) -> None:
        """Show the environment that is pointed at."""
        self._show_below()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """Sort by the column that was clicked, and the other way round at the next click."""
        name = COLUMNS[event.column_index].name
        self._change(column=name, descending=name == self._wish.column and not self._wish.descending)

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one("#filter", Input).focus()

    def action_leave(self) -> None:
        """Close the log; then empty the filter, and go back to the table."""
        if self._followed is not None:
            self._followed = None
        else:
            self.query_one("#filter", Input).value = ""
        self.query_one(EnvironmentTable).focus()
        self._show_below()

    def action_gpu(self) -> None:
        """Only those that have a GPU, or all."""
        self._change(gpu_only=not self._wish.gpu_only)

    def action_running(self) -> None:
        """Only those that run, or all."""
        self._change(running_only=not self._wish.running_only)

    def action_sort(self) -> None:
        """Sort by the next column."""
        names = [column.name for column in COLUMNS]
        self._change(column=names[(names.index(self._wish.column) + 1) % len(names)])

    def action_turn(self) -> None:
        """Sort the other way round."""
        self._change(descending=not self._wish.descending)

    def action_logs(self) -> None:
        """Follow the log of the environment that is pointed at, or go back to its details."""
        row = self._selected()
        if self._followed is not None or row is None:
            self._followed = None
            self._show_below()
            return
        identity = row.record.id
        if identity not in self._followers or self._followers[identity].ended:
            self._followers[identity] = Follower(self._source.client, identity)
        self._followed, self._log_version = identity, -1
        self._show_log()

    def action_stop(self) -> None:
        """Stop it, once that is confirmed."""
        self._ask("Stop {}, with all that runs in it? Its files stay.", "stopped {}", self._source.client.stop)

    def action_start(self) -> None:
        """Start it, once that is confirmed."""
        self._ask("Start {}?", "started {}", self._source.client.start)

    def action_keep(self) -> None:
        """Keep it from the reaper, once that is confirmed."""
        client = self._source.client
        self._ask(
            "Keep {} for 8 h, whatever it does?", "{} is kept for 8 h", lambda one: client.keep(one, now() + KEEP)
        )

    def action_remove(self) -> None:
        """Remove it, once its name was typed."""
        if (row := self._selected()) is None:
            return
        record = row.record

        def answered(yes: bool | None) -> None:
            if yes:
                self._act(f"removed {record.name}", lambda: self._source.remove(record))

        self.push_screen(TypedName(record.name), answered)

    def _ask(self, question: str, done: str, act: Callable[[str], object]) -> None:
        """Ask about the environment that is pointed at now, whatever is pointed at when the answer comes."""
        if (row := self._selected()) is None:
            return
        name, identity = row.record.name, row.record.id

        def answered(yes: bool | None) -> None:
            if yes:
                self._act(done.format(name), lambda: act(identity))

        self.push_screen(Confirm(question.format(name)), answered)

    def _act(self, done: str, act: Callable[[], object]) -> None:
        """Do it beside the screen, tell what came of it, and look again."""

        def run() -> None:
            try:
                act()
            except DevctlError as error:
                self._tell(str(error), wrong=True)
            else:
                self._tell(done)
            self._look_now.set()

        threading.Thread(target=run, name="devctl-top-act", daemon=True).start()

    def _tell(self, words: str, wrong: bool = False) -> None:
        """Say it in a corner of the screen; from any thread, and to nobody when the screen has gone."""
        if not self._ended.is_set():
            title = "error" if wrong else ""
            self.notify(words, title=title, severity="error" if wrong else "information", markup=False)

    def _look_on(self) -> None:
        while not self._ended.is_set():
            self._look_now.clear()
            try:
                found = Looked(self._source.look())
            except DevctlError as error:
                found = Looked([], error)
            if not self._ended.is_set():
                self.post_message(found)
            self._look_now.wait(self._seconds)

    def _selected(self) -> TopRow | None:
        return self.query_one(EnvironmentTable).selected() if len(self.screen_stack) == 1 else None

    def _is_up(self) -> bool:
        """Whether the screen is still there: messages come in while the program ends."""
        ending = not self.is_running or self._ended.is_set()
        return not ending and any(screen.is_mounted for screen in self.screen_stack[:1])

    def _change(self, **changed: object) -> None:
        self._wish = self._wish.model_copy(update=changed)
        self._show()

    def _show(self) -> None:
        """Bring all of the screen in step with what is known."""
        if not self._is_up():
            return
        main = self.screen_stack[0]
        main.query_one(EnvironmentTable).show(wanted_rows(self._rows, self._wish), self._wish)
        self._show_status()
        self._show_below()

    def _show_status(self) -> None:
        if not self._is_up() or not (self._looks or self._away):
            return
        wish = self._wish
        parts = [f"{len(wanted_rows(self._rows, wish))} of {len(self._rows)}"]
        parts += ["GPU only"] * wish.gpu_only + ["running only"] * wish.running_only
        parts.append(f"by {wish.column} {'down' if wish.descending else 'up'} (o turns)")
        parts.append(f"NOT REFRESHED: {self._away}" if self._away else self._source.place)
        self.screen_stack[0].query_one("#status", Static).update(" | ".join(parts))

    def _show_below(self) -> None:
        if self._followed is None and self._is_up():
            row = self.screen_stack[0].query_one(EnvironmentTable).selected()
            words = "no environment fits" if self._rows else "no environments: `devctl up` makes one"
            self.screen_stack[0].query_one("#pane", Static).update(details_of(row) if row else words)

    def _show_log(self) -> None:
        """Show what has come of the log that is followed."""
        if self._followed is None or not self._is_up() or self._followers[self._followed].version == self._log_version:
            return
        follower, main = self._followers[self._followed], self.screen_stack[0]
        below = main.query_one("#below", VerticalScroll)
        at_end = below.scroll_offset.y >= below.max_scroll_y
        self._log_version = follower.version
        name = next((row.record.name for row in self._rows if row.record.id == self._followed), "gone")
        ended = "log has ended" if follower.ended else "followed; l goes back"
        main.query_one("#pane", Static).update(f"log of {name} ({ended})\n{follower.text()}")
        if at_end:
            below.scroll_end(animate=False)
