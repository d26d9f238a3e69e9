"""The journal's table: each write is one statement that renews the turn's lease, or fails where it was lost.

A model's reply is on disk when its write returns. The rows of a command are on disk with the next reply at the
latest: a database server that loses power before that has the command run again, as when the worker had died.
"""

from __future__ import annotations

from psycopg.rows import DictRow
from pydantic import JsonValue

from agents.database import Database, as_json, fenced
from agents.errors import JournalBroken
from agents.turns import Turn, renew_turn
from tools.model import ModelReply

_INSERT_REPLY = (
    "INSERT INTO journal (turn, attempt, step, kind, name, digest, request, reply, prompt_tokens,"
    " completion_tokens, cost_usd, finished_at)"
    " SELECT %s, %s, %s, 'model', %s, %s, %s, %s, %s, %s, %s, clock_timestamp() FROM hold_turn(%s, %s)"
)
_INSERT_INTENT = (
    "INSERT INTO journal (turn, attempt, step, kind, name, digest, request)"
    " SELECT %s, %s, %s, 'command', %s, %s, %s FROM hold_turn_soon(%s, %s)"
)
_UPDATE_RESULT = (
    "WITH held AS MATERIALIZED (SELECT hold_turn_soon(%s, %s))"
    " UPDATE journal SET reply = %s, snapshot = %s, finished_at = clock_timestamp() FROM held"
    " WHERE turn = %s AND attempt = %s AND step = %s"
)


class JournalRows:
    """The rows of one attempt at a turn."""

    def __init__(self, database: Database, turn: Turn) -> None:
        self._database = database
        self._turn = turn

    def read(self) -> dict[int, DictRow]:
        """Return all rows by their step."""
        query = "SELECT * FROM journal WHERE turn = %s AND attempt = %s ORDER BY step"
        return {row["step"]: row for row in self._database.rows(query, self._turn.id, self._turn.attempt)}

    def drop_from(self, step: int) -> None:
        """Delete a step and all that follow."""
        with self._database.transaction() as connection:
            renew_turn(connection, self._turn)
            connection.execute(
                "DELETE FROM journal WHERE turn = %s AND attempt = %s AND step >= %s",
                [self._turn.id, self._turn.attempt, step],
            )

    def add_reply(self, step: int, model: str, digest: str, request: JsonValue, reply: ModelReply) -> None:
        """Write a model step, and wait until it is on disk."""
        usage = reply.usage
        said, counted = as_json(reply.model_dump(mode="json")), (usage.prompt_tokens, usage.completion_tokens)
        self._write(_INSERT_REPLY, *self._key(step), model, digest, as_json(request), said, *counted, usage.cost_usd,
                    *self._lease())  # fmt: skip

    def add_intent(self, step: int, name: str, digest: str, request: JsonValue) -> None:
        """Write that a command is about to run."""
        self._write(_INSERT_INTENT, *self._key(step), name, digest, as_json(request), *self._lease())

    def set_result(self, step: int, reply: JsonValue, snapshot: JsonValue) -> None:
        """Write what the command of a step came to; raises `JournalBroken` where its intent is gone."""
        kept = as_json(snapshot) if snapshot is not None else None
        said = as_json({"value": reply})
        if self._write(_UPDATE_RESULT, *self._lease(), said, kept, *self._key(step)) != 1:
            raise JournalBroken(f"step {step} of turn {self._turn.id} was dropped while it ran")

    def _key(self, step: int) -> tuple[int, int, int]:
        return self._turn.id, self._turn.attempt, step

    def _lease(self) -> tuple[int, int]:
        return self._turn.id, self._turn.epoch

    def _write(self, statement: str, *values: object) -> int:
        with self._database.connection() as connection, fenced():
            return connection.execute(statement.encode(), values).rowcount
