"""A build by the engine's old builder, where there is no buildx."""

import threading

from devctl.builder.job import LOG_TAIL, Job
from devctl.builder.progress import ClassicProgress, Tell
from devctl.builder.records import BuiltImage
from devctl.errors import BuildFailed
from devctl.hosts.docker_images import EngineBuild, EngineImages


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
        images.build(job.context.folder, job.context.paths, what, progress.message, (late, cancelled))
    except BuildFailed as error:
        job.check(late.is_set(), cancelled.is_set(), progress.log)
        message = f"{job.plan.dockerfile} does not build: {error.message}"
        raise BuildFailed(message, progress.log[-LOG_TAIL:], "correct it") from error
    finally:
        timer.cancel()
    job.check(late.is_set(), cancelled.is_set(), progress.log)
    return BuiltImage(
        tag=job.tag, tags=job.tags, id=images.get(job.tag).id, method="classic", seconds=0.0,
        steps=progress.steps, cached_steps=progress.cached_steps, notes=job.notes,
    )  # fmt: skip
