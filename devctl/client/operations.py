"""Long work of the service, followed to its end by whoever began it."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from devctl.client.environments import Told
from devctl.client.wire import Wire, error_from, place
from devctl.errors import ServiceUnreachable

_WAIT_SECONDS = 20


class RemoteOperations:
    """Begins operations and follows them; a broken connection neither ends nor repeats one."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def run(self, path: str, wish: object, progress: Told | None) -> Any:
        """Send a wish and return the operation's result; raises the error that it failed with."""
        operation = self._begun(path, wish, {"Idempotency-Key": uuid.uuid4().hex})
        told = 0
        while operation["state"] == "running":
            told = self._tell(operation["id"], told, progress)
            operation = self._wire.json(
                "GET", place("operations", operation["id"], wait=1 if progress else _WAIT_SECONDS)
            )
        self._tell(operation["id"], told, progress)
        if operation["state"] == "failed":
            raise error_from(operation["error"])
        return operation["result"]

    def _begun(self, path: str, wish: object, key: Mapping[str, str]) -> Any:
        """Send it, and once more under the same key where the answer was lost on its way."""
        try:
            return self._wire.json("POST", path, wish, key)
        except ServiceUnreachable:
            time.sleep(0.5)
            return self._wire.json("POST", path, wish, key)

    def _tell(self, identity: str, told: int, progress: Told | None) -> int:
        """Pass on what was told since; only what is there, without waiting."""
        if progress is None:
            return told
        for event in self._wire.json("GET", place("operations", identity, "steps", after=told))["items"]:
            progress(event["text"])
            told = event["number"]
        return told
