"""A host whose every call is counted: failures in a row open its circuit, one answer closes it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from devctl.errors import HostUnreachable
from devctl.hosts.engine import HostEngine
from devctl.hosts.registry import HostRegistry


class _Guarded:
    """Passes everything on to a host."""

    def __init__(self, engine: HostEngine, registry: HostRegistry) -> None:
        self._engine = engine
        self._registry = registry
        self._failing = True  # until it has answered once, as far as this program knows

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        return self._counted(found) if callable(found) and not name.startswith("_") else found

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def counted(*arguments: Any, **named: Any) -> Any:
            try:
                result = call(*arguments, **named)
            except HostUnreachable as error:
                self._failing = True
                self._registry.failed(self._engine.name, error.message)
                raise
            if self._failing:
                self._failing = False
                self._registry.answered(self._engine.name)
            return result

        return counted


def guarded(engine: HostEngine, registry: HostRegistry) -> HostEngine:
    """The same host, with its failures and answers written down."""
    return cast("HostEngine", _Guarded(engine, registry))
