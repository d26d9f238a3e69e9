"""That the look for what is left behind sees it."""

import subprocess
from pathlib import Path

from tests.devctl.fleets import IMAGE, needs_docker
from tests.devctl.leaks import containers_of, processes_at


def test_processes_are_found_by_their_words_and_their_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert processes_at(tmp_path) == []
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path / "in") as inside:
        with subprocess.Popen(["tail", "-f", f"{tmp_path}/none", "/dev/null"], stderr=subprocess.DEVNULL) as named:
            found = {int(line.split()[1].rstrip(":")) for line in processes_at(tmp_path)}
            named.kill()
        inside.kill()
    assert found == {inside.pid, named.pid}
    assert processes_at(tmp_path) == []


def test_containers_are_found_by_their_label() -> None:
    needs_docker()
    argv = ["docker", "create", "--label", "devctl.home=leaks-of-a-test", IMAGE, "true"]
    made = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    found = containers_of("leaks-of-a-test")
    subprocess.run(["docker", "rm", made], capture_output=True, check=True, timeout=60)
    assert len(found) == 1 and containers_of("leaks-of-a-test") == []
