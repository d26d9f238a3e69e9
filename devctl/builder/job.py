"""One build, when all about it is decided."""

from devctl.builder.digest import Context
from devctl.builder.records import DIGEST_LABEL, OWNER_LABEL, BuildOptions
from devctl.errors import BuildFailed
from devctl.hosts.docker_client import FULL_HINT, is_full
from devctl.records import Record
from devctl.sources.records import BuildPlan

LOG_TAIL = 4_000


class Job(Record):
    """One build, decided upon."""

    plan: BuildPlan
    context: Context
    options: BuildOptions
    digest: str
    tag: str
    network: str | None = None
    """The engine's network that steps see, where the engine builds; None is its default."""
    notes: tuple[str, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """All names the image gets."""
        return (self.tag, self.options.tag) if self.options.tag else (self.tag,)

    @property
    def labels(self) -> dict[str, str]:
        """What is written on the image."""
        return {DIGEST_LABEL: self.digest, **({OWNER_LABEL: self.options.owner} if self.options.owner else {})}

    def check(self, late: bool, cancelled: bool, output: str) -> None:
        """Raise BuildFailed for a build that was cut short."""
        if cancelled:
            raise BuildFailed(f"the build of {self.plan.dockerfile} was cancelled", output[-LOG_TAIL:])
        if late:
            raise BuildFailed(
                f"{self.plan.dockerfile} did not build in {self.options.seconds:g} s",
                output[-LOG_TAIL:],
                "allow more with --seconds, or build less",
            )

    def failed(self, words: str, output: str) -> BuildFailed:
        """The error of a build that a step, or the engine, put an end to."""
        tail = output[-LOG_TAIL:]
        hint = f"{FULL_HINT}; `devctl build gc` sweeps layers" if is_full(words + tail) else "correct it"
        return BuildFailed(f"{self.plan.dockerfile} does not build: {words}", tail, hint)
