"""A worker that is asked to stop ends while the model still thinks, and the next one goes on at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

from roadcrew.jobs import WorkerSettings
from scripts.source import ROOT
from tests.conftest import clean_environment
from tests.e2e.crewmates import Asked, crewmates, gives
from tests.e2e.offices import MakeOffice
from tests.e2e.plans import code_task, planned
from tests.tools.scripted import Answer

PATIENCE = 90.0
TRUSTING = WorkerSettings(poll_seconds=0.3, tries=1, stalled_seconds=3600)
"""It takes nobody for dead: what it goes on with was put back."""


def test_worker_that_is_asked_to_stop_does_not_wait_for_the_model(office: MakeOffice, repository: Path) -> None:
    asked, answered = Event(), Event()

    def thinks(request: Asked) -> Answer:
        if not asked.is_set():
            asked.set()
            answered.wait(5 * PATIENCE)
        return gives(planned(code_task("T1", "one.py")))

    mates = crewmates(planner=thinks)
    delivery = office(mates, approve_plan=True).file(repository)
    delivery.begin()
    settings = {"OPENAI_BASE_URL": mates.base_url, "OPENAI_API_KEY": "key", "ROADCREW_MODEL": "recorded"}
    workspace = str(delivery.office.settings.workspace)
    command = [sys.executable, "-P", "-m", "roadcrew.cli", "--workspace", workspace, "worker", "--heartbeat", "600"]
    worker = subprocess.Popen(
        command,
        env=clean_environment(**settings, PYTHONPATH=str(ROOT)),
        cwd=repository.parent,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert asked.wait(PATIENCE)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
        assert not answered.is_set()
        assert "approval" in delivery.go_on(yes=False, settings=TRUSTING).waits_for
        assert len(mates.of("planner")) == 2
    finally:
        answered.set()
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
