"""How a forge is set up: read once from the command line and passed down."""

from pathlib import Path

from forge.records import Record


class ForgeSettings(Record):
    """All that the server needs to know."""

    data: Path
    """The folder that holds the database, the repositories and the cookie secret."""
    url: str
    """The address that others use, without a trailing slash; it goes into webhook payloads."""
    admin_token: str
    trusted_hosts: tuple[str, ...] | None = ("127.0.0.1", "localhost", "[::1]")
    """Host headers that are answered; None answers all."""
    api_body_bytes: int = 64 * 1024 * 1024
    requests_per_hour: int = 1_000_000
    """How many requests to the API one person may make."""
    webhook_seconds: float = 10.0
    delivery_days: float = 3.0
    """How long a webhook that was sent stays in the log."""
    deliveries_kept: int = 1_000
    """How many of them stay for each hook."""
    git_seconds: float = 600.0
