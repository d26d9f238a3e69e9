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
from tools.repomap.languages import grammar

MEMORY_BYTES = 3 * 1024**3
MESSAGE_BYTES = 64 * 1024
"""The longest file that it can write: it has nothing to write but what it says when it ends badly."""
SECONDS = 4.0
"""Processor time after which one file ends this process, wherever in the parser it is."""
UNUSABLE = 3
"""The exit status where a grammar cannot be loaded: that says nothing of the file."""


def main() -> None:
    """Read to the end of the input."""
    if sys.platform == "linux":  # elsewhere the kernel refuses it
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MESSAGE_BYTES, MESSAGE_BYTES))
    source, target = sys.stdin.buffer, sys.stdout
    while header := source.readline().split():
        language, content = header[0].decode(), source.read(int(header[1]))
        try:
            grammar(language)
        except (ImportError, OSError) as error:
            print(f"the grammar of {language} cannot be loaded: {error}", file=sys.stderr)  # noqa: T201 - to the parent
            sys.exit(UNUSABLE)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        tags = extract(language, content)
        target.write(json.dumps([tags.definitions, tags.references], separators=(",", ":")) + "\n")
        target.flush()


if __name__ == "__main__":
    main()
