"""Looking after the service's machine, for its admins."""

import builtins
from datetime import datetime
from typing import TYPE_CHECKING

from devctl.client.operations import RemoteOperations
from devctl.client.wire import LONG_SECONDS, Wire, place
from devctl.fleet.records import User
from devctl.upkeep.records import Backends, ReapWish, Removed, SmokeWish, SweepWish, Tidied

if TYPE_CHECKING:
    from devctl.reaper.reaper import Looked
    from devctl.serve.tokens import NewToken, Token
    from devctl.upkeep.gpus import GpusExamined


class RemoteUpkeep:
    """What admins may have done there; each method raises LaunchRefused for the others."""

    def __init__(self, wire: Wire, operations: RemoteOperations) -> None:
        self._wire, self._operations = wire, operations

    def reap(self, wish: ReapWish | None = None) -> "list[Looked]":
        """Look once at all environments, and stop the idle ones; the service does so by itself, too."""
        from devctl.reaper.reaper import Looked

        found = self._operations.run(place("reap"), (wish or ReapWish()).model_dump(mode="json"), None)
        return [Looked.model_validate(one) for one in found]

    def prune(self) -> Tidied:
        """Remove what dead programs left there, and cached dependencies that no environment uses."""
        return Tidied.model_validate(self._operations.run(place("prune"), None, None))

    def doctor(self) -> Backends:
        """Try each backend of the service's machine."""
        return Backends.model_validate(self._wire.json("GET", place("doctor"), seconds=LONG_SECONDS))

    def examine_gpus(self, wish: SmokeWish | None = None) -> "GpusExamined":
        """Launch a container with a GPU there, and say what it sees."""
        from devctl.upkeep.gpus import GpusExamined

        given = (wish or SmokeWish()).model_dump(mode="json")
        return GpusExamined.model_validate(self._operations.run(place("doctor", "gpu"), given, None))

    def sweep_builds(self, wish: SweepWish | None = None) -> tuple[str, ...]:
        """Remove layers and images of builds that are old, unused or too many."""
        given = (wish or SweepWish()).model_dump(mode="json")
        return Removed.model_validate(self._operations.run(place("builds", "sweep"), given, None)).removed


class RemoteTokens:
    """The tokens of the service, for its admins; each method raises LaunchRefused for the others."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def add(self, user: User, expires: datetime | None = None, note: str = "") -> "NewToken":
        """Make one for a user with a tier and a role; its secret is shown this once."""
        from devctl.serve.records import TokenWish
        from devctl.serve.tokens import NewToken

        wish = TokenWish(user=user, expires=expires, note=note).model_dump(mode="json")
        return NewToken.model_validate(self._wire.json("POST", place("tokens"), wish))

    def list(self) -> "builtins.list[Token]":
        """All of them, oldest first."""
        from devctl.serve.tokens import Token

        return [Token.model_validate(one) for one in self._wire.json("GET", place("tokens"))["items"]]

    def remove(self, identity: str) -> None:
        """Take one back; raises NoSuchResource."""
        self._wire.json("DELETE", place("tokens", identity))
