from datetime import date

from shelf import Book, Shelf, load, save


def test_a_shelf_survives_saving(tmp_path):
    shelf = Shelf([Book("Solaris", "Stanisław Lem", 1961, date(2024, 5, 1)), Book("Ubik", "Philip K. Dick")])
    save(shelf, tmp_path / "books.json")
    assert load(tmp_path / "books.json") == shelf


def test_an_absent_file_is_an_empty_shelf(tmp_path):
    assert load(tmp_path / "none.json").books == []
