"""GPUs of a Docker engine: what it says, and a container that asks for one."""

from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound

from devctl.errors import LaunchFailed
from devctl.fleet.records import Host
from devctl.gpu.detection import GpuPlaces, GpuReport, judge, look
from devctl.hosts.docker_client import cause, connect

DECLARED = "gpu"
"""The label of a host by which a person says that it has a GPU which cannot be seen from here."""


def report_of(client: docker.DockerClient, host: Host, places: GpuPlaces | None = None) -> GpuReport:
    """Whether containers of a host get a GPU; this machine is looked at, one far away can only be believed."""
    info = client.api.info()
    if host.address.startswith("unix:"):
        return judge(info, look(places or GpuPlaces()))
    found = judge(info, None)
    if not found.usable and host.labels.get(DECLARED) == "true" and "nvidia" in (info.get("Runtimes") or {}):
        return GpuReport((), "nvidia")
    return found


_LABELS = {"devctl": "gpu-smoke"}


class GpuEngine:
    """One engine, for the smoke test; a context manager."""

    def __init__(self, host: Host) -> None:
        """Connect; raises HostUnreachable."""
        self.host = host
        self.name = host.name
        self._client = connect(host)

    def __enter__(self) -> "GpuEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def report(self, places: GpuPlaces | None = None) -> GpuReport:
        """Whether its containers get a GPU."""
        return report_of(self._client, self.host, places)

    def run(self, image: str, argv: list[str], arguments: dict[str, Any]) -> tuple[int, str]:
        """Run a command in a container with these host options, without network; returns its status and output.

        An image that is not there is pulled. Raises LaunchFailed.
        """
        api = self._client.api
        config = api.create_host_config(
            network_mode="none", cap_drop=["ALL"], security_opt=["no-new-privileges"], **arguments
        )
        container = None
        try:
            try:
                self._client.images.get(image)
            except ImageNotFound:
                self._client.images.pull(image)
            made = api.create_container(image, argv[1:], entrypoint=argv[:1], host_config=config, labels=_LABELS)
            container = str(made["Id"])
            api.start(container)
            code = int(api.wait(container)["StatusCode"])
            return code, api.logs(container).decode("utf-8", "replace")
        except DockerException as error:
            raise LaunchFailed(f"the engine of {self.name} starts no container with a GPU: {cause(error)}") from error
        finally:
            if container is not None:  # also one that was made and could not be started
                api.remove_container(container, force=True)
