"""A host that is a Docker engine: the container of each environment from its making to its end."""

import logging
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import docker
from docker.errors import APIError, ImageNotFound

from devctl.capture import TIMED_OUT
from devctl.errors import DevctlError, EnvironmentGone, LaunchFailed
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, Host
from devctl.gpu.options import given
from devctl.hosts import containers, docker_commands, docker_facts, docker_files
from devctl.hosts.docker_client import connect, translated, translated_launch
from devctl.hosts.docker_gpu import report_of
from devctl.hosts.docker_log import DockerLog
from devctl.hosts.engine import (
    IMAGE_METADATA,
    ExecRequest,
    ExecStream,
    Found,
    HostFacts,
    LogStream,
    Made,
    NetworkPlan,
    State,
)
from devctl.hosts.laid_out import BASE_LABEL, LaidOutImages
from devctl.hosts.stored_images import StoredImages
from devctl.records import ExecResult

log = logging.getLogger(__name__)

SNAPSHOTS = "devctl-snapshot"
"""Repository of the images that snapshots are."""
_STATES: dict[str, State] = {"running": "running", "restarting": "running", "paused": "paused"}


class DockerHost:
    """One Docker engine; safe to share between threads."""

    backend: Literal["docker", "bubblewrap"] = "docker"

    def __init__(self, host: Host, home: str, local: bool | None = None, notes: Path | None = None) -> None:
        """Connect; raises HostUnreachable. `home` is the installation whose containers are ours; `local` says whether
        the engine is of this machine, where its address does not tell. In the private folder `notes` is written which
        images were made to launch from; None makes none.
        """
        self.local = host.address.startswith("unix:") if local is None else local
        """Whether folders of this machine can be bound into its containers."""
        self.host = host
        self.name = host.name
        self._home = home
        self._client = connect(host, host.seconds)
        self.images = StoredImages(self._client, host)
        """What the engine has of images."""
        self._gpu = report_of(self._client, host)
        self._fixed = docker_facts.fixed(self._client, self._gpu)
        self._laid_out = LaidOutImages(self._client.api, notes, host.name) if notes is not None else None

    @property
    def client(self) -> docker.DockerClient:
        """The SDK's client, for the other parts that work on this engine."""
        return self._client

    def create(self, record: EnvironmentRecord, plan: NetworkPlan) -> Made:
        spec = record.spec
        gpu, gpu_notes = given(spec.gpu, self._gpu)
        options = containers.container_options(record, self._home, plan, self._fixed, self._client.api, gpu)
        with translated_launch(self.host, record.name, spec.image):
            try:
                container, laid_out = self._created(spec, options)
            except ImageNotFound:
                self.images.pull(spec.image)
                container, laid_out = self._created(spec, options)
        try:
            made = record.model_copy(update={"container": container})
            with translated(self.host, record.name):
                if not laid_out:
                    self._lay_out_first(made)
                self._client.api.start(container)
            self._lay_out_after(made)
        except DevctlError:
            self._remove(container)
            raise
        notes = () if self._fixed.disk_limits else (containers.DISK_NOTE,)
        return Made(container=container, gpu=bool(gpu), notes=(*notes, *gpu_notes, *plan.notes))

    def _created(self, spec: EnvironmentSpec, options: dict[str, Any]) -> tuple[str, bool]:
        """Create a container; returns its id and whether it has its folders already. Raises ImageNotFound."""
        image_id = str(self._client.api.inspect_image(spec.image)["Id"])  # type: ignore[no-untyped-call] # untyped in the stubs
        options["labels"][BASE_LABEL] = image_id

        def create(image: str) -> str:
            return str(self._create({**options, "image": image})["Id"])

        layout = containers.layout_of(spec)
        if layout is None or self._laid_out is None:
            return create(image_id), False
        return self._laid_out.create(image_id, layout, create)

    def image_labels(self, image: str) -> dict[str, str]:
        return self.images.labels(image)

    def _create(self, options: dict[str, Any]) -> dict[str, Any]:
        try:
            return dict(self._client.api.create_container(**options))
        except APIError as error:
            if "storage-opt" not in str(error) and "quota" not in str(error).lower():
                raise
            self._fixed = self._fixed.model_copy(update={"disk_limits": False})
            options["host_config"].pop("StorageOpt", None)
            return dict(self._client.api.create_container(**options))

    def _lay_out_first(self, record: EnvironmentRecord) -> None:
        """Lay out the folders before the start, where the user's number is known."""
        if (layout := containers.layout_of(record.spec)) is not None:
            self._client.api.put_archive(record.container_reference, "/", layout)

    def _lay_out_after(self, record: EnvironmentRecord) -> None:
        if containers.numeric_user(containers.user_of(record.spec)) is None:
            uid, gid = docker_commands.numbers_of(self._client, self.host, record)
            data = containers.layout(record.spec.workdir, uid, gid, own_home=record.spec.user is None)
            with translated(self.host, record.name):
                self._client.api.put_archive(record.container_reference, "/", data)

    def adopt(self, record: EnvironmentRecord) -> None:
        with translated(self.host, record.name):
            self._lay_out_first(record)
        self._lay_out_after(record)

    def start(self, record: EnvironmentRecord) -> None:
        found = self.inspect(record)
        if found is None:
            raise EnvironmentGone(
                f"{record.name!r} has no container on {self.name} any more", "remove it and make it anew"
            )
        with translated(self.host, record.name):
            if found.state == "paused":
                self._client.api.unpause(record.container_reference)
            elif found.state == "stopped":
                self._client.api.start(record.container_reference)

    def stop(self, record: EnvironmentRecord, grace: float) -> None:
        with translated(self.host, record.name):
            self._client.api.stop(record.container_reference, timeout=max(0, round(grace)))

    def pause(self, record: EnvironmentRecord) -> None:
        with translated(self.host, record.name):
            self._client.api.pause(record.container_reference)

    def remove(self, record: EnvironmentRecord) -> None:
        self._remove(record.container_reference)

    def remove_found(self, found: Found) -> None:
        self._remove(found.container or f"devctl-{found.id}")

    def _remove(self, container: str) -> None:
        """Remove a container; while another removal of it goes on, wait for that one."""
        deadline = time.monotonic() + 60
        while True:
            try:
                with translated(self.host, container):
                    self._client.api.remove_container(container, force=True, v=True)
            except EnvironmentGone:
                return
            except LaunchFailed as error:
                if "already in progress" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def inspect(self, record: EnvironmentRecord) -> Found | None:
        try:
            with translated(self.host, record.name):
                found = self._client.api.inspect_container(record.container_reference)
        except EnvironmentGone:
            return None
        state = found["State"]
        return Found(
            id=record.id, container=found["Id"], state=_STATES.get(state["Status"], "stopped"),
            created=datetime.fromisoformat(found["Created"][:19]).replace(tzinfo=UTC),
            exit_code=state.get("ExitCode"), out_of_memory=bool(state.get("OOMKilled")),
        )  # fmt: skip

    def found(self) -> list[Found]:
        with translated(self.host, "all"):
            listed = self._client.api.containers(all=True, filters={"label": f"{containers.HOME_LABEL}={self._home}"})
        return [
            Found(
                id=one["Labels"].get(containers.ID_LABEL, ""), container=one["Id"],
                state=_STATES.get(one["State"], "stopped"), created=datetime.fromtimestamp(one["Created"], UTC),
            )
            for one in listed
        ]  # fmt: skip

    def run(self, record: EnvironmentRecord, request: ExecRequest) -> ExecResult:
        result, ended = docker_commands.run(self._client, self.host, record, request)
        if not ended:
            log.warning("%s: its processes could not be ended one by one; it is restarted", record.name)
            with translated(self.host, record.name):
                self._client.api.restart(record.container_reference, timeout=0)
            result = result.model_copy(update={"exit_code": TIMED_OUT})
        return result

    def open(self, record: EnvironmentRecord, request: ExecRequest) -> ExecStream:
        return docker_commands.open_stream(self._client, self.host, record, request)

    def connect(self, record: EnvironmentRecord, port: int) -> socket.socket:
        return docker_commands.connect(self._client, self.host, record, port)

    def put(self, record: EnvironmentRecord, source: Path, target: str) -> None:
        owner = docker_commands.numbers_of(self._client, self.host, record)
        docker_files.put(self._client, self.host, record, owner, source, target)

    def get(self, record: EnvironmentRecord, source: str, target: Path) -> tuple[str, ...]:
        return docker_files.get(self._client, self.host, record, source, target)

    def put_secrets(self, record: EnvironmentRecord, secrets: Mapping[str, bytes]) -> None:
        docker_commands.put_secrets(self._client, self.host, record, secrets)

    def logs(self, record: EnvironmentRecord, follow: bool, since: datetime | None) -> LogStream:
        return DockerLog(self._client, self.host, record, follow, since)

    def variables(self, record: EnvironmentRecord) -> dict[str, str]:
        with translated(self.host, record.name):
            config = self._client.api.inspect_container(record.container_reference)["Config"]
        return dict(item.split("=", 1) for item in config.get("Env") or () if "=" in item)

    def snapshot(self, record: EnvironmentRecord, tag: str) -> str:
        labels = {containers.HOME_LABEL: self._home, "devctl.snapshot": tag}
        labels[IMAGE_METADATA] = ""  # the environment's spec has it already
        return self.images.commit(record, f"{SNAPSHOTS}-{self._home}", tag, labels)

    def forget(self, image: str) -> None:
        self.images.remove(image)

    def written_mb(self) -> dict[str, int]:
        if self._fixed.disk_limits:
            return {}
        with translated(self.host, "sizes"):
            listed = self._client.api.containers(
                size=True, filters={"label": f"{containers.HOME_LABEL}={self._home}", "status": "running"}
            )
        return {one["Labels"].get(containers.ID_LABEL, ""): int(one.get("SizeRw") or 0) // 2**20 for one in listed}

    def facts(self) -> HostFacts:
        with translated(self.host, "facts"):
            return docker_facts.measure(self._client, self._fixed, self.local)

    def close(self) -> None:
        self._client.close()
