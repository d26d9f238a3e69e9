"""A worker that is killed at its work: the next one goes on, and the delivery ends as if nothing had happened.

`bench/crash.py` does this at every row of the journal; here one delivery loses three workers.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.replayed import ReplayedDelivery
from tests.e2e.conftest import Reference


def at_its_start(running: list[str]) -> bool:
    return any("/planner/" in key or "/researcher/" in key for key in running)


def in_two_tasks_at_once(running: list[str]) -> bool:
    return len({key.split("/")[1] for key in running if "/coder/" in key}) == 2


def in_the_documentation(running: list[str]) -> bool:
    return any("/docgen/" in key for key in running)


MOMENTS: tuple[Callable[[list[str]], bool], ...] = (at_its_start, in_two_tasks_at_once, in_the_documentation)


def test_delivery_that_loses_three_workers_ends_like_an_undisturbed_one(
    reference: Reference, folder: Path, environments: Path
) -> None:
    with ReplayedDelivery(folder, environments) as delivery:
        delivery.start()
        kept: list[dict[str, int]] = []
        for moment in MOMENTS:
            worker = delivery.worker()
            assert not delivery.wait(120, until=partial(seen, moment, delivery)), f"{moment.__name__} was not seen"
            delivery.kill(worker)
            served = delivery.served()
            kept.append({call: served[call] for call in delivery.journaled()})
        delivery.worker()
        delivery.wait(120)
        served, outcome = delivery.served(), delivery.outcome()
    assert outcome._replace(lost_calls=0) == reference.outcome
    assert [call for calls in kept for call, times in calls.items() if served[call] != times] == []
    assert outcome.lost_calls <= len(MOMENTS)
    assert set(kept[0]) < set(kept[1]) < set(kept[2]) < set(served)


def seen(moment: Callable[[list[str]], bool], delivery: ReplayedDelivery) -> bool:
    return moment(delivery.running())
