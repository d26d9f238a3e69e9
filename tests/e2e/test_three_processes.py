"""Three worker processes with folders of their own deliver together: they share servers, no folder."""

from pathlib import Path

from bench.replayed import ReplayedDelivery
from tests.e2e.conftest import Reference

THINKING = ("planner", "researcher", "reviewer", "integrator")
WORKING = ("coder", "docgen", "tester")


def test_roles_split_between_processes_that_share_only_servers_deliver_together(
    reference: Reference, folder: Path, environments: Path
) -> None:
    with ReplayedDelivery(folder, environments) as delivery:
        shared = delivery.shared_servers()
        delivery.start()
        delivery.worker("--role", "flow", "--intake", "0")
        thinking = delivery.worker(*as_options(THINKING), workspace=folder / "b", **shared)
        working = delivery.worker(*as_options(WORKING), workspace=folder / "c", **shared)
        delivery.wait(180)
        outcome, holders = delivery.outcome(), delivery.holders()
    assert outcome == reference.outcome
    expected = {role: {thinking.pid} for role in THINKING} | {role: {working.pid} for role in WORKING}
    assert holders == expected
    servers_of_their_own = [*(folder / "b" / "data").rglob("*"), *(folder / "c" / "data").rglob("*")]
    assert servers_of_their_own == []


def as_options(roles: tuple[str, ...]) -> list[str]:
    return [word for role in roles for word in ("--role", role)]
