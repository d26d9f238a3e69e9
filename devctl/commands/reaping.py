"""`devctl reap` and `devctl why`: stopping idle environments, and the reasons."""

import click

from devctl.invocation import DONE, Invocation, json_option


@click.command()
@click.option("--dry-run", is_flag=True, help="Stop nothing, and say what would be stopped.")
@click.option("--once", is_flag=True, help="One pass, then end.  [default: a pass every half hour, until stopped]")
@json_option
@click.pass_obj
def reap(invocation: Invocation, dry_run: bool, once: bool) -> int:
    """Stop the environments that nobody uses and that do nothing."""
    from devctl.upkeep.records import ReapWish

    if not (once or dry_run):
        _reap_for_ever(invocation)
    looked = invocation.upkeep().reap(ReapWish(dry_run=dry_run))
    lines = []
    for one in looked:
        word = "stopped" if one.stopped else "would stop" if one.verdict.reap and dry_run else "left"
        lines.append(f"{word} {one.name}: {one.note or one.verdict.words}")
    invocation.show([one.model_dump(mode="json") for one in looked], lines or ["nothing runs"])
    return DONE


def _reap_for_ever(invocation: Invocation) -> None:
    import threading

    from devctl.reaper.reaper import Reaper

    if (url := invocation.settings().service_url) is not None:
        raise click.UsageError(
            f"the service {url} looks by itself again and again; `devctl reap --once` has it look now"
        )
    with invocation.fleet() as fleet:
        Reaper(fleet, invocation.settings().reaper()).run(threading.Event())


@click.command()
@click.argument("name")
@json_option
@click.pass_obj
def why(invocation: Invocation, name: str) -> int:
    """Say why NAME was or was not stopped as idle, and when it will be."""
    from devctl.durations import write_duration

    with invocation.environments() as held:
        found = held.why(name)
    verdict, rules = found.verdict, found.rules
    lines = [f"{found.name}: {'idle' if verdict.reap else verdict.reason}: {verdict.words}"]
    if found.phase not in ("running", "paused") and found.why:
        lines.append(f"  {found.why}")
    if verdict.due is not None:
        lines.append(f"  idle from {verdict.due:%Y-%m-%d %H:%M:%S} UTC on, if nothing happens until then")
    if verdict.observed_since is not None:
        lines.append(f"  watched without a gap since {verdict.observed_since:%Y-%m-%d %H:%M:%S} UTC")
    if found.next_pass is not None:
        lines.append(f"  the next pass is at {found.next_pass:%Y-%m-%d %H:%M:%S} UTC")
    else:
        lines.append("  nobody looked yet: `devctl serve` and `devctl reap` do")
    idle, period = (write_duration(length) for length in (rules.idle, rules.gap))
    lines.append(f"  idle is {idle} without use and under {rules.cpu_percent:g}% of a core; gaps over {period} count")
    invocation.show(found.model_dump(mode="json"), lines)
    return DONE
