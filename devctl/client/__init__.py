"""The SDK: kept environments over the service, or with the launcher in this process, by the same methods.

with Client("http://127.0.0.1:7070", token) as client:
    client.up(EnvironmentSpec(name="blog", image="debian:12"), tree=folder)
    print(client.exec("blog", ["make", "test"]).output)

The names are loaded when they are first used: who asks a service needs no database's client, and the other way round.
"""

from typing import TYPE_CHECKING

from local.lazy import loaded_when_used

if TYPE_CHECKING:
    from devctl.client.client import Client
    from devctl.client.environments import Environments
    from devctl.client.local import LocalClient, local_client

_PLACES = {"client": ("Client",), "environments": ("Environments",), "local": ("LocalClient", "local_client")}

__all__ = ["Client", "Environments", "LocalClient", "local_client"]

__getattr__ = loaded_when_used("devctl.client", _PLACES)
