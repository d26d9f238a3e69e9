"""The person's yes on the local forge: the plan's approval, and the approving review of a pull request."""

from __future__ import annotations

import hashlib

from roadcrew.assembly import Office
from roadcrew.errors import Conflict
from roadcrew.placing import person_host


class Approver:
    """Says yes to what one delivery waits for."""

    def __init__(self, office: Office, thread: str) -> None:
        self._office = office
        self._thread = thread
        self._said: set[str] = set()

    def answer(self) -> bool:
        """Approve what waits; False when this is nothing that an approval helps."""
        state = self._office.crew.threads.get(self._thread)
        if state is None:
            return False
        if state.waits_for.startswith("a person:") and "approval" in state.waits_for:
            plan = self._office.crew.threads.plan_result(self._thread)["plan"]
            shown = hashlib.sha256(repr(plan).encode()).hexdigest()[:16]
            self._office.engine.tell(self._thread, "approve", f"approve:plan:{shown}", {"by": "person", "head": None})
            return True
        pulls = self._office.crew.reader.pull_requests(self._thread)
        if not pulls or "approval" not in state.waits_for:
            return bool(pulls) and "checks" in state.waits_for
        self._review(state.repository, pulls[-1].number)
        return True

    def _review(self, repository: str, number: int) -> None:
        if self._office.people is None:
            self._approve_by_letter(repository, number)
            return
        host = person_host(self._office, repository)
        head = host.pull_request(number).head_sha
        if head not in self._said:
            self._said.add(head)
            host.submit_review(number, "APPROVE", "Approved from the command line.")
            self._office.engine.tell(self._thread, "pull_request", f"approved:{head}", {"number": number})

    def _approve_by_letter(self, repository: str, number: int) -> None:
        """Approve where one identity is all there is: the host lets nobody review their own pull request."""
        head = self._office.crew.desk(repository).host.pull_request(number).head_sha
        self._office.engine.tell(self._thread, "approve", f"approve:{head}", {"by": "person", "head": head})


def approve(office: Office, thread: str) -> None:
    """Approve what a delivery waits for; raises `Conflict` when it waits for no approval."""
    if not Approver(office, thread).answer():
        state = office.crew.threads.get(thread)
        waits = state.waits_for if state else "nothing"
        raise Conflict(f"{thread} waits for no approval", f"it waits for {waits or 'nothing'}")
