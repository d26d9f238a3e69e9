"""Letting a sandbox in: its control groups and limits are given to it by this process while it lays itself out.

Joining a control group under version 1 takes about as long as starting a program, mostly waiting; so bubblewrap lays
out the sandbox meanwhile, and stops before it starts anything inside until it is let in.
"""

import json
import logging
import os
import resource
from collections.abc import Mapping, Sequence

from devctl.cgroups import Group

log = logging.getLogger(__name__)


class Entrance:
    """Holds one sandbox back until it is in its groups; a context manager, to be left after its process has started."""

    def __init__(self, group: Group, limits: Mapping[int, int]) -> None:
        """`limits` are limits of its processes, by their number in the module `resource`."""
        self._group = group
        self._limits = limits
        self._read, self._write = os.pipe()

    @property
    def words(self) -> Sequence[str]:
        """Arguments for bubblewrap."""
        return ("--block-fd", str(self._read))

    @property
    def descriptor(self) -> int:
        """What its process must inherit."""
        return self._read

    def admit(self, status: int) -> bool:
        """Put it into its groups and let it go on, once `status` says which process it is; false when it has ended.

        Only bubblewrap's own code has run in it until then. After false, as after an error, it must be killed before
        the entrance is left, which would let it go on. Raises OSError when a group cannot be joined.
        """
        process = _told_process(status)
        if process is None:
            return False
        try:
            for path in self._group.entrances:
                path.write_text(str(process))
            for number, limit in self._limits.items():
                resource.prlimit(process, number, (limit, limit))
        except ProcessLookupError:
            return False
        os.write(self._write, b".")
        return True

    def __enter__(self) -> "Entrance":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._read)
        os.close(self._write)


def _told_process(status: int) -> int | None:
    """The first process inside, as bubblewrap tells it right after making it; None when it ended before."""
    text = b""
    while b"\n" not in text:
        data = os.read(status, 4096)
        if not data:
            return None
        text += data
    found = json.loads(text.partition(b"\n")[0])
    return int(found["child-pid"])
