"""The SDK: kept environments over the service, or with the launcher in this process, by the same methods.

with Client("http://127.0.0.1:7070", token) as client:
    client.up(EnvironmentSpec(name="blog", image="debian:12"), tree=folder)
    print(client.exec("blog", ["make", "test"]).output)

The names are loaded when they are first used: who asks a service needs no database's client, and the other way round.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devctl.client.client import Client
    from devctl.client.environments import Environments
    from devctl.client.local import LocalClient, local_client

_MODULE_OF = {"Client": "client", "Environments": "environments", "LocalClient": "local", "local_client": "local"}

__all__ = ["Client", "Environments", "LocalClient", "local_client"]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'devctl.client' has no attribute {name!r}")
    return getattr(importlib.import_module(f"devctl.client.{_MODULE_OF[name]}"), name)
