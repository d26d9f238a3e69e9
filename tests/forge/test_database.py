"""The database file of a forge that was made by an earlier version."""

from pathlib import Path

from forge.store import repositories, users
from forge.store.database import COLUMNS, Database


def test_file_of_an_earlier_version_gets_the_columns_that_came_since(tmp_path: Path) -> None:
    file = tmp_path / "forge.sqlite3"
    old = Database(file)
    with old.write() as db:
        ada = users.create(db, "ada")
        repositories.create(db, ada, "kept", "Text", private=False)
    with old.read() as db:
        for column in COLUMNS:
            table, _, _, name, *_ = column.split()
            db.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
        db.execute("PRAGMA user_version = 0")
    old.close()
    for _ in range(2):
        new = Database(file)
        with new.read() as db:
            found = repositories.by_name(db, "ada", "kept")
            assert found is not None and (found.description, found.size) == ("Text", 0)
        new.close()
