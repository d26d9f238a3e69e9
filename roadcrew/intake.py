"""The intake: what people say on the code host becomes letters, once each, when they may say it.

Webhooks and polling meet here. A webhook is only a reason to look: what was said is read from the code host, and
each thing said has one key (`comment:12`, `pull:7:0:<digest>`), so hearing it twice is hearing it once.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shlex
from typing import NamedTuple

from pydantic import JsonValue

from agents.engine import Engine
from agents.feedback import is_own_text, may_decide, unheeded
from agents.ids import feature_of, marker
from agents.threads import ENDED, ThreadState
from roadcrew.standing import standing_text
from tools.codehost import CodeHost, CodeHostError, CodeHostNotFound, CodeHostUnavailable, Comment

logger = logging.getLogger(__name__)

PREFIX = "/roadcrew"
BOT = "[bot]"
"""How the logins of GitHub Apps end."""
WORD_LIMIT = 20_000
"""Characters of a comment that reach the team."""
HIDDEN = re.compile(r"<!--.*?(-->|\Z)", re.DOTALL)
YAML_BLOCK = re.compile(
    r"^(?P<fence>`{3,}|~{3,})ya?ml[ \t]*\n(?P<text>.*?)\n(?P=fence)[ \t]*$", re.DOTALL | re.MULTILINE
)
VERBS = ("plan", "approve", "retry", "stop", "budget", "status")


class Command(NamedTuple):
    """One `/roadcrew` command of a comment."""

    verb: str
    arguments: tuple[str, ...]
    text: str = ""
    """All that stands behind the verb, further lines included."""


def parse_command(body: str) -> Command | None:
    """Return the command that a comment begins with, or None.

    Words are compared whole, so that `/roadcrew-bot` or a quotation in the middle of a text is no command.
    """
    first, _, rest = body.strip().replace("\r\n", "\n").partition("\n")
    try:
        words = shlex.split(first)
    except ValueError:
        words = first.split()
    if len(words) < 2 or words[0] != PREFIX or words[1] not in VERBS:
        return None
    behind = first.split(maxsplit=2)[2:]
    return Command(words[1], tuple(words[2:]), "\n".join([*behind, rest]).strip())


def visible(text: str) -> str:
    """Return what people see of a comment: hidden remarks are nobody's word."""
    return HIDDEN.sub("", text).strip()[:WORD_LIMIT]


def plan_letter(command: Command, key: str, by: str) -> tuple[str, str, dict[str, JsonValue]]:
    """Return the kind, key and payload of the letter that a `/roadcrew plan` comment becomes.

    A YAML block replaces the plan, `drop T-1201 …` drops tasks, any other words have it planned anew.
    """
    block = YAML_BLOCK.search(command.text)
    if block is not None:
        return "edit", key, {"by": by, "yaml": block["text"]}
    if command.arguments[:1] == ("drop",) and command.arguments[1:]:
        return "edit", key, {"by": by, "drop": [word.strip(",") for word in command.arguments[1:]]}
    return "replan", key, {"by": by, "text": visible(command.text)}


class Intake:
    """Hears what is said on the code host, for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._crew = engine.crew

    @property
    def known_errors(self) -> tuple[type[Exception], ...]:
        """Errors that hearing may end in; what was missed is heard at the next poll."""
        return self._crew.known_errors

    def issue(self, repository: str, number: int, sender: str) -> str | None:
        """Start the delivery of an issue that carries our label, if the sender may; return its thread."""
        host = self._crew.desk(repository).host
        if self._crew.settings.label not in host.issue(number).labels:
            return None
        if not may_decide(host, sender):
            self._crew.audit.once(unheeded(sender, "label", number), feature_of(repository, number))
            logger.info("%s may not hand issue %d of %s to the team", sender, number, repository)
            return None
        return self._engine.start_feature(repository, number)

    def comment(self, repository: str, number: int, comment: Comment) -> None:
        """Obey a `/roadcrew` command of a person with write permission; anything else they say is word to the team.

        The team's own text is neither. A person may share the team's identity: what lacks the marker is a person's.
        """
        host = self._crew.desk(repository).host
        if is_own_text(host, comment):
            return
        command, thread = parse_command(comment.body), self._thread_of(repository, number)
        if command is None and not self._is_word(thread, comment):
            return
        own_app = comment.author == host.viewer() and comment.author.endswith(BOT)
        if own_app or not may_decide(host, comment.author):
            what = f"{PREFIX} {command.verb}" if command else "comment"
            reason = "the team's GitHub App is no person" if own_app else ""
            event = unheeded(comment.author, what, comment.id, reason)
            self._crew.audit.once(event, thread.id if thread else feature_of(repository, number))
            logger.info("%s may not steer the team on %s#%d", comment.author, repository, number)
            return
        if thread is None:
            if command is not None and command.verb == "plan":
                self._engine.start_feature(repository, number, said=f"comment:{comment.id}")
        elif self._say(thread, comment) if command is None else self._obey(thread, command, comment):
            try:
                host.react(comment.id, "eyes")
            except CodeHostNotFound:
                logger.info("comment %d is gone since it was heard", comment.id)

    def _is_word(self, thread: ThreadState | None, comment: Comment) -> bool:
        """Whether a comment is said to a delivery under way, and new."""
        if thread is None or thread.status in ENDED or comment.author.endswith(BOT) or not visible(comment.body):
            return False
        began = self._crew.threads.began_at(thread.id)
        late = began is None or comment.created_at is None or comment.created_at >= began.replace(microsecond=0)
        return late and not self._crew.threads.has_letter(thread.id, f"comment:{comment.id}")

    def _say(self, thread: ThreadState, comment: Comment) -> bool:
        payload: dict[str, JsonValue] = {"by": comment.author, "text": visible(comment.body)}
        return self._engine.tell(thread.id, "word", f"comment:{comment.id}", payload)

    def news(self, thread: ThreadState) -> None:
        """Look for commands on the issue and for news at the pull request of a feature thread."""
        host = self._crew.desk(thread.repository).host
        for comment in host.comments(thread.issue):
            self.comment(thread.repository, thread.issue, comment)
        pulls = self._crew.reader.pull_requests(thread.id)
        for pull in pulls:
            for comment in host.comments(pull.number):
                self.comment(thread.repository, pull.number, comment)
            self._tell_of(thread, pull.number, _digest(host, pull.number))

    def _tell_of(self, thread: ThreadState, number: int, digest: str) -> None:
        """Tell a delivery of its pull request when that is not as it was told last; it may have been so before."""
        prefix = f"pull:{number}:"
        times, last = self._crew.threads.told_last(thread.id, prefix)
        if last.partition(":")[2] != digest:
            self._engine.tell(thread.id, "pull_request", f"{prefix}{times}:{digest}", {"number": number})

    def poll(self) -> None:
        """Look for news of every feature that has not ended.

        A repository, issue or pull request that is gone, or closed to us, hides no news of the others; a code host
        that is away does.
        """
        for thread in self._crew.threads.every():
            if thread.kind == "feature" and thread.status not in ENDED:
                try:
                    self.news(thread)
                except CodeHostUnavailable:
                    raise
                except CodeHostError as fault:
                    logger.warning("the code host tells no news of %s: %s", thread.id, fault)

    def pull_request(self, repository: str, number: int) -> None:
        """Look at one pull request that something happened to."""
        thread = self._thread_of(repository, number)
        if thread is not None:
            self.news(thread)

    def _thread_of(self, repository: str, number: int) -> ThreadState | None:
        """Return the feature thread of an issue, or of the pull request with that number."""
        direct = self._crew.threads.get(feature_of(repository, number))
        if direct is not None:
            return direct
        for thread in self._crew.threads.every(repository):
            if thread.kind == "feature" and any(
                pull.number == number for pull in self._crew.reader.pull_requests(thread.id)
            ):
                return thread
        return None

    def _obey(self, thread: ThreadState, command: Command, comment: Comment) -> bool:
        """Carry out one command on a delivery; False when it was carried out before."""
        key, host = f"comment:{comment.id}", self._crew.desk(thread.repository).host
        who = {"by": comment.author}
        if command.verb == "status":
            host.upsert_comment(thread.issue, marker("status", str(comment.id)), standing_text(self._crew, thread))
            return False
        if self._crew.threads.has_letter(thread.id, key):
            return False
        if command.verb == "approve":
            heads = [host.pull_request(pull.number).head_sha for pull in self._crew.reader.pull_requests(thread.id)]
            return self._engine.tell(thread.id, "approve", key, {**who, "head": heads[-1] if heads else None})
        if command.verb == "budget":
            return self._budget(thread, command, key)
        if command.verb == "plan" and thread.status == "failed":
            command = command._replace(verb="retry")
        if command.verb == "plan":
            return self._engine.tell(thread.id, *plan_letter(command, key, comment.author))
        if command.verb == "retry" and command.text:
            self._engine.tell(thread.id, "word", f"{key}:word", {**who, "text": visible(command.text)})
        for child in self._crew.threads.children(thread.id):
            if command.verb == "retry" and child.status in ("failed", "waiting"):
                self._engine.tell(child.id, command.verb, key, dict(who))
        return self._engine.tell(thread.id, command.verb, key, dict(who))  # last: from now on it counts as heard

    def _budget(self, thread: ThreadState, command: Command, key: str) -> bool:
        try:
            dollars = float(command.arguments[0].lstrip("$"))
        except (IndexError, ValueError):
            return False
        return self._engine.tell(thread.id, "budget", key, {"cost_usd": dollars})


def _digest(host: CodeHost, number: int) -> str:
    """Return a digest of all that a delivery looks at in a pull request; it changes when there is news."""
    pull = host.pull_request(number)
    checks = host.check_state(pull.head_sha)
    reviews = [(review.id, review.state, review.commit_id) for review in host.reviews(number)]
    remarks = [remark.id for remark in host.review_comments(number)]
    seen = (
        pull.state,
        pull.merged,
        pull.head_sha,
        pull.mergeable,
        checks.state,
        checks.failed,
        reviews,
        remarks,
    )
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:24]
