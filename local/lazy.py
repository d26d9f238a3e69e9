"""Names of a package that are loaded when they are first used, so that who uses one does not pay for all."""

import importlib
from collections.abc import Callable, Iterable, Mapping


def loaded_when_used(package: str, places: Mapping[str, Iterable[str]]) -> Callable[[str], object]:
    """The `__getattr__` of a package whose names stand in its modules, as `places` says: module by module."""
    module_of = {name: module for module, names in places.items() for name in names}

    def load(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{module_of[name]}"), name)

    return load
