"""The identities on the local forge: made once, also by processes that start at the same time."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

from local import Workspace, ensure_forge, open_workspace
from roadcrew.local_people import Identity, LocalPeople


def test_identities_that_are_made_at_once_are_all_kept(workspace: Workspace, tmp_path: Path) -> None:
    forge, own = ensure_forge(workspace), open_workspace(tmp_path / "w")
    gate = Barrier(4)

    def make(number: int) -> Identity:
        people = LocalPeople(replace(own), forge)
        gate.wait(30)
        return people.team() if number % 2 else people.person()

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(make, range(4)))
    kept = json.loads((own.path / "secrets" / "forge-tokens.json").read_text())
    assert {one.login: one.token.get_secret_value() for one in made} == kept
    assert len(made) == 2
