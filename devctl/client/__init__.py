"""The SDK: kept environments over the service, or with the launcher in this process, by the same methods.

with Client("http://127.0.0.1:7070", token) as client:
    client.up(EnvironmentSpec(name="blog", image="debian:12"), tree=folder)
    print(client.exec("blog", ["make", "test"]).output)
"""

from devctl.client.client import Client
from devctl.client.local import LocalClient, local_client

__all__ = ["Client", "LocalClient", "local_client"]
