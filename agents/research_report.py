"""research.md as it is kept: what the Researcher wrote, and what we add ourselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.citations import cited_sources
from agents.threads import Record
from agents.vulnerabilities import ROWS, Checked
from specs.markdown import flat
from tools.research.advisories import Advisory, Pin
from tools.research.source import Source

CHECKUP = "S1"
"""The id of the check of all packages, which comes before everything that the model reads."""
NOTHING_ASKED = (
    "No outside source was asked: none is set. What stands here is from the repository and the packages in its"
    " environment."
)


class Findings(Record):
    """What a research turn found."""

    report: str
    left_out: int
    """Claims that were left out because they cite nothing that was read."""
    sources: Mapping[str, Source]
    checked: Checked
    unanswered: tuple[str, ...]
    asked: bool
    """Whether outside sources could be asked at all."""


def written_report(found: Findings) -> str:
    """Return the whole text; what matters before any work starts comes first."""
    parts = [_vulnerabilities(found), found.report.strip(), _notes(found), _sources(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _vulnerabilities(found: Findings) -> str:
    """The table of what is known against present and proposed packages, and what follows for the tasks."""
    known = found.checked.known
    if known is None or not known.found:
        return "\n".join(_refused(found)).strip()
    proposed = {proposal.pin for proposal in found.checked.proposals if proposal.pin}
    rows = [
        f"| {_cell(f'{one.pin.name} {one.pin.version}')}{' (proposed)' if one.pin in proposed else ''} | {one.id} |"
        f" {one.severity} | {_cell(', '.join(one.fixed)) or 'none'} | {_cell(one.summary)} |"
        for one in _proposed_first(known.found, proposed)[:ROWS]
    ]
    more = len(known.found) - len(rows) + known.not_read
    lines = ["## Known vulnerabilities", "", *_refused(found), f"As OSV tells [{CHECKUP}]:", ""]
    lines += ["| package | advisory | CVSS | fixed in | what |", "|---|---|---|---|---|", *rows]
    return "\n".join([*lines, *(["", f"And {more} more."] if more > 0 else [])])


def _refused(found: Findings) -> list[str]:
    """What policy will refuse, said to whoever has the task."""
    lines = []
    for proposal in found.checked.proposals:
        if proposal.refusals:
            reasons = "; ".join(flat(reason) for reason in proposal.refusals)
            lines += [f"**`{flat(proposal.requirement)}` will be refused** to the tasks that need it: {reasons}", ""]
    return lines


def _proposed_first(advisories: Sequence[Advisory], proposed: set[Pin]) -> list[Advisory]:
    return sorted(advisories, key=lambda one: one.pin not in proposed)


def _notes(found: Findings) -> str:
    lines = [f"- {flat(line)}" for line in found.unanswered]
    if found.left_out:
        lines.append(f"- {found.left_out} claims were left out: they cited nothing that was read.")
    untold = [one.requirement for one in found.checked.proposals if one.pin is None and found.checked.known is not None]
    lines += [f"- Not checked for vulnerabilities, its version cannot be told: `{flat(name)}`" for name in untold]
    if not found.asked:
        lines.append(f"- {NOTHING_ASKED}")
    return "\n".join(["## Not asked or not answered", "", *lines]) if lines else ""


def _sources(found: Findings) -> str:
    text = "\n".join([_vulnerabilities(found), found.report])
    sources = cited_sources(text, found.sources)
    lines = [
        f"- [{source.id}] {flat(source.title)}: {flat(source.address)} (read {source.read_at:%Y-%m-%d %H:%M} UTC)"
        for source in sources
    ]
    return "\n".join(["## Sources", "", *lines]) if lines else ""


def _cell(text: str) -> str:
    """Foreign text inside a table's row, where no line begins."""
    return flat(f"x {text}")[2:].replace("|", "\\|")
