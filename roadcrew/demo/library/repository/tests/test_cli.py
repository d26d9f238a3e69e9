from datetime import date

import pytest
from shelf import Book, Shelf
from shelf.cli import build_parser, main
from shelf.listing import listing


def test_add_list_finish(tmp_path, capsys):
    file = str(tmp_path / "books.json")
    assert main(["add", file, "Solaris", "--author", "Stanisław Lem", "--year", "1961"]) == 0
    assert main(["finish", file, "Solaris"]) == 0
    assert main(["list", file]) == 0
    assert "Solaris" in capsys.readouterr().out


def test_finishing_an_unknown_book_fails(tmp_path, capsys):
    assert main(["finish", str(tmp_path / "books.json"), "Solaris"]) == 1
    assert "no book" in capsys.readouterr().err


def test_listing_asks_humanize_for_words(mocker):
    spoken = mocker.patch("shelf.listing.humanize.naturaltime", return_value="long ago")
    text = listing(Shelf([Book("Solaris", "Stanisław Lem", 1961, date(2024, 5, 1))]), date(2024, 6, 1))
    assert "long ago" in text
    spoken.assert_called_once()


@pytest.mark.parametrize("command", ["add", "list", "finish"])
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        build_parser().parse_args([command, "--help"])
    assert stopped.value.code == 0
    assert command in capsys.readouterr().out
