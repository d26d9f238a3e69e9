"""`devctl build`: images from Dockerfiles, and the sweeping of what builds leave."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devctl.commands.parameters import Amount, Pairs
from devctl.commands.up import tell
from devctl.invocation import DONE, Invocation, json_option

if TYPE_CHECKING:
    from devctl.builder import BuildStep, BuiltImage
    from devctl.sources.records import BuildPlan

_PATH = "path"


class BuildGroup(click.Group):
    """A group whose first word may be a path: `devctl build .` beside `devctl build gc`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the hidden command before what is none of the others."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_PATH, *args]
        return super().parse_args(ctx, args)

    def get_usage(self, ctx: click.Context) -> str:
        """Show both ways."""
        return "Usage: devctl build PATH [OPTIONS]\n       devctl build gc [OPTIONS]"


@click.group(cls=BuildGroup)
def build() -> None:
    """Build an image of the folder PATH, or sweep what builds left (`gc`). `devctl build . --help` lists the options."""


@build.command(_PATH, hidden=True)
@click.argument("path", required=False, type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--flavour", help="Build one of the images that come along, in place of PATH: cuda, node, python.")
@click.option("-t", "--tag", help="A name for it, beside the one that its digest gives.")
@click.option(
    "-f", "--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="[default: PATH/Dockerfile]"
)
@click.option("--target", help="The stage to build.")
@click.option("--arg", "args", multiple=True, type=Pairs(), help="A build argument. Never a secret.")
@click.option("--secret", "secrets", multiple=True, type=Pairs(), help="ID=FILE: for steps that mount it.")
@click.option("--cache", help="Repository in a registry that keeps the layers.  [default: $DEVCTL_BUILD_CACHE]")
@click.option("--no-cache", is_flag=True, help="Do every step anew.")
@click.option("--seconds", type=Amount("Seconds"), default=3600.0, show_default=True)
@click.option("--context-mb", type=click.IntRange(min=1), default=1024, show_default=True, help="Largest context.")
@json_option
@click.pass_obj
def build_path(invocation: Invocation, /, path: Path | None, file: Path | None, **given: object) -> int:
    """Build an image of the folder PATH, or of a flavour."""
    from devctl.builder import flavours
    from devctl.sources.records import BuildPlan

    def pairs(key: str) -> dict[str, str]:
        found = given.pop(key)
        return dict(found) if isinstance(found, tuple) else {}

    flavour = given.pop("flavour")
    if (path is None) == (flavour is None):
        raise click.UsageError("give a PATH, or --flavour")
    found = path or flavours.folder()
    context = found.resolve()
    file = flavours.dockerfile(str(flavour)) if flavour is not None else file
    dockerfile = file.resolve() if file is not None else context / "Dockerfile"
    target = given.pop("target")
    plan = BuildPlan.model_validate(
        {"context": context, "dockerfile": dockerfile, "args": pairs("args"), "target": target}
    )
    secrets = {name: Path(one).resolve() for name, one in pairs("secrets").items()}
    built = run_build(invocation, plan, {**given, "secrets": secrets})
    invocation.show(built.model_dump(mode="json"), built_lines(built))
    return DONE


def run_build(invocation: Invocation, plan: "BuildPlan", given: dict[str, object]) -> "BuiltImage":
    """Ask the policy about a build, and build while its steps are shown; raises BuildRefused for bad options."""
    from pydantic import ValidationError

    from devctl.builder import BuildOptions, open_builder
    from devctl.errors import BuildRefused

    person, settings = invocation.person(), invocation.own_settings()
    try:
        options = BuildOptions.model_validate({**given, "owner": person.name})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise BuildRefused(
            f"{problem['loc'][0]} is {problem['input']!r}: {problem['msg']}",
            "write it as name, name:tag or host/name:tag",
        ) from error
    with open_builder(settings) as builder:
        bases = builder.bases(plan, options)
        with invocation.fleet() as fleet:
            for base in bases:
                labels = builder.labels(base)
                fleet.parts.admission.decide_image(
                    person, "build", options.tag or str(plan.dockerfile), base, labels=labels
                )
        return builder.build(plan, None if invocation.as_json else show_step, options)


def show_step(step: "BuildStep") -> None:
    """Show one step on the error stream."""
    from devctl.builder.telling import step_lines

    for line in step_lines(step):
        tell(line)


def built_lines(built: "BuiltImage") -> list[str]:
    """What a person reads when a build has ended well."""
    how = "was built before" if built.method == "found" else f"built in {built.seconds:.1f} s by {built.method}"
    lines = [f"{built.tags[-1]}: {how}, {built.cached_steps} of {built.steps} steps from a cache"]
    if built.method == "found":
        lines = [f"{built.tags[-1]}: {how}, and nothing that decides it has changed"]
    lines += [f"  as {built.tag}"] if len(built.tags) > 1 else []
    return lines + [f"note: {note}" for note in built.notes]


@build.command("gc")
@click.option("--days", type=click.FloatRange(min=0), default=14.0, show_default=True, help="Remove what is older.")
@click.option("--max-mb", type=click.FloatRange(min=0), default=10_240.0, show_default=True, help="Keep no more.")
@json_option
@click.pass_obj
def sweep(invocation: Invocation, days: float, max_mb: float) -> int:
    """Remove layers and images of builds that are old, unused or too many."""
    from devctl.builder import open_builder

    with open_builder(invocation.own_settings()) as builder:
        removed = builder.sweep(days, max_mb)
    invocation.show({"removed": removed}, [f"removed {one}" for one in removed] or ["nothing to remove"])
    return DONE
