"""`devctl pool`: what is kept warm."""

import click

from devctl.invocation import DONE, NOT_FOUND, Invocation, json_option


@click.group()
def pool() -> None:
    """Warm containers, made ahead so that a launch is an exec."""


@pool.command("ls")
@json_option
@click.pass_obj
def list_stock(invocation: Invocation) -> int:
    """List the shapes that are kept warm, and the containers."""
    from devctl.pool.opening import rules_of
    from devctl.pool.stock import Stock

    with invocation.fleet() as fleet:
        stock = Stock(fleet.parts.database)
        wanted, slots = stock.wanted(rules_of(invocation.own_settings())), stock.slots()
    lines = [
        f"{one.key[:8]}  {one.host:10} {one.shape.image:30} {one.shape.cpus:g} CPU {one.shape.memory_mb} MiB  "
        f"ready {one.ready} of {one.target}, claims {one.claims}, warm {one.hits}"
        for one in wanted
    ]
    lines += [f"  {one.name}  {one.key[:8]}  {one.state}{' ' + one.why if one.why else ''}" for one in slots]
    data = {
        "shapes": [one.model_dump(mode="json") for one in wanted],
        "containers": [one.model_dump(mode="json") for one in slots],
    }
    invocation.show(data, lines or ["nothing is kept warm: set DEVCTL_POOL=1, and launch something"])
    return DONE


@pool.command("size")
@click.argument("key")
@click.argument("count", type=click.IntRange(0, 100), required=False)
@json_option
@click.pass_obj
def size(invocation: Invocation, key: str, count: int | None) -> int:
    """Keep COUNT of the shape KEY, as `devctl pool ls` shows it; without COUNT, as many as are asked for."""
    from devctl.pool.stock import Stock

    with invocation.fleet() as fleet:
        known = Stock(fleet.parts.database).set_minimum(key, count)
    words = f"{count} are kept" if count is not None else "it follows the demand"
    invocation.show({"key": key, "minimum": count}, [words if known else f"no shape has the key {key!r}"])
    return DONE if known else NOT_FOUND


@pool.command("fill")
@json_option
@click.pass_obj
def fill(invocation: Invocation) -> int:
    """Remove what is spoilt or left behind, and make what is missing, once; `devctl serve` does it all the time."""
    from devctl.pool.opening import all_pools

    settings = invocation.own_settings()
    with invocation.fleet() as fleet:
        parts = fleet.parts
        with all_pools(settings, parts.database, parts.hosts, fleet.installation()) as pools:
            done = [words for one in pools for words in one.refill()]
    invocation.show({"done": done}, done or ["nothing to do"])
    return DONE


@pool.command("drain")
@json_option
@click.pass_obj
def drain(invocation: Invocation) -> int:
    """Remove all warm containers that nobody has claimed, and keep none."""
    from devctl.pool.opening import all_pools

    settings = invocation.own_settings()
    with invocation.fleet() as fleet:
        parts = fleet.parts
        with all_pools(settings, parts.database, parts.hosts, fleet.installation()) as pools:
            removed = sum(one.drain() for one in pools)
    invocation.show({"removed": removed}, [f"removed {removed} warm containers"])
    return DONE
