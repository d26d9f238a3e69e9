"""The repository itself: what it is, who may do what, its branches and webhooks."""

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, cast

from tools.codehost.connection import Connection
from tools.codehost.records import Permission, RepositoryInfo
from tools.errors import CodeHostConflict, CodeHostInvalid, CodeHostNotFound, CodeHostRefused

if TYPE_CHECKING:
    from github.Repository import Repository

logger = logging.getLogger(__name__)


class RepositoryCalls(Connection):
    """Calls about the repository."""

    def repository(self) -> RepositoryInfo:
        """The repository; CodeHostNotFound when there is none that the token may see."""
        return self._do(f"read {self.settings.repository}", _info)

    def ensure_repository(self, private: bool = True) -> RepositoryInfo:
        """The repository, created empty if there is none; `private` counts only then."""
        try:
            return self.repository()
        except CodeHostNotFound:
            pass
        owner, name = self.settings.repository.split("/")
        own = owner.lower() == self.viewer().lower()

        def create(_: "Repository") -> RepositoryInfo:
            github = self._github()
            holder = github.get_user() if own else github.get_organization(owner)
            return _info(holder.create_repo(name, private=private, auto_init=False))

        try:
            made = self._do(f"create the repository {self.settings.repository}", create, repeatable=False)
        except CodeHostInvalid:
            return self.repository()  # somebody else was faster; if not, this says what is wrong
        logger.info("created the repository %s", made.full_name)
        return made

    def permission(self, user: str) -> Permission:
        """What a user may do; none for everybody that the host does not surely say more of."""
        if not user:
            return "none"
        try:
            found = self._do(f"read the permission of {user}", lambda repo: repo.get_collaborator_permission(user))
        except (CodeHostNotFound, CodeHostRefused, CodeHostInvalid) as error:
            logger.warning("the permission of %s is taken as none: %s", user, error)
            return "none"
        return cast(Permission, found) if found in {"admin", "write", "read"} else "none"

    def add_collaborator(self, user: str, permission: Literal["pull", "push", "admin"]) -> None:
        """Give a user rights in the repository; repeating it changes nothing."""
        self._do(f"add the collaborator {user}", lambda repo: repo.add_to_collaborators(user, permission))
        logger.info("%s has the right to %s in %s", user, permission, self.settings.repository)

    def protect(self, branch: str, contexts: Sequence[str], approvals: int) -> None:
        """Have merges into a branch need these green contexts and this many approving reviews."""
        self._do(
            f"protect the branch {branch}",
            lambda repo: repo.get_branch(branch).edit_protection(
                strict=False, contexts=list(contexts), required_approving_review_count=approvals
            ),
        )
        logger.info("protected %s of %s", branch, self.settings.repository)

    def branch_head(self, name: str) -> str | None:
        """The commit at a branch's head, or None when there is no such branch."""
        try:
            return self._do(f"read branch {name}", lambda repo: repo.get_git_ref(f"heads/{name}").object.sha)
        except CodeHostNotFound:
            return None
        except CodeHostConflict:
            return None  # GitHub's answer for a repository without any commit

    def ensure_branch(self, name: str, sha: str) -> str:
        """The head of the branch, which is made at `sha` if there is none; a branch that is there stays."""
        head = self.branch_head(name)
        if head is not None:
            return head
        try:
            self._do(f"create branch {name}", lambda repo: repo.create_git_ref(f"refs/heads/{name}", sha).ref)
        except CodeHostInvalid:
            head = self.branch_head(name)  # "Reference already exists": made meanwhile, or by a lost attempt
            if head is None:
                raise
            return head
        logger.info("created branch %s at %s in %s", name, sha[:12], self.settings.repository)
        return sha

    def delete_branch(self, name: str) -> None:
        """Delete a branch; one that is not there is deleted already."""
        if self.branch_head(name) is None:
            return
        try:
            # completed first: only the host knows the address under which a reference is deleted
            self._do(f"delete branch {name}", lambda repo: repo.get_git_ref(f"heads/{name}").complete().delete())
        except CodeHostNotFound:
            return
        except CodeHostInvalid:
            if self.branch_head(name) is not None:
                raise
            return
        logger.info("deleted branch %s in %s", name, self.settings.repository)

    def ensure_webhook(
        self, url: str, secret: str, events: Sequence[str], replaces: "re.Pattern[str] | None" = None
    ) -> None:
        """Have the events sent to the URL, signed with the secret; there is one webhook for a URL.

        The host does not tell a webhook's secret, so the webhook is written each time. Webhooks to other URLs that
        `replaces` matches wholly, such as former addresses of ours, are removed.
        """
        config = {"url": url, "secret": secret, "content_type": "json"}

        def write(repo: "Repository") -> None:
            hooks = list(repo.get_hooks())
            there = next((hook for hook in hooks if hook.config.get("url") == url), None)
            if there is not None:
                there.edit("web", config, events=list(events), active=True)
            else:
                repo.create_hook("web", config, events=list(events), active=True)
            for hook in hooks:
                if hook is not there and replaces is not None and replaces.fullmatch(str(hook.config.get("url"))):
                    hook.delete()

        self._do(f"set the webhook {url}", write)
        logger.info("webhook %s of %s is set", url, self.settings.repository)


def _info(repo: "Repository") -> RepositoryInfo:
    return RepositoryInfo(
        full_name=repo.full_name,
        default_branch=repo.default_branch,
        clone_url=repo.clone_url,
        url=repo.html_url,
        private=repo.private,
    )
