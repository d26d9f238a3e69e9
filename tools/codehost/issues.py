"""Issues, their comments and labels."""

import itertools
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from tools.codehost.connection import Connection, login_of
from tools.codehost.records import Comment, Issue, LabelledIssues
from tools.codehost.text import BODY_LIMIT, checked_marker, with_marker
from tools.errors import CodeHostNotFound

if TYPE_CHECKING:
    from github import Issue as github_issue
    from github import IssueComment as github_comment
    from github.Repository import Repository

logger = logging.getLogger(__name__)

Reaction = Literal["eyes", "+1", "-1", "rocket", "confused", "heart", "hooray", "laugh"]


class IssueCalls(Connection):
    """Calls about issues; pull requests have comments and labels as issues do, by the same number."""

    def issue(self, number: int) -> Issue:
        """One issue."""
        return self._do(f"read issue #{number}", lambda repo: _issue(repo.get_issue(number)))

    def create_issue(self, title: str, body: str, labels: Sequence[str] = ()) -> Issue:
        """A new issue. Calling it twice makes two."""
        text, head = self._body(body), self._title(title)
        made = self._do(
            "create an issue",
            lambda repo: _issue(repo.create_issue(head, text, labels=list(labels))),
            repeatable=False,
        )
        logger.info("created issue #%d in %s", made.number, self.settings.repository)
        return made

    def list_issues(self, label: str | None = None, since: datetime | None = None, state: str = "open") -> list[Issue]:
        """Issues without pull requests, newest first: with this label, changed at or after this time."""

        def read(repo: "Repository") -> list[Issue]:
            from github.GithubObject import NotSet

            found = repo.get_issues(
                state=state,
                labels=[label] if label else NotSet,
                since=since if since else NotSet,
            )
            return [_issue(issue) for issue in found if issue.pull_request is None]

        return self._do("list issues", read)

    def labelled(self, label: str, tag: str = "") -> LabelledIssues | None:
        """The open issues with a label, or None while they are as they were when the host gave this tag.

        That answer costs nothing of GitHub's rate limit:
        https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
        """

        def read(repo: "Repository") -> LabelledIssues | None:
            import github

            # the last changed first: with many pages, a change shows on the first
            asked = {"state": "open", "labels": label, "sort": "updated", "direction": "desc", "per_page": 100}
            issues: list[Issue] = []
            fresh = ""
            for number in itertools.count(1):
                headers, found = repo.requester.requestJsonAndCheck(
                    "GET",
                    f"{repo.url}/issues",
                    parameters={**asked, "page": number},
                    headers={"If-None-Match": tag} if tag and number == 1 else {},
                )
                if found is None:
                    return None
                fresh = fresh or str(headers.get("etag", ""))
                # what a list leaves out is not there: PyGithub would ask for each issue whether it is a pull request
                listed = [github.Issue.Issue(repo.requester, headers, one, completed=True) for one in found]
                issues += [_issue(issue) for issue in listed if issue.pull_request is None]
                if 'rel="next"' not in headers.get("link", ""):
                    break
            return LabelledIssues(issues=tuple(issues), tag=fresh)

        return self._do(f"list issues labelled {label}", read)

    def labelled_by(self, number: int, label: str) -> str | None:
        """Who gave an issue its label, the last time that somebody did; None where the host does not tell."""

        def read(repo: "Repository") -> str | None:
            events = repo.get_issue(number).get_events()
            given = [event for event in events if event.event == "labeled" and event.label.name == label]
            return login_of(given[-1].actor) if given else None

        return self._do(f"read who labelled #{number}", read)

    def close_issue(self, number: int, reason: Literal["completed", "not_planned"] = "completed") -> None:
        """Close an issue; a closed one stays as it is."""

        def close(repo: "Repository") -> bool:
            issue = repo.get_issue(number)
            if issue.state == "closed":
                return False
            issue.edit(state="closed", state_reason=reason)
            return True

        if self._do(f"close issue #{number}", close):
            logger.info("closed issue #%d of %s", number, self.settings.repository)

    def comments(self, number: int, since: datetime | None = None) -> list[Comment]:
        """The comments of an issue or pull request, oldest first; `since`: those changed since then."""

        def read(repo: "Repository") -> list[Comment]:
            from github.GithubObject import NotSet

            found = repo.get_issue(number).get_comments(since=since if since else NotSet)
            return [_comment(comment) for comment in found]

        return self._do(f"read the comments of #{number}", read)

    def upsert_comment(self, number: int, marker: str, body: str) -> Comment:
        """Our one comment with this hidden marker (`<!-- roadcrew:kind:key -->`), made or brought up to date.

        Only comments of our own count, so that nobody can have us edit theirs by copying a marker.
        """
        mark, me = checked_marker(marker), self.viewer()
        text = with_marker(mark, self._masked(body), BODY_LIMIT)

        def write(repo: "Repository") -> tuple[str, Comment]:
            issue = repo.get_issue(number)
            for comment in issue.get_comments():
                if login_of(comment.user) == me and comment.body.startswith(mark):
                    if _same(comment.body, text):
                        return "kept", _comment(comment)
                    comment.edit(text)
                    return "edited", _comment(comment)
            return "wrote", _comment(issue.create_comment(text))

        what, comment = self._do(f"comment on #{number}", write)
        if what != "kept":
            logger.info("%s comment %s on #%d of %s", what, mark, number, self.settings.repository)
        return comment

    def react(self, comment_id: int, reaction: Reaction = "eyes") -> None:
        """React to a comment on an issue or pull request; the same reaction twice is one."""

        def write(repo: "Repository") -> None:
            # PyGithub reaches a comment only through its issue, whose number is not needed for this route
            url = f"{repo.url}/issues/comments/{comment_id}/reactions"
            repo.requester.requestJsonAndCheck("POST", url, input={"content": reaction})

        self._do(f"react to comment {comment_id}", write)
        logger.info("reacted with %s to comment %d in %s", reaction, comment_id, self.settings.repository)

    def set_labels(self, number: int, labels: Sequence[str]) -> None:
        """Give an issue exactly these labels."""
        self._do(f"set the labels of #{number}", lambda repo: repo.get_issue(number).set_labels(*labels))
        logger.info("labels of #%d in %s: %s", number, self.settings.repository, ", ".join(labels))

    def add_labels(self, number: int, *labels: str) -> None:
        """Add labels to an issue; those that it has stay."""
        self._do(f"label #{number}", lambda repo: repo.get_issue(number).add_to_labels(*labels))
        logger.info("labelled #%d in %s: %s", number, self.settings.repository, ", ".join(labels))

    def remove_label(self, number: int, label: str) -> None:
        """Take a label off an issue; one that is not there is off already."""
        try:
            self._do(f"unlabel #{number}", lambda repo: repo.get_issue(number).remove_from_labels(label))
        except CodeHostNotFound:
            self.issue(number)  # the label may be missing, the issue may not
            return
        logger.info("took label %s off #%d in %s", label, number, self.settings.repository)


def _same(stored: str, text: str) -> bool:
    """Whether a stored text is the one we would write; hosts change line ends and trailing space."""
    return stored.replace("\r\n", "\n").rstrip() == text.rstrip()


def _issue(issue: "github_issue.Issue") -> Issue:
    return Issue(
        number=issue.number,
        title=issue.title,
        body=issue.body or "",
        author=login_of(issue.user),
        labels=tuple(label.name for label in issue.labels),
        state=issue.state,
        url=issue.html_url,
        is_pull_request=issue.pull_request is not None,
        created_at=issue.created_at,
        updated_at=issue.updated_at,
    )


def _comment(comment: "github_comment.IssueComment") -> Comment:
    return Comment(
        id=comment.id,
        author=login_of(comment.user),
        body=comment.body or "",
        url=comment.html_url,
        created_at=comment.created_at,
        updated_at=comment.updated_at,
    )
