"""The commands that devcontainer.json wants run when an environment is made and started."""

import threading
from collections.abc import Callable, Sequence

from devctl.errors import DevctlError
from devctl.fleet.printed import Collected, Printed
from devctl.fleet.records import EnvironmentRecord, LifecycleCommand, LifecycleGroup, Moment
from devctl.hosts.engine import ExecRequest, HostEngine

AT_CREATION: tuple[Moment, ...] = ("on_create", "update_content", "post_create", "post_start")
AT_START: tuple[Moment, ...] = ("post_start",)
Progress = Callable[[str], None]


class LifecycleRunner:
    """Runs the commands of one environment; what they print goes into the database and is shown by `devctl logs`."""

    def __init__(self, engine: HostEngine, record: EnvironmentRecord, printed: Printed, progress: Progress) -> None:
        self._engine = engine
        self._record = record
        self._printed = printed
        self._progress = progress

    def run(self, moments: Sequence[Moment]) -> str:
        """Run the commands of these moments, one after the other; returns why it ended early, or nothing."""
        for program in self._record.spec.entrypoints:
            if why := self._run_one("entrypoint", LifecycleCommand(argv=("sh", "-c", program)), user="0:0"):
                return why
        for moment in moments:
            groups: tuple[LifecycleGroup, ...] = getattr(self._record.spec.lifecycle, moment)
            for group in groups:
                if why := self._run_group(moment, group):
                    return why
        return ""

    def _run_group(self, moment: Moment, group: LifecycleGroup) -> str:
        """Run commands beside each other; all are waited for, the first failure is told."""
        failures: list[str] = []
        workers = [
            threading.Thread(target=lambda one=one: failures.append(self._run_one(moment, one))) for one in group
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return next(filter(None, failures), "")

    def _run_one(self, moment: str, command: LifecycleCommand, user: str | None = None) -> str:
        title = f"{moment.replace('_', ' ')}{f' {command.name}' if command.name else ''}"
        self._progress(f"{title}: {_words(command.argv)}")
        output = Collected(self._printed, self._record)
        output.add(f"--- {title}: {_words(command.argv)}\n".encode())
        try:
            with self._engine.open(self._record, ExecRequest(argv=command.argv, user=user)) as stream:
                stream.close_input()
                while (part := stream.read()) is not None:
                    output.add(part[1])
                code = stream.wait()
        except (DevctlError, OSError) as error:
            return f"{title} could not be run: {error}"
        finally:
            output.close()
        if code == 0:
            return ""
        return f"{title} ended with {code}: {_words(command.argv)}; `devctl logs {self._record.name}` shows its output"


def _words(argv: Sequence[str]) -> str:
    words = argv[2] if len(argv) == 3 and argv[0].endswith("sh") and argv[1] == "-c" else " ".join(argv)
    return words if len(words) <= 120 else f"{words[:117]}..."
