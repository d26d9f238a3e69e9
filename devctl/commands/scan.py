"""`devctl scan`: what is known against an image."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devctl.invocation import DONE, FAILED, Invocation, json_option

if TYPE_CHECKING:
    from devctl.scan import ScanReport

_SHOWN = 30


@click.command()
@click.argument("image")
@click.option("--sarif", "sarif_file", type=click.Path(path_type=Path, dir_okay=False), help="Write SARIF 2.1.0 there.")
@click.option("--fail-above", type=click.FloatRange(0, 10), help="Exit with 1 where a CVSS score is above this.")
@click.option("--fresh", is_flag=True, help="Ask again, though this image was scanned within a day.")
@json_option
@click.pass_obj
def scan(invocation: Invocation, /, image: str, sarif_file: Path | None, fail_above: float | None, fresh: bool) -> int:
    """Say which known vulnerabilities the packages of IMAGE have; the policy goes by the highest score."""
    from devctl.scan.sarif import sarif

    report = invocation.images().scan(image, fresh)
    if sarif_file is not None:
        sarif_file.write_text(json.dumps(sarif(report), indent=2) + "\n", encoding="utf-8")
    invocation.show(report.model_dump(mode="json"), list(_lines(report)))
    for note in report.notes:
        sys.stderr.write(f"note: {note}\n")
    return FAILED if fail_above is not None and report.highest > fail_above else DONE


def _lines(report: "ScanReport") -> list[str]:
    lines = [
        f"{finding.score if finding.score is not None else '?':>5}  {finding.id:20} {finding.package} {finding.version}"
        + (f"  -> {', '.join(finding.fixed)}" if finding.fixed else "")
        for finding in report.findings[:_SHOWN]
    ]
    more = len(report.findings) - _SHOWN
    lines += [f"  and {more} more; --json lists all"] if more > 0 else []
    counts = {word: 0 for word in ("critical", "high", "medium", "low", "unknown")}
    for finding in report.findings:
        counts[finding.severity] = counts.get(finding.severity, 0) + 1
    said = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "nothing"
    return [*lines, f"{report.image}: {said} known against {report.packages} packages (by {report.scanner})"]
