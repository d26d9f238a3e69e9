"""`devctl run`, `doctor` and `prune`: sandboxes, which end with the program that launched them."""

import sys
from pathlib import Path

import click

from devctl.commands.parameters import Amount
from devctl.invocation import DONE, FAILED, UNAVAILABLE, Invocation, json_option


@click.command()
@click.option("--gpu", is_flag=True, help="Launch a container with a GPU, and say what it sees.")
@click.option("--image", help="Its image.  [default: $DEVCTL_IMAGE]")
@json_option
@click.pass_obj
def doctor(invocation: Invocation, gpu: bool, image: str | None) -> int:
    """Say which backends work here, and what is in the way of the others."""
    if gpu:
        return _doctor_gpu(invocation, image)
    if image is not None:
        raise click.UsageError("--image is for --gpu: it names the image of the container with a GPU")
    found = invocation.upkeep().doctor()
    lines = []
    for one in found.items:
        word = "works" if one.usable else "does not work"
        lines.append(f"{one.backend}: {word}{': ' + one.reason if one.reason else ''}")
        lines += [f"  hint: {one.hint}"] if one.hint and not one.usable else []
        lines += [f"  note: {note}" for note in one.notes]
    invocation.show([one.model_dump(mode="json") for one in found.items], lines)
    return DONE if found.usable else UNAVAILABLE


def _doctor_gpu(invocation: Invocation, image: str | None) -> int:
    from pydantic import ValidationError

    from devctl.upkeep.records import SmokeWish

    try:
        wish = SmokeWish(image=image)
    except ValidationError as error:
        raise click.UsageError(f"{image!r} cannot be the name of an image") from error
    found = invocation.upkeep().examine_gpus(wish)
    result = found.smoke_test
    lines = [f"{gpu.vendor} {gpu.number}: {gpu.name}, {gpu.memory_mb or '?'} MiB" for gpu in found.gpus]
    lines += [f"problem: {problem}" for problem in found.problems]
    lines += [f"hint: {found.hint}"] if found.hint else []
    lines += [f"containers get GPUs by: {found.way or 'nothing'}", f"smoke test: {result.outcome}: {result.words}"]
    invocation.show(found.model_dump(mode="json", exclude={"hint"}), lines)
    return FAILED if result.outcome == "failed" else DONE


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--package", "packages", multiple=True, help="Install this too, for example pytest.")
@click.option("--image", help="The Docker image to build on.")
@click.option("--seconds", type=Amount("Seconds"), default=600.0, show_default=True)
@click.option("--memory-mb", type=Amount("MemoryMb"), default=2048, show_default=True)
@json_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def run(
    invocation: Invocation,
    command: tuple[str, ...],
    packages: tuple[str, ...],
    image: str | None,
    seconds: float,
    memory_mb: int,
) -> int:
    """Run COMMAND in a prepared copy of the current folder; its status becomes ours."""
    from devctl.records import LaunchRequest, Limits, PrepareRequest

    tree = Path.cwd()
    limits = Limits(seconds=seconds, memory_mb=memory_mb)
    launcher = invocation.launcher()
    prepared = launcher.prepare(PrepareRequest(tree=tree, packages=packages, image=image))
    with launcher.launch(LaunchRequest(prepared=prepared, limits=limits)) as environment:
        for note in environment.info.notes:
            sys.stderr.write(f"note: {note}\n")
        environment.put(tree)
        result = environment.exec(command)
    invocation.show(result.model_dump(mode="json"), [result.output.removesuffix("\n")])
    if result.timed_out:
        sys.stderr.write(f"stopped after {seconds:g} s; --seconds allows more\n")
    return result.exit_code


@click.command()
@json_option
@click.pass_obj
def prune(invocation: Invocation) -> int:
    """Remove what dead programs left, and cached dependencies that no environment uses."""
    done = invocation.upkeep().prune()
    lines = [*(f"removed {one}" for one in done.removed), *done.reconciled]
    invocation.show(done.model_dump(mode="json"), lines or ["nothing to remove"])
    return DONE
