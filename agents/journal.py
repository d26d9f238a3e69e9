"""The journal of a turn: each step's request and reply, so that a turn cut short goes on where it was.

A turn's code is run again from its start after a crash. `TurnJournal.model` and `TurnJournal.command` answer from
the journal, in order, until its end; from there on they act. A command's intent is written before it runs, so a
row without a reply marks a command to run again, on the work tree of the last snapshot.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from psycopg.rows import DictRow
from pydantic import JsonValue

from agents.database import Database, clean
from agents.digests import RequestDigests, digest_of, shared_beginning
from agents.errors import JournalBroken
from agents.journal_rows import JournalRows
from agents.threads import Record
from agents.turns import Turn
from tools.artifacts import ArtifactRef
from tools.errors import ModelError
from tools.model import Message, ModelReply, ModelRequest, ToolSchema

logger = logging.getLogger(__name__)

Complete = Callable[[ModelRequest], ModelReply]


class SnapshotRef(Record):
    """A work tree kept in the artifact store."""

    tree: str
    """Git's id of the tree."""
    commit: str
    """The commit that holds the tree, on top of the turn's base."""
    bundle: ArtifactRef | None
    """The git bundle with that commit; None when the tree is the base's own."""


class CommandResult(Record):
    """What one command step left."""

    reply: JsonValue
    snapshot: SnapshotRef | None = None


class Spent(Record):
    """What a turn has used so far."""

    model_calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0


class TurnJournal:
    """The steps of one attempt at a turn, read back first and then written."""

    def __init__(self, database: Database, turn: Turn, complete: Complete, is_first: bool = False) -> None:
        """Read the turn's steps, unless its holder is the first: before it nobody wrote any."""
        self.turn = turn
        self.spent = Spent()
        self.last_snapshot: SnapshotRef | None = None
        self._table = JournalRows(database, turn)
        self._complete = complete
        self._step = 0
        self._sent: ModelRequest | None = None
        self._digests = RequestDigests()
        self._rows = {} if is_first else self._table.read()

    @property
    def next_turn_key(self) -> str:
        """The header value of the next step's model request."""
        return f"{self.turn.key}/{self._step + 1}"

    @property
    def resumed(self) -> bool:
        """Whether the next step's reply is already in the journal."""
        row = self._rows.get(self._step + 1)
        return row is not None and row["reply"] is not None

    @property
    def next_name(self) -> str | None:
        """The name of the next step in the journal, None at its end."""
        row = self._rows.get(self._step + 1)
        return None if row is None else str(row["name"])

    def skip_to(self, name: str) -> bool:
        """Go on just before the next step of that name, if the journal holds its reply; what lies between is counted."""
        for step, row in sorted(self._rows.items()):
            if step <= self._step or row["name"] != name or row["reply"] is None:
                continue
            for passed in range(self._step + 1, step):
                if self._rows[passed]["kind"] == "model":
                    self._count(_read_reply(self._rows[passed]))
            self._step = step - 1
            return True
        return False

    def model(self, request: ModelRequest) -> ModelReply:
        """Return the model's reply, from the journal where it is there.

        A call that fails leaves no step behind: whoever can do something about it may ask otherwise.
        """
        request = request.model_copy(update={"turn": self.next_turn_key})
        digest = self._digests.of(request)
        row = self._next(digest)
        if row is not None and row["reply"] is not None:
            reply = _read_reply(row)
        else:
            try:
                reply = _storable(self._complete(request))
            except ModelError:
                self._step -= 1
                raise
            self._table.add_reply(self._step, request.model, digest, self._stored(request), reply)
        self._sent = request
        self._count(reply)
        return reply

    def command(
        self,
        name: str,
        request: JsonValue,
        run: Callable[[], CommandResult],
        before: Callable[[], object] | None = None,
    ) -> JsonValue:
        """Return a command's reply, from the journal where it is there, else by running it.

        ``before`` is called just before ``run`` when the command really runs: it restores the last snapshot.
        """
        digest = digest_of([name, request])
        row = self._next(digest)
        if row is not None and row["reply"] is not None:
            if row["snapshot"] is not None:
                self.last_snapshot = SnapshotRef.model_validate(row["snapshot"])
            return _unwrap(row)
        if row is None:
            self._table.add_intent(self._step, name, digest, request)
        if before is not None:
            before()
        result = run()
        result = result.model_copy(update={"reply": clean(result.reply)})
        self._table.set_result(self._step, result.reply, _plain(result.snapshot))
        if result.snapshot is not None:
            self.last_snapshot = result.snapshot
        return result.reply

    def _next(self, digest: str) -> DictRow | None:
        self._step += 1
        row = self._rows.get(self._step)
        if row is not None and row["digest"] != digest:
            logger.warning(
                "turn %s: step %d differs from its journal, which is dropped from here",
                self.turn.key,
                self._step,
            )
            self._drop_rest()
            return None
        return row

    def _drop_rest(self) -> None:
        self._table.drop_from(self._step)
        self._rows = {step: row for step, row in self._rows.items() if step < self._step}

    def _stored(self, request: ModelRequest) -> dict[str, JsonValue]:
        """Return the request as stored: without what it shares with the last model step."""
        sent = self._sent
        kept = shared_beginning(sent.messages, request.messages) if sent is not None else 0
        same_tools = sent is not None and (sent.tools is request.tools or sent.tools == request.tools)
        return {
            "model": request.model,
            "kept": kept,
            "messages": [m.model_dump(mode="json") for m in request.messages[kept:]],
            "tools": None if same_tools else [t.model_dump(mode="json") for t in request.tools],
            "response_schema": request.response_schema,
            "schema_name": request.schema_name,
        }

    def _count(self, reply: ModelReply) -> None:
        usage = reply.usage
        self.spent = Spent(
            model_calls=self.spent.model_calls + 1,
            tokens=self.spent.tokens + usage.prompt_tokens + usage.completion_tokens,
            cost_usd=self.spent.cost_usd + (usage.cost_usd or 0.0),
        )


class JournaledCall(Record):
    """One model step of the journal with its whole request put together again."""

    turn: str
    """The header value, `feature/task/role/round/step`."""
    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...]
    response_schema: dict[str, JsonValue] | None
    schema_name: str
    reply: ModelReply


def journaled_calls(database: Database, threads: list[str]) -> list[JournaledCall]:
    """Return all model steps of these threads' last attempts, in the order in which they ran."""
    rows = database.rows(
        "SELECT t.key, j.* FROM journal j JOIN turn t ON t.id = j.turn AND t.attempt = j.attempt"
        " WHERE t.thread = ANY(%s) AND j.kind = 'model' AND j.reply IS NOT NULL ORDER BY t.id, j.step",
        threads,
    )
    calls: list[JournaledCall] = []
    before: dict[int, JournaledCall] = {}
    for row in rows:
        request, last = row["request"], before.get(row["turn"])
        new = tuple(Message.model_validate(message) for message in request["messages"])
        call = JournaledCall(
            turn=f"{row['key']}/{row['step']}",
            model=request["model"],
            messages=(last.messages[: request["kept"]] if last else ()) + new,
            tools=last.tools
            if last and request["tools"] is None
            else tuple(ToolSchema.model_validate(tool) for tool in request["tools"] or ()),
            response_schema=request["response_schema"],
            schema_name=request["schema_name"],
            reply=_read_reply(row),
        )
        before[row["turn"]] = call
        calls.append(call)
    return calls


def _read_reply(row: DictRow) -> ModelReply:
    if row["kind"] != "model":
        raise JournalBroken(f"step {row['step']} of turn {row['turn']} is a {row['kind']}, a model call was expected")
    return ModelReply.model_validate(row["reply"])


def _storable(reply: ModelReply) -> ModelReply:
    """Return the reply as the database will give it back: what follows must not differ after a crash."""
    return ModelReply.model_validate(clean(reply.model_dump(mode="json")))


def _plain(snapshot: SnapshotRef | None) -> JsonValue:
    return None if snapshot is None else snapshot.model_dump(mode="json")


def _unwrap(row: DictRow) -> JsonValue:
    if not isinstance(row["reply"], dict) or "value" not in row["reply"]:
        raise JournalBroken(f"step {row['step']} of turn {row['turn']} holds no command result")
    value: JsonValue = row["reply"]["value"]
    return value
