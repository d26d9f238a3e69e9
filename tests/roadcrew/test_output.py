"""What commands print."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcrew.output import cell_text, print_data, print_error, print_table


def test_records_times_and_paths_become_plain_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_data("status", {"at": datetime(2026, 1, 2, tzinfo=UTC), "file": Path("/tmp/x"), "tags": {"b", "a"}})
    said = json.loads(capsys.readouterr().out)
    assert said["data"] == {"at": "2026-01-02T00:00:00+00:00", "file": "/tmp/x", "tags": ["a", "b"]}


def test_error_without_a_message_is_named_by_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(KeyError())
    assert capsys.readouterr().err == "error: KeyError\n"


def test_table_shows_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["title", "n"], [("[red]not markup[/red]", 3), (None, True)])
    said = capsys.readouterr().out
    assert "[red]not markup[/red]" in said
    assert "True" in said


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_every_value_has_a_cell(value: object) -> None:
    text = cell_text(value)
    if isinstance(value, list):
        assert json.loads(text) == value
