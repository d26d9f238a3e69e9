from datetime import date

import pytest
from shelf import Book, Shelf, UnknownBook


def test_a_title_stands_on_the_shelf_once():
    shelf = Shelf()
    shelf.add(Book("Solaris", "Stanisław Lem"))
    with pytest.raises(ValueError, match="already"):
        shelf.add(Book("Solaris", "somebody else"))


def test_finishing_sets_the_state():
    shelf = Shelf([Book("Solaris", "Stanisław Lem", 1961)])
    assert shelf.find("Solaris").state == "to read"
    shelf.finish("Solaris", date(2024, 5, 1))
    assert shelf.find("Solaris").state == "finished"


def test_an_unknown_title_is_said_to_be_unknown():
    with pytest.raises(UnknownBook):
        Shelf().finish("Solaris", date(2024, 5, 1))
