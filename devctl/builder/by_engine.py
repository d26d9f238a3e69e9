"""A build by the engine's old builder, where there is no buildx."""

import logging
import threading
from collections.abc import Callable

from devctl.builder.job import Job
from devctl.builder.progress import ClassicProgress, Tell
from devctl.builder.records import BuiltImage
from devctl.errors import BuildFailed
from devctl.hosts.docker_images import EngineBuild, EngineImages

log = logging.getLogger(__name__)

REMOVED_UNDER_IT = "unknown parent image"
"""What the engine says when somebody removed an image that this build was about to take from its cache."""
_TRIES = 3


def build_by_engine(images: EngineImages, job: Job, tell: Tell, cancelled: threading.Event) -> BuiltImage:
    """Build; raises BuildFailed with the end of the output."""
    progress = ClassicProgress(tell)
    what = EngineBuild(
        dockerfile=job.context.dockerfile, tags=job.tags, args=job.plan.args, target=job.plan.target,
        labels=job.labels, cache_from=job.plan.cache_from, no_cache=job.options.no_cache,
        network=job.network,
    )  # fmt: skip
    late = threading.Event()
    timer = threading.Timer(job.options.seconds, late.set)
    timer.daemon = True
    timer.start()
    try:
        _patiently(
            lambda: images.build(job.context.folder, job.context.paths, what, progress.message, (late, cancelled))
        )
    except BuildFailed as error:
        job.check(late.is_set(), cancelled.is_set(), progress.log)
        raise job.failed(error.message, progress.log) from error
    finally:
        timer.cancel()
    job.check(late.is_set(), cancelled.is_set(), progress.log)
    return BuiltImage(
        tag=job.tag, tags=job.tags, id=images.get(job.tag).id, method="classic", seconds=0.0,
        steps=progress.steps, cached_steps=progress.cached_steps, notes=job.notes,
    )  # fmt: skip


def _patiently(build: Callable[[], object]) -> None:
    """Build again where what the engine found in its cache was removed before it was used."""
    for left in reversed(range(_TRIES)):
        try:
            build()
        except BuildFailed as error:
            if not left or REMOVED_UNDER_IT not in error.message:
                raise
            log.info("a cached image was removed during a build, which begins anew: %s", error.message)
        else:
            return
