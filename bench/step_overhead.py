"""What a model step costs beside the model: Roadcrew's Coder and mini-swe-agent on the same scripted conversation.

    .venv/bin/python -m bench.step_overhead [--steps 40] [--rounds 3] [--unsandboxed]

Both ask one endpoint that answers at once, take the same commands from it and run them. A step is the time from one
answer of the endpoint to the next request of the same conversation. mini-swe-agent runs with its default agent, model
class and local environment; it is installed from `bench/peers/mini-swe-agent.txt` into a virtual environment of its
own. Roadcrew runs the Coder's turn of a delivery, each command in a fresh sandbox, each step journaled in PostgreSQL
and each change kept as a snapshot. Exits with 1 when Roadcrew is slower.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.step_script import FILES, ISSUE
from local import open_workspace, using
from roadcrew.assembly import open_office
from roadcrew.crewing import working
from roadcrew.features import look_at
from roadcrew.live import follow
from roadcrew.placing import issue_of, place_of
from roadcrew.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "bench" / "peers" / "mini-swe-agent.txt"
PEER = """
import os, sys, yaml, minisweagent
from pathlib import Path
from minisweagent.agents.default import DefaultAgent
from minisweagent.environments.local import LocalEnvironment
from minisweagent.models.litellm_model import LitellmModel
config = yaml.safe_load((Path(minisweagent.__file__).parent / "config" / "mini.yaml").read_text())
keep = {"system_template", "instance_template"}
agent = {name: value for name, value in config["agent"].items() if name in keep}
model = LitellmModel(model_name="openai/gpt-4o", model_kwargs={"api_base": sys.argv[1], "api_key": "none"})
DefaultAgent(model, LocalEnvironment(cwd=sys.argv[2]), cost_limit=0, **agent).run(sys.argv[3])
"""


def peer_python() -> Path:
    """Return the Python that mini-swe-agent is installed for, installing it where it is not."""
    folder = Path.home() / ".cache" / "roadcrew-bench" / LOCK.stem
    python = folder / "bin" / "python"
    stamp = folder / "lock.txt"
    if not stamp.is_file() or stamp.read_text() != LOCK.read_text():
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(LOCK)]
        subprocess.run(install, check=True)
        stamp.write_text(LOCK.read_text())
    return python


@contextmanager
def endpoint(folder: Path, steps: int) -> Iterator[tuple[str, Path]]:
    """Run the endpoint in a process of its own; yields its address and the file of its requests."""
    log = folder / "requests.jsonl"
    log.touch()
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.instant", "--steps", str(steps), "--log", str(log)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert server.stdout is not None  # noqa: S101 - narrows the type
        yield server.stdout.readline().strip(), log
    finally:
        server.kill()
        server.wait()


def lay_out(folder: Path) -> Path:
    """Make the repository that is worked in."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    author = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], [*author, "commit", "-q", "-m", "One"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def run_peer(url: str, folder: Path) -> None:
    """Have mini-swe-agent work through the conversation."""
    subprocess.run(
        [str(peer_python()), "-c", PEER, url, str(folder), ISSUE],
        check=True,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "MSWEA_COST_TRACKING": "ignore_errors",
             "MSWEA_SILENT_STARTUP": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )  # fmt: skip


class OwnRuns:
    """Deliveries on servers of their own, as far as the end of the Coder's turn."""

    def __init__(self, folder: Path, unsandboxed: bool) -> None:
        self._settings = Settings(workspace=folder / "w")
        self._folder = folder
        self._unsandboxed = unsandboxed

    def run(self, url: str, number: int) -> None:
        """Deliver until the Coder has handed in."""
        workspace = open_workspace(self._settings.workspace)
        with (
            using(workspace),
            open_office(self._settings, workspace, model_base_url=url, unsandboxed=self._unsandboxed) as office,
        ):
            place = place_of(office, str(lay_out(self._folder / f"own{number}")))
            thread = office.engine.start_feature(place.repository, issue_of(office, place.repository, ISSUE))
            with working(office):
                follow(
                    lambda: look_at(office, thread),
                    lambda _standing: any(
                        turn.role == "coder" and turn.status == "done"
                        for turn in office.crew.turns.of([state.id for state in office.crew.threads.every()])
                        if turn.thread.startswith(place.repository)
                    ),
                )


def steps_of(log: Path, role: str) -> list[float]:
    """Return the milliseconds from each answer to the next request of the same conversation; the first is left out."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    mine = [row for row in rows if (row["turn"].split("/")[2] if row["turn"] else "peer") == role]
    return [(after["came"] - before["left"]) * 1000 for before, after in zip(mine, mine[1:], strict=False)][1:]


def main() -> None:
    """Measure both in turn and print the ratio of their medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--unsandboxed", action="store_true", help="run commands without a sandbox, as the peer does")
    given = parser.parse_args()
    peer: list[float] = []
    own: list[float] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rc-")))
        runs = OwnRuns(folder, given.unsandboxed)
        for number in range(given.rounds):
            with endpoint(folder, given.steps) as (url, log):
                run_peer(url, lay_out(folder / f"peer{number}"))
                peer += steps_of(log, "peer")
            log.unlink()
            with endpoint(folder, given.steps) as (url, log):
                runs.run(url, number)
                own += steps_of(log, "coder")
            log.unlink()
    for name, times in (("mini-swe-agent", peer), ("roadcrew", own)):
        spread = f"{min(times):.1f} to {statistics.quantiles(times, n=20)[-1]:.1f}"
        print(f"{name:15} {statistics.median(times):7.1f} ms a step ({len(times)} steps, {spread})")
    ratio = statistics.median(own) / statistics.median(peer)
    print(f"roadcrew / mini-swe-agent: {ratio:.2f}")
    sys.exit(ratio > 1.0)


if __name__ == "__main__":
    main()
