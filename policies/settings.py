"""How the policies are asked."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class PolicySettings(BaseModel):
    """Which engine decides, by which rules."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    opa_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+$")
    """Base URL of an OPA server, such as `http://127.0.0.1:8181`; None decides in process."""
    opa_token: SecretStr | None = None
    """Bearer token for the OPA server."""
    opa_seconds: float = Field(default=5.0, gt=0)
    """Time that one request to the OPA server may take."""
    dry_run: bool = False
    """Log what the rules would deny, and allow it. An engine that fails still denies."""
    extra_rules: Path | None = None
    """A folder with more `*.rego` files and, if wanted, a `data.yaml`."""
