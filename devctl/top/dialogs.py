"""The questions that are asked before anything is changed."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

_CSS = """
{name} {{ align: center middle; }}
{name} > Vertical {{ width: 64; max-width: 95%; height: auto; border: solid $primary; padding: 0 1; background: $surface; }}
{name} Label {{ width: 1fr; }}
{name} Horizontal {{ height: auto; }}
"""


class Confirm(ModalScreen[bool]):
    """Asks yes or no."""

    CSS = _CSS.format(name="Confirm")
    BINDINGS = [Binding("y", "answer(True)", "Yes"), Binding("n,escape", "answer(False)", "No")]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Lay out the question and its two answers."""
        with Vertical():
            yield Label(self._question, markup=False)
            with Horizontal():
                yield Button("Yes (y)", id="yes", compact=True)
                yield Button("No (n)", id="no", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by a button."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by a key."""
        self.dismiss(yes)


class TypedName(ModalScreen[bool]):
    """Asks for an environment's name to be typed before it is removed."""

    CSS = _CSS.format(name="TypedName")
    BINDINGS = [Binding("escape", "leave", "Leave it")]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._wanted = name

    def compose(self) -> ComposeResult:
        """Lay out the question and the field."""
        with Vertical():
            yield Label(f"Remove {self._wanted} with all its files? Type its name, then Enter.", markup=False)
            yield Input(placeholder=self._wanted, id="typed", compact=True)
            yield Label("Escape leaves it as it is.", id="said", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Agree where the name is right."""
        if event.value.strip() == self._wanted:
            self.dismiss(True)
        else:
            self.query_one("#said", Label).update(f"That is not its name: {event.value.strip()!r}. Escape leaves it.")

    def action_leave(self) -> None:
        """Remove nothing."""
        self.dismiss(False)
