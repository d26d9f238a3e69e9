"""The map's parser as a child: reads files from its input, writes their tags, one line of JSON each.

    python -P -m tools.repomap.worker < FILES

A file comes as `LANGUAGE SIZE` in a line, followed by its bytes. Lines are written as they are ready, so that the
one who waits knows at which file a child ended that did not reach the end.
"""

from __future__ import annotations

import json
import resource
import signal
import sys

from tools.repomap.extract import extract

MEMORY_BYTES = 3 * 1024**3
SECONDS = 6.0
"""After which one file ends this process, wherever in the parser it is."""


def main() -> None:
    """Read to the end of the input."""
    if sys.platform == "linux":  # elsewhere the kernel refuses it
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, target = sys.stdin.buffer, sys.stdout
    while header := source.readline().split():
        content = source.read(int(header[1]))
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        tags = extract(header[0].decode(), content)
        target.write(json.dumps([tags.definitions, tags.references], separators=(",", ":")) + "\n")
        target.flush()


if __name__ == "__main__":
    main()
