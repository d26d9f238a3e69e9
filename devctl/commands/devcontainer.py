"""`devctl devcontainer check`: what would be done for a source, and what not."""

from typing import TYPE_CHECKING

import click

from devctl.invocation import DONE, Invocation, json_option

if TYPE_CHECKING:
    from devctl.fleet.records import EnvironmentSpec
    from devctl.sources import BuildPlan, Resolved


@click.group()
def devcontainer() -> None:
    """Look at devcontainer.json files."""


@devcontainer.command()
@click.argument("source", default=".")
@click.option("--config", help="Which .devcontainer/NAME/devcontainer.json.")
@click.option("--strict", is_flag=True, help="End with status 1 when something of it is not done.")
@json_option
@click.pass_obj
def check(invocation: Invocation, source: str, config: str | None, strict: bool) -> int:
    """Say what `devctl up SOURCE` would do with its devcontainer.json, and what it would leave out.

    Nothing is built and no environment is made.
    """
    from devctl.sources import Overrides, resolve

    invocation.command = "devcontainer check"
    with resolve(source, overrides=Overrides(config=config), settings=invocation.settings()) as resolved:
        data = resolved.model_dump(mode="json", exclude={"temporary"})
        invocation.show(data, _lines(resolved))
        return 1 if strict and resolved.spec.notes else DONE


def _lines(resolved: "Resolved") -> list[str]:
    spec = resolved.spec
    lines = [f"source       {resolved.kind}" + (f", {resolved.config}" if resolved.config else "")]
    if resolved.clone:
        lines.append(f"commit       {resolved.clone.commit}")
    lines += _build_lines(resolved.build) if resolved.build else [f"image        {spec.image}"]
    lines += _spec_lines(spec)
    for moment in ("on_create", "update_content", "post_create", "post_start", "post_attach"):
        for group in getattr(spec.lifecycle, moment):
            for command in group:
                name = f"{command.name}: " if command.name else ""
                lines.append(f"{moment:12} {name}{_shown(command.argv)}")
    if not spec.notes:
        return [*lines, "everything in it is done"]
    return [*lines, "not done:", *(f"  {note}" for note in spec.notes)]


def _build_lines(build: "BuildPlan") -> list[str]:
    before = _build_lines(build.base) if build.base else []
    target = f", target {build.target}" if build.target else ""
    return [*before, f"build        {build.dockerfile} in {build.context}{target}"]


def _spec_lines(spec: "EnvironmentSpec") -> list[str]:
    limits = spec.limits
    rows = {
        "name": spec.name,
        "work folder": spec.workdir,
        "user": spec.user or "",
        "limits": f"{limits.cpus:g} cores, {limits.memory_mb} MiB of memory, {limits.disk_mb} MiB of disk",
        "network": spec.egress.mode,
        "gpu": "" if spec.gpu.want == "none" else spec.gpu.want,
        "ports": ", ".join(str(port) for port in spec.ports),
        "variables": ", ".join(sorted({*spec.env, *spec.remote_env})),
        "mounts": ", ".join(f"{mount.kind} {mount.target}" for mount in spec.mounts),
        "entrypoints": ", ".join(spec.entrypoints),
    }
    return [f"{name:12} {value}" for name, value in rows.items() if value]


def _shown(argv: tuple[str, ...]) -> str:
    return argv[2] if argv[:2] == ("/bin/sh", "-c") and len(argv) == 3 else " ".join(argv)
