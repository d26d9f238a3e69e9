"""What the tests of the face share with those of whole deliveries: the workspace, offices and a small repository."""

from tests.e2e.conftest import office, repository, settings

__all__ = ["office", "repository", "settings"]
