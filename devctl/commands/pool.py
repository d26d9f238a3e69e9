"""`devctl pool`: what is kept warm."""

import click

from devctl.invocation import DONE, Invocation, json_option


@click.group()
def pool() -> None:
    """Warm containers, made ahead so that a launch is an exec."""


@pool.command("ls")
@json_option
@click.pass_obj
def list_stock(invocation: Invocation) -> int:
    """List the shapes that are kept warm, and the containers."""
    with invocation.environments(reads_only=True) as held:
        stock = held.pool.stock()
    lines = [
        f"{one.key[:8]}  {one.host:10} {one.shape.image:30} {one.shape.cpus:g} CPU {one.shape.memory_mb} MiB  "
        f"ready {one.ready} of {one.target}, claims {one.claims}, warm {one.hits}"
        for one in stock.shapes
    ]
    lines += [f"  {one.name}  {one.key[:8]}  {one.state}{' ' + one.why if one.why else ''}" for one in stock.containers]
    invocation.show(
        stock.model_dump(mode="json"), lines or ["nothing is kept warm: set DEVCTL_POOL=1, and launch something"]
    )
    return DONE


@pool.command("size")
@click.argument("key")
@click.argument("count", type=click.IntRange(0, 100), required=False)
@json_option
@click.pass_obj
def size(invocation: Invocation, key: str, count: int | None) -> int:
    """Keep COUNT of the shape KEY, as `devctl pool ls` shows it; without COUNT, as many as are asked for."""
    with invocation.environments(reads_only=True) as held:
        held.pool.size(key, count)
    words = f"{count} are kept" if count is not None else "it follows the demand"
    invocation.show({"key": key, "minimum": count}, [words])
    return DONE


@pool.command("fill")
@json_option
@click.pass_obj
def fill(invocation: Invocation) -> int:
    """Remove what is spoilt or left behind, and make what is missing, once; `devctl serve` does it all the time."""
    with invocation.environments(reads_only=True) as held:
        done = held.pool.fill()
    invocation.show({"done": done}, done or ["nothing to do"])
    return DONE


@pool.command("drain")
@json_option
@click.pass_obj
def drain(invocation: Invocation) -> int:
    """Remove all warm containers that nobody has claimed, and keep none."""
    with invocation.environments(reads_only=True) as held:
        removed = held.pool.drain()
    invocation.show({"removed": removed}, [f"removed {removed} warm containers"])
    return DONE
