"""A build by BuildKit, through buildx."""

import threading

from devctl.builder.buildx import Buildx, run_build
from devctl.builder.caches import CachePlan
from devctl.builder.job import Job
from devctl.builder.progress import BuildxProgress, Tell
from devctl.builder.records import BuiltImage
from devctl.hosts.docker_images import EngineImages


def build_by_buildx(
    buildx: Buildx, images: EngineImages, job: Job, name: str | None, cache: CachePlan, tell: Tell,
    cancelled: threading.Event,
) -> BuiltImage:  # fmt: skip
    """Build with the builder of that name, or the BuildKit inside the engine; raises BuildFailed."""
    progress = BuildxProgress(tell)
    words = [str(buildx.program), *_words(job, name), *cache.arguments, str(job.plan.context)]
    ended = run_build(words, buildx.env, progress, job.options.seconds, cancelled)
    job.check(ended.timed_out, ended.cancelled, progress.log)
    if ended.exit_code != 0:
        raise job.failed(progress.error or f"buildx ended with {ended.exit_code}", progress.log)
    return BuiltImage(
        tag=job.tag,
        tags=job.tags,
        id=images.get(job.tag).id,
        method="buildkit" if name else "engine-buildkit",
        seconds=0.0,
        steps=progress.steps,
        cached_steps=progress.cached_steps,
        cache=cache.place,
        notes=(*job.notes, *cache.notes),
    )


def _words(job: Job, name: str | None) -> list[str]:
    plan, options = job.plan, job.options
    words = ["build", "--builder", name or "default", "--progress", "rawjson", "--load", "--provenance=false"]
    words += ["--file", str(plan.dockerfile)]
    words += [word for tag in job.tags for word in ("--tag", tag)]
    words += [word for key, value in job.labels.items() for word in ("--label", f"{key}={value}")]
    words += [word for key, value in plan.args.items() for word in ("--build-arg", f"{key}={value}")]
    words += [word for key, file in options.secrets.items() for word in ("--secret", f"id={key},src={file}")]
    words += [word for reference in plan.cache_from for word in ("--cache-from", reference)]
    words += ["--target", plan.target] if plan.target else []
    if name is None and job.network:
        words += ["--network", job.network, *(["--allow", "network.host"] if job.network == "host" else [])]
    return words + (["--no-cache"] if options.no_cache else [])
