"""A program's connections to its database, while that is started anew."""

import threading
from pathlib import Path

from local import Workspace, ensure_postgres, stop
from local.state_database import StateDatabase, Tables


class Unavailable(Exception):
    """The program's own error."""


def opened(workspace: Workspace, migrations: Path) -> StateDatabase:
    database = StateDatabase(
        ensure_postgres(workspace),
        Tables(
            schema="kept", migrations=migrations, lock=1, variable="KEPT_URL", start="start it", unavailable=Unavailable
        ),
    )
    database.open()
    return database


def use_at_once(database: StateDatabase, connections: int) -> None:
    """Have so many connections open."""
    together = threading.Barrier(connections)

    def use() -> None:
        with database.connection() as connection:
            together.wait(60)
            connection.execute("SELECT 1")

    users = [threading.Thread(target=use) for _ in range(connections)]
    for user in users:
        user.start()
    for user in users:
        user.join()


def test_no_query_fails_for_connections_from_before_a_restart(workspace: Workspace, tmp_path: Path) -> None:
    database = opened(workspace, tmp_path)
    try:
        use_at_once(database, 5)
        stop(workspace, ["postgres"])
        ensure_postgres(workspace)
        assert [database.rows("SELECT 1 AS one") for _ in range(10)] == [[{"one": 1}]] * 10
        use_at_once(database, 5)
    finally:
        database.close()


def test_looking_whether_a_connection_goes_on_asks_the_server_nothing(workspace: Workspace, tmp_path: Path) -> None:
    database = opened(workspace, tmp_path)
    try:
        use_at_once(database, 2)  # so that both kinds are used below
        with database.connection(), database.connection() as pooled:
            pooled.execute("SELECT 'before'")
        with database.connection() as watching, database.connection():
            last = (
                "SELECT query FROM pg_stat_activity WHERE backend_type = 'client backend' AND query LIKE '%%before%%'"
            )
            assert len(watching.execute(last.encode()).fetchall()) == 2  # its own words, and the pooled one's last
    finally:
        database.close()
