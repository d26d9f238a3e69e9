"""`devctl build`: images from Dockerfiles, and the sweeping of what builds leave."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devctl.commands.parameters import Amount, Pairs
from devctl.commands.up import tell
from devctl.invocation import DONE, Invocation, json_option
from devctl.upkeep.records import MOST_MB, OLDEST_DAYS

if TYPE_CHECKING:
    from pydantic import ValidationError

    from devctl.builder import BuiltImage
    from devctl.errors import BuildRefused
    from devctl.sources.records import BuildPlan

_PATH = "path"
_OWN_OPTIONS = {"secrets": "--secret", "cache": "--cache", "seconds": "--seconds", "context_mb": "--context-mb"}
"""What a service decides for itself."""


class UnnamedContext(click.Context):
    """Of a command that people call by its group's name."""

    @property
    def command_path(self) -> str:
        """What usage and hints say that was called."""
        return self.parent.command_path if self.parent else super().command_path


class UnnamedCommand(click.Command):
    """A command that people call by its group's name."""

    context_class = UnnamedContext


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


@build.command(_PATH, cls=UnnamedCommand, hidden=True)
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
    given["secrets"] = {name: Path(one).resolve() for name, one in pairs("secrets").items()}
    if invocation.settings().service_url is not None:
        built = _built_there(invocation, plan, given)
    else:
        built = _built_here(invocation, plan, given)
    invocation.show(built.model_dump(mode="json"), built_lines(built))
    return DONE


def _built_here(invocation: Invocation, plan: "BuildPlan", given: dict[str, object]) -> "BuiltImage":
    """Build with this machine's engine; raises BuildRefused for bad options."""
    from pydantic import ValidationError

    from devctl.builder import BuildOptions
    from devctl.client.local_images import LocalImages

    person = invocation.person()
    try:
        options = BuildOptions.model_validate({**given, "owner": person.name})
    except ValidationError as error:
        raise _refused(error, "write it as name, name:tag or host/name:tag") from error
    images = LocalImages(invocation.own_settings(), person)
    return images.build_plan(plan, options, None if invocation.as_json else tell)


def _built_there(invocation: Invocation, plan: "BuildPlan", given: dict[str, object]) -> "BuiltImage":
    """Send the folder to the service and have it built there; what its own settings decide is not taken."""
    from pydantic import ValidationError

    from devctl.serve.image_records import BuildChoices

    context = click.get_current_context()
    for name, option in _OWN_OPTIONS.items():
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} is for builds on this machine, and DEVCTL_URL names a service")
    if not plan.dockerfile.is_relative_to(plan.context):
        raise click.UsageError(
            f"{plan.dockerfile} lies outside {plan.context}, which is all that is sent to the service"
        )
    chosen = {
        "dockerfile": plan.dockerfile.relative_to(plan.context).as_posix(),
        **{"target": plan.target, "args": plan.args, "tag": given["tag"], "no_cache": given["no_cache"]},
    }
    try:
        choices = BuildChoices.model_validate(chosen)
    except ValidationError as error:
        raise _refused(error, "write it as the service takes it") from error
    return invocation.images().build(plan.context, choices, None if invocation.as_json else tell)


def _refused(error: "ValidationError", hint: str) -> "BuildRefused":
    """The first option that does not fit, in words."""
    from devctl.errors import BuildRefused

    problem = error.errors(include_url=False)[0]
    return BuildRefused(f"{problem['loc'][0]} is {problem['input']!r}: {problem['msg']}", hint)


def built_lines(built: "BuiltImage") -> list[str]:
    """What a person reads when a build has ended well."""
    how = "was built before" if built.method == "found" else f"built in {built.seconds:.1f} s by {built.method}"
    lines = [f"{built.tags[-1]}: {how}, {built.cached_steps} of {built.steps} steps from a cache"]
    if built.method == "found":
        lines = [f"{built.tags[-1]}: {how}, and nothing that decides it has changed"]
    lines += [f"  as {built.tag}"] if len(built.tags) > 1 else []
    return lines + [f"note: {note}" for note in built.notes]


@build.command("gc")
@click.option(
    "--days", type=click.FloatRange(0, OLDEST_DAYS), default=14.0, show_default=True, help="Remove what is older."
)
@click.option("--max-mb", type=click.FloatRange(0, MOST_MB), default=10_240.0, show_default=True, help="Keep no more.")
@json_option
@click.pass_obj
def sweep(invocation: Invocation, days: float, max_mb: float) -> int:
    """Remove layers and images of builds that are old, unused or too many."""
    from pydantic import ValidationError

    from devctl.upkeep.records import SweepWish

    try:
        wish = SweepWish(days=days, max_mb=max_mb)
    except ValidationError as error:  # the one number that is in no range
        raise click.UsageError(f"--days {days} and --max-mb {max_mb}: give numbers") from error
    removed = invocation.upkeep().sweep_builds(wish)
    invocation.show({"removed": removed}, [f"removed {one}" for one in removed] or ["nothing to remove"])
    return DONE
