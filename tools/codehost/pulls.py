"""Pull requests, their reviews and their merge."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from tools.codehost.connection import Connection, login_of
from tools.codehost.records import MergeMethod, PullRequest, PullRequestFile, ReviewComment, ReviewRecord
from tools.codehost.text import BODY_LIMIT, checked_marker, with_marker
from tools.errors import CodeHostConflict

if TYPE_CHECKING:
    from github import File
    from github import PullRequest as github_pull
    from github import PullRequestComment as github_comment
    from github import PullRequestReview as github_review
    from github.Repository import Repository

logger = logging.getLogger(__name__)


class PullRequestCalls(Connection):
    """Calls about pull requests within the repository; forks are not used."""

    def upsert_pull_request(self, head: str, base: str, title: str, body: str, draft: bool = False) -> PullRequest:
        """The one pull request from branch `head`, opened, or brought up to date in title, body and base.

        A merged one that holds the branch's present head is returned as it is. One that a person closed is
        not reopened: there is a new one. `draft` counts only when it is opened.
        """
        text, name = self._body(body), self._title(title)

        def write(repo: "Repository") -> tuple[str, PullRequest]:
            found = self._newest_of(repo, head)
            if found is not None and found.state == "open":
                if (found.title, found.body or "", found.base.ref) == (name, text, base):
                    return "kept", _pull(found)
                found.edit(title=name, body=text, base=base)
                return "updated", _pull(found)
            if found is not None and found.merged and found.head.sha == repo.get_git_ref(f"heads/{head}").object.sha:
                return "kept", _pull(found)
            return "opened", _pull(repo.create_pull(base, head, title=name, body=text, draft=draft))

        what, pull = self._do(f"open a pull request from {head} to {base}", write)
        if what != "kept":
            logger.info("%s pull request #%d from %s in %s", what, pull.number, head, self.settings.repository)
        return pull

    def pull_request(self, number: int) -> PullRequest:
        """One pull request."""
        return self._do(f"read pull request #{number}", lambda repo: _pull(repo.get_pull(number)))

    def pull_request_files(self, number: int) -> list[PullRequestFile]:
        """The files that a pull request changes; hosts list at most 3,000."""
        return self._do(
            f"read the files of pull request #{number}",
            lambda repo: [_file(file) for file in repo.get_pull(number).get_files()],
        )

    def reviews(self, number: int) -> list[ReviewRecord]:
        """The reviews of a pull request, oldest first."""
        return self._do(
            f"read the reviews of pull request #{number}",
            lambda repo: [_review(review) for review in repo.get_pull(number).get_reviews()],
        )

    def review_comments(self, number: int) -> list[ReviewComment]:
        """The comments on lines of a pull request, oldest first."""
        return self._do(
            f"read the review comments of pull request #{number}",
            lambda repo: [_review_comment(comment) for comment in repo.get_pull(number).get_review_comments()],
        )

    def reply_to_review_comment(self, number: int, comment_id: int, body: str) -> ReviewComment:
        """Answer a comment on a line, under a hidden marker as all our text; the same answer of ours is given once."""
        mark, me = checked_marker(f"<!-- roadcrew:answer:{comment_id} -->"), self.viewer()
        text = with_marker(mark, self._masked(body), BODY_LIMIT)

        def write(repo: "Repository") -> ReviewComment:
            pull = repo.get_pull(number)
            for comment in pull.get_review_comments():
                is_answer = comment.in_reply_to_id == comment_id and login_of(comment.user) == me
                if is_answer and comment.body == text:
                    return _review_comment(comment)
            return _review_comment(pull.create_review_comment_reply(comment_id, text))

        answer = self._do(f"answer review comment {comment_id} of #{number}", write)
        logger.info("answered review comment %d of #%d in %s", comment_id, number, self.settings.repository)
        return answer

    def request_review(self, number: int, users: Sequence[str]) -> None:
        """Ask people for a review; those who are asked already are asked once."""
        self._do(
            f"ask {', '.join(users)} to review pull request #{number}",
            lambda repo: repo.get_pull(number).create_review_request(reviewers=list(users)),
        )
        logger.info("asked %s to review #%d of %s", ", ".join(users), number, self.settings.repository)

    def submit_review(
        self, number: int, event: Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"], body: str
    ) -> ReviewRecord:
        """Review the pull request's present head; nobody may approve their own (CodeHostInvalid)."""
        made = self._do(
            f"review pull request #{number}",
            lambda repo: _review(repo.get_pull(number).create_review(body=self._body(body), event=event)),
            repeatable=False,
        )
        logger.info("reviewed #%d of %s: %s", number, self.settings.repository, event)
        return made

    def merge(self, number: int, method: MergeMethod, expected_head_sha: str) -> str:
        """Merge a pull request if its head is still the expected one; the commit on the base branch.

        A merged one is success, whoever merged it. CodeHostConflict when protection forbids it, the head
        moved or the branches conflict.
        """
        doing = f"merge pull request #{number}"

        def write(repo: "Repository") -> tuple[bool, str]:
            pull = repo.get_pull(number)
            if pull.merged:
                return False, pull.merge_commit_sha
            return True, pull.merge(merge_method=method, sha=expected_head_sha).sha

        try:
            is_ours, sha = self._do(doing, write)
        except CodeHostConflict:
            now = self.pull_request(number)
            if now.merged and now.merge_sha:
                return now.merge_sha
            raise
        if is_ours:
            logger.info("merged pull request #%d of %s: %s", number, self.settings.repository, sha[:12])
        return sha

    def _newest_of(self, repo: "Repository", head: str) -> "github_pull.PullRequest | None":
        """The open pull request of a branch, else its newest one."""
        owner = self.settings.repository.split("/")[0]
        found = [
            pull
            for pull in repo.get_pulls(state="all", head=f"{owner}:{head}", sort="created", direction="desc")
            if pull.head.ref == head
        ]
        still_open = [pull for pull in found if pull.state == "open"]
        return next(iter(still_open or found), None)


def _pull(pull: "github_pull.PullRequest") -> PullRequest:
    return PullRequest(
        number=pull.number,
        title=pull.title,
        body=pull.body or "",
        author=login_of(pull.user),
        url=pull.html_url,
        state=pull.state,
        merged=bool(pull.merged),
        draft=bool(pull.draft),
        head_ref=pull.head.ref,
        head_sha=pull.head.sha,
        base_ref=pull.base.ref,
        mergeable=pull.mergeable,
        mergeable_state=pull.mergeable_state or "unknown",
        merge_sha=pull.merge_commit_sha if pull.merged else None,
    )


def _file(file: "File.File") -> PullRequestFile:
    return PullRequestFile(
        path=file.filename,
        status=file.status,
        additions=file.additions,
        deletions=file.deletions,
        previous_path=file.previous_filename,
        patch=file.patch,
    )


def _review(review: "github_review.PullRequestReview") -> ReviewRecord:
    return ReviewRecord(
        id=review.id,
        author=login_of(review.user),
        state=review.state,
        body=review.body or "",
        commit_id=review.commit_id or "",
        submitted_at=review.submitted_at,
    )


def _review_comment(comment: "github_comment.PullRequestComment") -> ReviewComment:
    return ReviewComment(
        id=comment.id,
        review_id=comment.pull_request_review_id,
        author=login_of(comment.user),
        body=comment.body or "",
        path=comment.path,
        line=comment.line,
        in_reply_to=comment.in_reply_to_id,
        commit_id=comment.commit_id or "",
        url=comment.html_url,
        created_at=comment.created_at,
    )
