"""Finding the delivery that a person means by a key, an id or nothing at all."""

from __future__ import annotations

from agents.threads import ENDED, ThreadState
from roadcrew.assembly import Office
from roadcrew.errors import NotFound
from roadcrew.standing import Standing, standing_of


def find_feature(office: Office, key: str | None) -> ThreadState:
    """Return the feature thread of `F-12`, `12`, `owner/repo/F-12`, or the newest one that has not ended."""
    features = [thread for thread in office.crew.threads.every() if thread.kind == "feature"]
    if key is None:
        running = [thread for thread in features if thread.status not in ENDED] or features
        if not running:
            raise NotFound("there is no delivery yet", "start one with `roadcrew run`")
        return running[-1]
    wanted = key if key.upper().startswith("F-") or "/" in key else f"F-{key.lstrip('#')}"
    found = [thread for thread in features if thread.id == wanted or thread.id.endswith(f"/{wanted.upper()}")]
    if not found:
        known = ", ".join(thread.id for thread in features[-5:]) or "none"
        raise NotFound(f"there is no delivery {key!r}", f"there are {known}")
    if len(found) > 1:
        raise NotFound(f"{key!r} is in {len(found)} repositories", f"say {' or '.join(thread.id for thread in found)}")
    return found[0]


def look_at(office: Office, thread_id: str) -> Standing:
    """Return where a feature stands now."""
    state = office.crew.threads.get(thread_id)
    if state is None:
        raise NotFound(f"{thread_id} has not begun", "")
    return standing_of(office.crew, state)
