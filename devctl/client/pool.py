"""The warm stock of the service, for its admins."""

from devctl.client.operations import RemoteOperations
from devctl.client.wire import Wire, place
from devctl.pool.records import WarmStock


class RemoteWarm:
    """What is kept warm; each method raises LaunchRefused for those who are no admins."""

    def __init__(self, wire: Wire, operations: RemoteOperations) -> None:
        self._wire, self._operations = wire, operations

    def stock(self) -> WarmStock:
        """The shapes that are kept, and the containers."""
        return WarmStock.model_validate(self._wire.json("GET", place("pool")))

    def size(self, key: str, count: int | None) -> None:
        """Keep so many of a shape, or as many as are asked for."""
        self._wire.json("PUT", place("pool", key), {"minimum": count})

    def fill(self) -> list[str]:
        """Level the stocks once."""
        return [str(words) for words in self._operations.run(place("pool", "fill"), None, None)]

    def drain(self) -> int:
        """Remove all that nobody has claimed, and keep none."""
        return int(self._operations.run(place("pool", "drain"), None, None))
