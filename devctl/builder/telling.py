"""The words in which the steps of a build are told."""

from devctl.builder.records import BuildStep


def step_lines(step: BuildStep) -> list[str]:
    """What a person reads of one step; nothing of steps that say nothing about the image."""
    if step.state == "output":
        return [f"  {line}" for line in step.text.rstrip("\n").splitlines()]
    if step.name.startswith("[internal]") and step.state != "failed":
        return []
    seconds = f" {step.seconds:.1f} s" if step.state == "done" else ""
    return [f"{step.state:8}{step.name}{seconds}"]
