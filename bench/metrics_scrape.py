"""What 100 scrapes a second cost a service with 100 environments, in processor time of the service.

    .venv/bin/python -m bench.metrics_scrape [--environments 100] [--seconds 30] [--docker IMAGE]

The scrapes come from Locust, installed from `bench/peers/locust.txt` into a virtual environment of its own; the cost is
the processor time of the service and, beside it, of the PostgreSQL that it alone uses, as the kernel counts them, over the
scrapes and, for the same time before, at rest. Environments are kept under bubblewrap, or containers of IMAGE, whose engine
has no part in a sample. Exits with 1 where both together take 5% of a core or more.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from devctl.fleet import open_fleet
from devctl.fleet.records import EnvironmentSpec, KeptLimits, User
from devctl.settings import DevctlSettings

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "bench" / "peers" / "locust.txt"
AIM_PERCENT = 5.0
PER_SECOND = 100
OWNER = User(name="bench", tier="owner", role="admin")
LOCUSTFILE = """
import os
from locust import FastHttpUser, constant_throughput, task

class Scraper(FastHttpUser):
    wait_time = constant_throughput(10)

    @task
    def scrape(self):
        self.client.get("/metrics", headers={"Authorization": "Bearer " + os.environ["TOKEN"], "Accept-Encoding": "gzip"})
"""


def locust(folder: Path) -> Path:
    """Install Locust from the lock; returns its program."""
    place = folder / "peer"
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "-q", str(place)], check=True, timeout=120)
    install = [uv, "pip", "install", "-q", "--require-hashes", "-r", str(LOCK), "--python", f"{place}/bin/python"]
    subprocess.run(install, check=True, timeout=600)
    return place / "bin" / "locust"


def spent(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def database_spent(settings: DevctlSettings) -> float:
    """Processor seconds so far of the embedded PostgreSQL: of its first process, its children, and those that ended."""
    ticks = 0
    first = (settings.folder / "state" / "data" / "postgres" / "postmaster.pid").read_text().split()[0]
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                if process.name == first:
                    ticks += sum(int(field) for field in fields[11:15])
                elif fields[1] == first:
                    ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def fill(settings: DevctlSettings, image: str, number: int) -> None:
    """Launch environments."""
    limits = KeptLimits(cpus=1, memory_mb=64, pids=32)
    with open_fleet(settings, None) as fleet:
        for count in range(number):
            fleet.up(OWNER, EnvironmentSpec(name=f"bench-{count}", image=image, limits=limits))


def clear(settings: DevctlSettings) -> None:
    """Remove them all."""
    with open_fleet(settings, None) as fleet:
        for record in fleet.list(OWNER, all_users=True):
            fleet.remove(OWNER, record.name, force=True)


def scraped(program: Path, url: str, token: str, seconds: int, folder: Path) -> dict[str, float]:
    """Have Locust scrape; returns what it says."""
    (folder / "locustfile.py").write_text(LOCUSTFILE)
    users = str(PER_SECOND // 10)
    argv = [str(program), "-f", str(folder / "locustfile.py"), "--headless", "-u", users, "-r", users, "--host", url]
    run = [*argv, "-t", f"{seconds}s", "--json", "--only-summary"]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TOKEN": token}
    done = subprocess.run(run, env=env, capture_output=True, text=True, timeout=seconds + 60, check=False)
    found = json.loads(done.stdout)[0]
    taken = found["last_request_timestamp"] - found["start_time"]
    return {"requests": found["num_requests"], "failures": found["num_failures"], "rate": found["num_requests"] / taken}


class Spent(NamedTuple):
    """Processor time, in seconds or in percent of a core."""

    service: float
    database: float

    def until(self, later: Spent, seconds: float) -> Spent:
        """What was spent from this moment to a later one, in percent of a core over so many seconds."""
        service, database = later.service - self.service, later.database - self.database
        return Spent(100 * service / seconds, 100 * database / seconds)

    def __str__(self) -> str:
        both = self.service + self.database
        return f"{both:5.2f}% of a core (service {self.service:.2f}%, PostgreSQL {self.database:.2f}%)"


def measure(
    settings: DevctlSettings, program: Path, seconds: int, folder: Path
) -> tuple[Spent, Spent, dict[str, float]]:
    """Serve in a process of its own; returns its cost at rest and under scrapes."""
    token_file = folder / "token"
    argv = [sys.executable, "-m", "devctl.cli", "--folder", str(settings.folder)]
    argv += ["serve", "--listen", "0", "--token-file", str(token_file), "--json"]
    env = {**os.environ, "DEVCTL_DATABASE_URL": settings.database_url or ""}
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=log, text=True)

    def so_far() -> Spent:
        return Spent(spent(process.pid), 0.0 if settings.database_url else database_spent(settings))

    try:
        text = ""
        while process.stdout is not None and "}\n}" not in text:
            text += process.stdout.readline()
        url = json.loads(text)["data"]["url"]
        time.sleep(15)
        began = so_far()
        time.sleep(seconds)
        middle = so_far()
        found = scraped(program, url, token_file.read_text().strip(), seconds, folder)
        ended = so_far()
    finally:
        process.terminate()
        process.wait(60)
    return began.until(middle, seconds), middle.until(ended, seconds), found


def main() -> int:
    """Print what it costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--docker", metavar="IMAGE", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dm", dir="/tmp") as place:
        folder = Path(place)
        backend = "docker" if given.docker else "bubblewrap"
        settings = DevctlSettings.from_environment(folder=folder / "d", backend=backend)
        program = locust(folder)
        try:
            fill(settings, given.docker or "host", given.environments)
            rest, busy, found = measure(settings, program, given.seconds, folder)
        finally:
            clear(settings)
            stop_state(settings)
    print(f"{given.environments} environments under {backend}, {given.seconds} s each")
    print(f"at rest       {rest}")
    print(f"with scrapes  {busy} at {found['rate']:.0f}/s, {found['failures']:.0f} failed (aim {AIM_PERCENT:.0f}%)")
    return 0 if sum(busy) < AIM_PERCENT and not found["failures"] else 1


def stop_state(settings: DevctlSettings) -> None:
    """Stop the embedded database."""
    from local import open_workspace, stop

    if settings.database_url is None:
        stop(open_workspace(settings.folder / "state"))


if __name__ == "__main__":
    sys.exit(main())
