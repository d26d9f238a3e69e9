"""The commands that devcontainer.json wants run when an environment is made and started."""

from collections.abc import Callable, Sequence

from devctl.errors import DevctlError
from devctl.fleet.printed import Collected, Lived, Printed
from devctl.fleet.records import EnvironmentRecord, LifecycleCommand, LifecycleGroup, Moment
from devctl.hosts.engine import ExecRequest, HostEngine

AT_CREATION: tuple[Moment, ...] = ("on_create", "update_content", "post_create", "post_start")
"""At the first start, and at each later one: those of ONCE are left out when they are behind it."""
AT_ATTACH: tuple[Moment, ...] = ("post_attach",)
ONCE: tuple[Moment, ...] = ("on_create", "update_content", "post_create")
MOST_LINES = 500
"""Of one command's output that are told while it runs; the rest is in `devctl logs`."""
_LONGEST = 500
Progress = Callable[[str], None]


class LifecycleRunner:
    """Runs the commands of one environment; what they print goes into the database and is shown by `devctl logs`."""

    def __init__(
        self, engine: HostEngine, record: EnvironmentRecord, printed: Printed, lived: Lived, progress: Progress
    ) -> None:
        self._engine = engine
        self._record = record
        self._printed = printed
        self._lived = lived
        self._progress = progress

    def run(self, moments: Sequence[Moment]) -> str:
        """Run the commands of these moments, one after the other; returns why it ended early, or nothing.

        A moment of the creation that failed, or never came to its end, is run at the next start.
        """
        if "post_start" in moments and (why := self._run_entrypoints()):
            return why
        behind = self._lived.behind(self._record)
        for moment in moments:
            groups: tuple[LifecycleGroup, ...] = getattr(self._record.spec.lifecycle, moment)
            if not groups or (moment in ONCE and moment in behind):
                continue
            for group in groups:
                if why := self._run_group(moment, group):
                    return why
            self._lived.mark(self._record, moment)
        return ""

    def _run_entrypoints(self) -> str:
        for program in self._record.spec.entrypoints:
            if why := self._run_one("entrypoint", LifecycleCommand(argv=("sh", "-c", program)), user="0:0"):
                return why
        return ""

    def _run_group(self, moment: Moment, group: LifecycleGroup) -> str:
        """Run commands beside each other; all are waited for, the first failure is told."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(len(group), thread_name_prefix="lifecycle") as pool:
            runs = [pool.submit(self._run_one, moment, one) for one in group]
        return next(filter(None, [run.result() for run in runs]), "")

    def _run_one(self, moment: str, command: LifecycleCommand, user: str | None = None) -> str:
        title = f"{moment.replace('_', ' ')}{f' {command.name}' if command.name else ''}"
        self._progress(f"{title}: {_words(command.argv)}")
        output = Collected(self._printed, self._record)
        output.add(f"--- {title}: {_words(command.argv)}\n".encode())
        lines = Lines(self._progress, f"{command.name} | " if command.name else "| ")
        try:
            with self._engine.open(self._record, ExecRequest(argv=command.argv, user=user)) as stream:
                stream.close_input()
                while (part := stream.read()) is not None:
                    output.add(part[1])
                    lines.add(part[1])
                code = stream.wait()
        except (DevctlError, OSError) as error:
            return f"{title} could not be run: {error}"
        finally:
            output.close()
            lines.close()
        if code == 0:
            return ""
        return f"{title} ended with {code}: {_words(command.argv)}; `devctl logs {self._record.name}` shows its output"


class Lines:
    """Tells output line by line while it comes, without what steers a terminal."""

    def __init__(self, tell: Progress, before: str) -> None:
        self._tell = tell
        self._before = before
        self._rest = b""
        self._left = MOST_LINES

    def add(self, data: bytes) -> None:
        """Take some output; what is no whole line yet waits."""
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_LONGEST:]
        for line in whole:
            self._say(line)

    def close(self) -> None:
        """Tell what waits."""
        if self._rest:
            self._say(self._rest)
            self._rest = b""

    def _say(self, line: bytes) -> None:
        self._left -= 1
        if self._left < 0:
            return
        if self._left == 0:
            self._tell(f"{self._before}… more is in the logs")
            return
        text = line.rstrip(b"\r").rpartition(b"\r")[2][:_LONGEST].decode("utf-8", "replace")
        self._tell(self._before + "".join(char if char.isprintable() else " " for char in text).rstrip())


def _words(argv: Sequence[str]) -> str:
    words = argv[2] if len(argv) == 3 and argv[0].endswith("sh") and argv[1] == "-c" else " ".join(argv)
    return words if len(words) <= 120 else f"{words[:117]}..."
