"""`roadcrew doctor`: what this machine lacks, why it matters, how to mend it."""

import click

from roadcrew.command import json_option, with_settings
from roadcrew.errors import Exit
from roadcrew.output import print_data, print_line
from roadcrew.settings import Settings

MARKS = {"ok": "ok     ", "warning": "warning", "missing": "MISSING"}


@click.command()
@json_option
@with_settings
def command(settings: Settings, as_json: bool) -> None:
    """Look at everything the work needs; exits 4 when something is missing, 0 with warnings."""
    from roadcrew.doctor import examine
    from roadcrew.machine import Finding

    findings: list[Finding] = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            print_line(f"{MARKS[finding.state]}  {finding.name}: {finding.detail}")
            for word, text in (("why", finding.why), ("fix", finding.fix)):
                if text:
                    print_line(f"         {word}: {text}")
    if as_json:
        print_data("doctor", findings)
    if any(finding.state == "missing" for finding in findings):
        click.get_current_context().exit(Exit.UNAVAILABLE)
