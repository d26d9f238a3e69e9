"""One connection to the code host: serialised, retried, its errors translated."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tools.codehost.faults import Fault, fault_of, foreign_errors
from tools.codehost.records import CodeHostSettings
from tools.codehost.text import BODY_LIMIT, TITLE_LIMIT, Masker, cut, one_line, storable

if TYPE_CHECKING:
    from github import Github
    from github.NamedUser import NamedUser
    from github.Organization import Organization
    from github.Repository import Repository

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_LONGEST_BACKOFF = 30.0
CLOSE_SECONDS = 1.0
"""How long the end of a connection waits for a call under way, which may itself wait for a limit to pass."""


class Connection:
    """What all groups of calls share. PyGithub is not safe for threads, so one call runs at a time."""

    def __init__(self, settings: CodeHostSettings) -> None:
        self.settings = settings
        secrets = (settings.token, *settings.secrets)
        self._masker = Masker(secret.get_secret_value() for secret in secrets)
        self._lock = threading.RLock()
        self._client: Github | None = None
        self._viewer = settings.viewer

    def viewer(self) -> str:
        """Our own login."""
        if not self._viewer:
            self._viewer = self._do("ask who the token belongs to", lambda _: self._github().get_user().login)
        return self._viewer

    def close(self) -> None:
        """Close the connections; they are opened anew when needed. Those of a call under way are left to it."""
        if not self._lock.acquire(timeout=CLOSE_SECONDS):
            return
        try:
            if self._client is not None:
                self._client.close()
                self._client = None
        finally:
            self._lock.release()

    def _do(self, doing: str, action: Callable[["Repository"], Result], *, repeatable: bool = True) -> Result:
        """Run an action and return what it returns, with foreign errors translated.

        The action must turn PyGithub's objects into records, since these ask the host when they are read.
        `repeatable`: whether running it twice leaves what running it once leaves; otherwise it is repeated
        only when the first attempt surely had no effect.
        """
        attempt = 0
        with self._lock:
            while True:
                try:
                    return action(self._repository())
                except foreign_errors() as error:
                    fault = fault_of(error, doing, self.settings.api_url)
                    wait = self._wait_before_next(fault, attempt, repeatable)
                    if wait is None:
                        raise fault.error from error
                attempt += 1
                logger.warning("%s; attempt %d in %.1f s", fault.error.message, attempt + 1, wait)
                time.sleep(wait)  # the lock is kept: nobody else should write while we are asked to wait

    def _wait_before_next(self, fault: Fault, attempt: int, repeatable: bool) -> float | None:
        may_repeat = fault.retry and (repeatable or fault.unsent)
        if not may_repeat or attempt >= self.settings.max_retries:
            return None
        if fault.wait:
            return fault.wait if fault.wait <= self.settings.longest_wait else None
        return min(self.settings.backoff * 2.0**attempt, _LONGEST_BACKOFF)

    def _github(self) -> "Github":
        import github

        if self._client is None:
            api_url = self.settings.api_url.rstrip("/")
            pause = self.settings.seconds_between_writes
            if pause is None:
                pause = 1.0 if api_url.startswith("https://") else 0.0
            self._client = github.Github(
                auth=github.Auth.Token(self.settings.token.get_secret_value()),
                base_url=api_url,
                timeout=self.settings.timeout,
                user_agent="roadcrew",
                per_page=100,
                retry=None,
                seconds_between_requests=None,
                seconds_between_writes=pause,
                lazy=True,
            )
        return self._client

    def _repository(self) -> "Repository":
        return self._github().get_repo(self.settings.repository)

    def _body(self, text: str) -> str:
        return cut(self._masked(text), BODY_LIMIT)

    def _title(self, text: str) -> str:
        return one_line(self._masked(text), TITLE_LIMIT)

    def _masked(self, text: str) -> str:
        return self._masker.mask(storable(text))


def login_of(user: "NamedUser | Organization | None") -> str:
    """The login of an author; GitHub's own word for a deleted one."""
    return user.login if user is not None else "ghost"
