"""`devctl audit`: who wanted what, and what was decided."""

import click

from devctl.invocation import DONE, Invocation, json_option


@click.command()
@click.option("--who", help="Only what this user wanted.")
@click.option("--operation", help="Only this operation: create, exec, tunnel, …")
@click.option("--subject", help="Only what concerns the environment or image of this name.")
@click.option("--denied", is_flag=True, help="Only what was denied, or would have been but for a dry run.")
@click.option("--since", metavar="TIME", help="Only from then on: 2h, 3d, or 2030-01-31.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The newest so many.")
@json_option
@click.pass_obj
def audit(
    invocation: Invocation,
    who: str | None,
    operation: str | None,
    subject: str | None,
    denied: bool,
    since: str | None,
    limit: int,
) -> int:
    """Show who wanted what, what was decided, and why."""
    from datetime import UTC, datetime

    from devctl.admission.audit import AuditFilter
    from devctl.durations import parse_moment

    begin = parse_moment(since, datetime.now(UTC)) if since else None
    wanted = AuditFilter(who=who, operation=operation, subject=subject, denied=denied, since=begin, limit=limit)
    with invocation.environments(reads_only=True) as held:
        found = held.audit(wanted)
    lines = []
    for one in found:
        word = "denied" if not one.allowed else "would be denied" if one.dry_run else "allowed"
        lines.append(f"{one.at:%Y-%m-%d %H:%M:%S}  {one.who:12} {one.operation:9} {one.subject:20} {word}")
        lines += [f"    {reason}" for reason in one.reasons]
    invocation.show([one.model_dump(mode="json") for one in found], lines or ["nothing was decided yet"])
    return DONE
