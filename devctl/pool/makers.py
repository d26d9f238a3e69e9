"""How warm containers are made and removed: those of sandboxes, and those of kept environments."""

import shutil
from datetime import UTC, datetime
from typing import Protocol

from devctl import mounts
from devctl.docker_engine import Engine, container_name
from devctl.errors import LaunchFailed
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, KeptLimits
from devctl.hosts import cleanliness
from devctl.hosts.docker_host import DockerHost
from devctl.hosts.engine import NetworkPlan
from devctl.pool.records import Shape, Slot
from devctl.records import Limits
from devctl.store import Store

POOL_LABEL = "devctl.pool"


class Maker(Protocol):
    """Makes the warm containers of one engine."""

    @property
    def host(self) -> str: ...

    def makes(self, shape: Shape) -> bool:
        """Whether a shape is one of its own."""

    def make(self, slot: Slot) -> tuple[str, list[str]]:
        """Make and start one; returns its engine's id and what lies in it. Raises LaunchFailed."""

    def why_spoilt(self, slot: Slot) -> str:
        """Say what is wrong with one; empty when it can be handed out."""

    def pause(self, slot: Slot) -> None:
        """Freeze one."""

    def resume(self, slot: Slot) -> None:
        """Let one go on."""

    def remove(self, slot: Slot) -> None:
        """Remove one with all that was made for it; one that is gone is left alone."""

    def containers(self) -> dict[str, str]:
        """The names of all warm containers that this maker has made, by their engine's id."""


class SandboxMaker:
    """Those that the agent team's sandboxes and `devctl run` take."""

    host = "sandboxes"

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._place = str(store.home.resolve())

    def shape(self, image: str, image_id: str, limits: Limits, network: str) -> Shape:
        """The shape of a sandbox's container."""
        return Shape(
            kind="sandbox", image=image, image_id=image_id, cpus=limits.cpus, memory_mb=limits.memory_mb,
            pids=limits.pids, disk_mb=limits.disk_mb, network=network, place=self._place,
        )  # fmt: skip

    def makes(self, shape: Shape) -> bool:
        return shape.kind == "sandbox" and shape.place == self._place

    def make(self, slot: Slot) -> tuple[str, list[str]]:
        shape = slot.shape
        folder = self._store.create_named(slot.name, ("run",))
        (folder / "run").chmod(0o777)  # noqa: S103 - the folder above is private; the container has another uid
        binds = {str(folder / "run"): {"bind": mounts.RUN, "mode": "rw"}} if self._engine.local else {}
        limits = Limits(cpus=shape.cpus, memory_mb=shape.memory_mb, pids=shape.pids, disk_mb=shape.disk_mb)
        labels = {POOL_LABEL: self._place}
        self._engine.create(container_name(slot.name), shape.image_id, limits, shape.network, binds, labels)
        api = self._engine.client.api
        found = api.inspect_container(container_name(slot.name))
        lies = cleanliness.contents(api, found["Id"], int(found["State"]["Pid"]), self._engine.local)
        return str(found["Id"]), lies

    def why_spoilt(self, slot: Slot) -> str:
        if not self._store.folder(slot.name).is_dir():
            return "its folder is gone"
        container = slot.container or container_name(slot.name)
        api = self._engine.client.api
        return cleanliness.why_spoilt(api, container, slot.shape, slot.baseline, self._engine.local)

    def pause(self, slot: Slot) -> None:
        self._engine.client.api.pause(container_name(slot.name))

    def resume(self, slot: Slot) -> None:
        self._engine.client.api.unpause(container_name(slot.name))

    def remove(self, slot: Slot) -> None:
        self._engine.remove(container_name(slot.name))
        if not self._store.exists(slot.name):
            shutil.rmtree(self._store.folder(slot.name), ignore_errors=True)

    def containers(self) -> dict[str, str]:
        listed = self._engine.client.api.containers(all=True, filters={"label": f"{POOL_LABEL}={self._place}"})
        return {one["Id"]: str(one["Names"][0]).lstrip("/").removeprefix("devctl-") for one in listed}


class KeptMaker:
    """Those that kept environments take."""

    def __init__(self, engine: DockerHost, home: str) -> None:
        self._engine = engine
        self._home = home
        self.host = engine.name

    def shape(self, record: EnvironmentRecord) -> Shape | None:
        """The shape of a kept environment's container; None for one that is made to measure."""
        spec, plain = record.spec, EnvironmentSpec(name=record.name, image=record.spec.image)
        fields = ("mounts", "gpu", "egress", "entrypoints", "command")
        if any(getattr(spec, field) != getattr(plain, field) for field in fields) or spec.limits.seconds is not None:
            return None
        return Shape(
            kind="kept", image=spec.image, image_id=self._image_id(spec.image), cpus=spec.limits.cpus,
            memory_mb=spec.limits.memory_mb, pids=spec.limits.pids, disk_mb=spec.limits.disk_mb,
            user=spec.user or "", workdir=spec.workdir, shm_mb=spec.shm_mb, place=self._home,
        )  # fmt: skip

    def makes(self, shape: Shape) -> bool:
        return shape.kind == "kept" and shape.place == self._home

    def make(self, slot: Slot) -> tuple[str, list[str]]:
        made = self._engine.create(self._record(slot), NetworkPlan())
        if made.container is None:
            raise LaunchFailed(f"{self.host} made no container")
        api = self._engine.client.api
        pid = int(api.inspect_container(made.container)["State"]["Pid"])
        return made.container, cleanliness.contents(api, made.container, pid, self._engine.local)

    def why_spoilt(self, slot: Slot) -> str:
        if slot.container is None:
            return "it has no container"
        return cleanliness.why_spoilt(
            self._engine.client.api, slot.container, slot.shape, slot.baseline, self._engine.local
        )

    def pause(self, slot: Slot) -> None:
        self._engine.pause(self._record(slot))

    def resume(self, slot: Slot) -> None:
        self._engine.client.api.unpause(slot.container or "")

    def remove(self, slot: Slot) -> None:
        self._engine.remove(self._record(slot))

    def containers(self) -> dict[str, str]:
        return {}  # `Fleet.reconcile` removes what no row knows

    def _image_id(self, image: str) -> str:
        return self._engine.images.id_of(image)

    def _record(self, slot: Slot) -> EnvironmentRecord:
        """The environment that the engine is told of: nobody's, with the slot's name."""
        shape = slot.shape
        limits = KeptLimits(cpus=shape.cpus, memory_mb=shape.memory_mb, pids=shape.pids, disk_mb=shape.disk_mb)
        spec = EnvironmentSpec(
            name=slot.name, image=shape.image, limits=limits, user=shape.user or None, workdir=shape.workdir,
            shm_mb=shape.shm_mb,
        )  # fmt: skip
        return EnvironmentRecord(
            id=slot.name, name=slot.name, owner="", tier="", host=self.host, container=slot.container,
            phase="running", spec=spec, created=datetime.now(UTC),
        )  # fmt: skip
