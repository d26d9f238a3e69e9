"""The choice of a host: what rules one out, and how those that remain are compared."""

import random
from collections.abc import Sequence

from devctl.fleet.records import EnvironmentSpec, Host
from devctl.hosts.engine import HostFacts
from devctl.records import Record

PROCESSOR, MEMORY, IMAGE, GPU, DISK = 30.0, 40.0, 25.0, 20.0, 20.0
"""Points for free processors and memory, for having the image, for a wished GPU, and off for a disk nearly full."""
LOW_DISK_MB = 5_000


class Candidate(Record):
    """A host as the placement sees it."""

    host: Host
    facts: HostFacts
    environments: int = 0
    """Of ours, as the rows say at this moment."""
    cpus: float = 0.0
    """Promised to them."""
    memory_mb: int = 0


def obstacle(spec: EnvironmentSpec, candidate: Candidate) -> str:
    """Why a host cannot take an environment; empty when it can."""
    host, facts = candidate.host, candidate.facts
    if host.draining:
        return "it is drained"
    if host.max_environments is not None and candidate.environments >= host.max_environments:
        return f"it has its {host.max_environments} environments"
    if spec.gpu.want == "required" and not facts.gpu:
        return "it has no GPU"
    if spec.gpu.want == "required" and (facts.gpus and facts.gpus < spec.gpu.count):
        return f"it has {facts.gpus} GPUs, and {spec.gpu.count} are wanted"
    if spec.limits.memory_mb > facts.memory_mb:
        return f"it has {facts.memory_mb} MiB of memory, and {spec.limits.memory_mb} are wanted"
    if facts.disk_free_mb is not None and facts.disk_free_mb < min(spec.limits.disk_mb, LOW_DISK_MB):
        return f"it has {facts.disk_free_mb} MiB of disk left"
    return ""


def score(spec: EnvironmentSpec, candidate: Candidate) -> float:
    """How well a host fits, the higher the better: what would be free on it, and what it has already.

    Shares below zero, where more is promised than there is, count as they are: hosts may be overbooked, the least
    overbooked one is taken.
    """
    facts = candidate.facts
    processors = (facts.cpus - candidate.cpus - spec.limits.cpus) / max(1, facts.cpus)
    memory = (facts.memory_mb - candidate.memory_mb - spec.limits.memory_mb) / max(1, facts.memory_mb)
    points = PROCESSOR * processors + MEMORY * memory
    if has_image(spec.image, facts.images):
        points += IMAGE
    if facts.gpu:
        points += GPU if spec.gpu.want != "none" else -GPU  # kept for those who want one
    if facts.disk_free_mb is not None and facts.disk_free_mb < 2 * LOW_DISK_MB:
        points -= DISK
    return points


def best(spec: EnvironmentSpec, candidates: Sequence[Candidate]) -> Candidate:
    """The candidate with the most points; among equals one by chance, so that many launchers do not flock to one."""
    points = [score(spec, candidate) for candidate in candidates]
    top = max(points)
    return random.choice([one for one, its in zip(candidates, points, strict=True) if its == top])  # noqa: S311 - no secret


def has_image(image: str, images: Sequence[str]) -> bool:
    """Whether an image is among the tags of a host; without a tag `latest` is meant."""
    last = image.rpartition("/")[2]
    return image in images or (":" not in last and f"{image}:latest" in images)
