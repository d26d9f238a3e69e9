"""Upkeep of a mirror: packing what fetches and snapshots left behind, and forgetting what nobody asks for any more.

Snapshots are held by no ref. Git prunes only objects that neither a ref nor a younger object leads to, so a
snapshot lives as long as turns that may still restore it; a bundle of each lies in the artifact store besides.
"""

import fcntl
import logging
from collections.abc import Sequence

from tools.errors import GitBroken
from tools.gitrun import Git
from tools.upstream import PROMISED

log = logging.getLogger(__name__)

KEEP_DAYS = 30
"""How long unreferenced objects are kept."""
LOOSE_OBJECTS = 6_700
PACKS = 50
"""More of either than that, and the mirror is packed."""


def keep_up(git: Git, *, loose: int = LOOSE_OBJECTS, packs: int = PACKS, keep_days: float = KEEP_DAYS) -> bool:
    """Pack the mirror where it needs it; False when somebody else is at it. Readers and writers may go on.

    A failure is logged and left for the next time: the mirror works without.
    """
    with (git.git_dir / "roadcrew-upkeep.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            options = (*_promised(git), *_options(loose, packs, keep_days))
            git.run(*options, "gc", "--auto", "--quiet", seconds=git.settings.transfer_seconds)
        except GitBroken as error:
            log.warning("the upkeep of %s failed: %s", git.git_dir, error)
        return True


def _options(loose: int, packs: int, keep_days: float) -> list[str]:
    items = {
        "gc.auto": str(loose),
        "gc.autoPackLimit": str(packs),
        "gc.autoDetach": "false",
        "gc.pruneExpire": f"{int(keep_days * 86_400)}.seconds.ago",
    }
    return [part for key, value in items.items() for part in ("-c", f"{key}={value}")]


def _promised(git: Git) -> Sequence[str]:
    """What keeps git from looking for objects that a partial fetch left with the remote."""
    partial = any((git.git_dir / "objects" / "pack").glob("*.promisor"))
    return (*PROMISED, "-c", "repack.writeBitmaps=false") if partial else ()
