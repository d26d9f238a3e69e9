"""The builder: what is there already, by BuildKit, by the engine's BuildKit, or by its old builder."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from devctl.builder import caches
from devctl.builder.buildx import Buildx, find_buildx
from devctl.builder.by_buildx import build_by_buildx
from devctl.builder.by_engine import build_by_engine
from devctl.builder.digest import digest_of, family_of, read_context
from devctl.builder.job import Job
from devctl.builder.records import (
    DIGEST_LABEL,
    OWNER_LABEL,
    REPOSITORY,
    BuildOptions,
    BuildStep,
    BuiltImage,
    ImageInfo,
)
from devctl.errors import BuildRefused
from devctl.fleet.records import Host
from devctl.hosts.docker_images import EngineImage, EngineImages
from devctl.settings import DevctlSettings
from devctl.sources.records import BASE_ARGUMENT, BuildPlan

log = logging.getLogger(__name__)

Progress = Callable[[BuildStep], None]


class Builder:
    """Builds images for one engine; a context manager, safe to share between threads."""

    def __init__(self, settings: DevctlSettings, host: Host) -> None:
        """Connect to the engine that is to have the images; raises HostUnreachable."""
        self._settings = settings
        self._images = EngineImages(host)
        self._buildx = find_buildx(settings, host.address)
        self._caches = settings.folder / "build-cache"
        self._made: tuple[str | None, str] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._images.close()

    def build(
        self,
        plan: BuildPlan,
        progress: Progress | None = None,
        options: BuildOptions | None = None,
        cancelled: threading.Event | None = None,
    ) -> BuiltImage:
        """Build an image, after the one it builds on, or find it where nothing that decides it has changed.

        Raises BuildRefused for what cannot be built at all, BuildFailed with the end of the build's output.
        """
        options = options or BuildOptions()
        tell = progress or (lambda _step: None)
        cancelled = cancelled or threading.Event()
        if plan.base is not None:
            inner = options.model_copy(update={"tag": None})
            base = self.build(plan.base, progress, inner, cancelled)
            plan = plan.model_copy(update={"base": None, "args": {**plan.args, BASE_ARGUMENT: base.tag}})
        started = time.monotonic()
        job = self._job(plan, options)
        if not options.no_cache and (found := self._images.find(job.tag)) is not None:
            return self._found(job, found)
        built = self._build(job, tell, cancelled)
        log.info("built %s by %s", job.tag, built.method)
        return built.model_copy(update={"seconds": time.monotonic() - started})

    def bases(self, plan: BuildPlan, options: BuildOptions | None = None) -> tuple[str, ...]:
        """The images that a plan builds on, those of the plan before it in place of its own; raises BuildRefused."""
        found = read_context(plan, options or BuildOptions()).bases
        if plan.base is None:
            return found
        return (*self.bases(plan.base, options), *(base for base in found if BASE_ARGUMENT not in base))

    def images(self) -> list[ImageInfo]:
        """What this builder built and the engine still has, newest first."""
        return [
            ImageInfo(
                id=image.id,
                tags=image.tags,
                created=image.made,
                size_mb=round(image.size / 2**20, 1),
                owner=image.labels.get(OWNER_LABEL, ""),
                digest=image.labels.get(DIGEST_LABEL, ""),
            )
            for image in self._images.labelled(DIGEST_LABEL)
        ]

    def remove(self, reference: str, force: bool = False) -> list[str]:
        """Remove an image that was built here, with all its names; raises NoSuchImage, LaunchFailed, BuildRefused."""
        image = self._images.get(reference)
        if DIGEST_LABEL not in image.labels:
            raise BuildRefused(f"{reference!r} was not built by devctl", "remove it with `docker rmi`")
        names = list(image.tags) or [image.id]
        for name in names:
            self._images.remove(name, force)
        return names

    def sweep(self, max_age_days: float, max_mb: float) -> list[str]:
        """Remove local caches by age and size, and images that nothing uses and that are too old."""
        removed = [
            f"cache {name} ({size >> 20} MiB)" for name, size in caches.sweep(self._caches, max_age_days, max_mb)
        ]
        used, now = self._images.used(), time.time()
        for image in self._images.labelled(DIGEST_LABEL):
            old = image.made is not None and now - image.made.timestamp() > max_age_days * 86_400
            named = any(not tag.startswith(f"{REPOSITORY}:") for tag in image.tags)
            if old and not named and image.id not in used:
                for tag in image.tags or (image.id,):
                    self._images.remove(tag)
                removed.append(f"image {', '.join(image.tags) or image.id}")
        if self._buildx is not None and self._made is not None and self._made[0] is not None:
            self._buildx.prune(self._made[0], max_mb)
        return removed

    def labels(self, reference: str) -> dict[str, str]:
        """What the engine says of an image; nothing of one that it does not have."""
        found = self._images.find(reference)
        return dict(found.labels) if found else {}

    def image_id(self, reference: str) -> str:
        """The id of an image that the engine has; empty when it does not."""
        found = self._images.find(reference)
        return found.id if found else ""

    def _job(self, plan: BuildPlan, options: BuildOptions) -> Job:
        for name, file in options.secrets.items():
            if not file.is_file():
                raise BuildRefused(f"the secret {name} is to be read from {file}, which is no file", "check the path")
        context = read_context(plan, options)
        digest = digest_of(plan, context, options, self.image_id)
        wanted = self._settings.docker_prepare_network
        network = None if wanted == "bridge" else wanted
        tag = f"{REPOSITORY}:{digest[:32]}"
        return Job(plan=plan, context=context, options=options, digest=digest, tag=tag, network=network)

    def _found(self, job: Job, image: EngineImage) -> BuiltImage:
        if job.options.tag and job.options.tag not in image.tags:
            self._images.tag(job.tag, job.options.tag)
        return BuiltImage(tag=job.tag, tags=job.tags, id=image.id, method="found", seconds=0.0)

    def _build(self, job: Job, tell: Progress, cancelled: threading.Event) -> BuiltImage:
        if self._buildx is None:
            job = job.model_copy(update={"notes": self._without_buildx(job)})
            return build_by_engine(self._images, job, tell, cancelled)
        name, problem = self._builder_for(self._buildx, job)
        plan = caches.CachePlan(notes=(f"no cache is kept outside the engine: {problem}",) if problem else ())
        if name is not None:
            family = family_of(job.context)
            plan = caches.choose(self._caches, job.options, self._settings.build_cache, job.digest, family)
        with caches.rotated(plan):
            return build_by_buildx(self._buildx, self._images, job, name, plan, tell, cancelled)

    def _builder_for(self, buildx: Buildx, job: Job) -> tuple[str | None, str]:
        """Our own builder, or none and why: it sees registries, and nothing of the engine."""
        for base in job.context.bases:
            found = self._images.find(base)
            if found is not None and found.only_here:
                wanted = job.options.cache or self._settings.build_cache
                return None, f"{base} is in the engine alone" if wanted else ""
        name, problem = self._builder(buildx)
        return name, f"the builder does not start: {problem}" if problem else ""

    def _builder(self, buildx: Buildx) -> tuple[str | None, str]:
        with self._lock:
            if self._made is None:
                self._made = buildx.builder(self._settings.buildkit)
            return self._made

    def _without_buildx(self, job: Job) -> tuple[str, ...]:
        if job.options.secrets:
            raise BuildRefused("build secrets need buildx, which is not here", "install Docker's buildx plugin")
        wanted = job.options.cache or self._settings.build_cache
        return (f"{wanted} is not used: a cache in a registry needs buildx",) if wanted else ()


def engine_host(settings: DevctlSettings) -> Host:
    """The engine that the settings name, as a host."""
    folder = settings.docker_tls.get("DOCKER_CERT_PATH")
    address = settings.docker_host or "unix:///var/run/docker.sock"
    return Host(name="local", address=address, tls=Path(folder) if folder else None)


def open_builder(settings: DevctlSettings, host: Host | None = None) -> Builder:
    """Open the builder for a host, or for the engine that the settings name; raises HostUnreachable."""
    return Builder(settings, host or engine_host(settings))
