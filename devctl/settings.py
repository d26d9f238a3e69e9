"""The settings of devctl, read once by the command and passed down."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, ValidationError

from devctl.errors import SettingsInvalid
from devctl.records import BackendName, Record

if TYPE_CHECKING:
    from devctl.reaper.records import ReaperRules
    from policies import PolicyEngine

PASSED_TO_INSTALLER = (
    *(
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
    ),
    *(
        "PIP_INDEX_URL",
        "UV_INDEX_URL",
        "UV_EXTRA_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
        "UV_HTTP_TIMEOUT",
    ),
    *("NPM_CONFIG_REGISTRY", "npm_config_registry"),
    *("GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOFLAGS"),
)
"""Variables of the host that the installer sees, besides the certificates; nothing else is passed on."""

PASSED_TO_TOOLCHAINS = (
    *("HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_HOME", "GOROOT", "JAVA_HOME", "M2_HOME", "MAVEN_HOME"),
    *("GRADLE_HOME", "NVM_DIR", "VOLTA_HOME", "ASDF_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR", "SDKMAN_DIR"),
)
"""Variables by which programs of this host find themselves; only their questions of version see them."""

PASSED_TO_GIT = (
    *("HOME", "USER", "LOGNAME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND"),
    *("GIT_ASKPASS", "SSH_ASKPASS", "GIT_CONFIG_GLOBAL", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "GNUPGHOME", "PATH"),
    *PASSED_TO_INSTALLER[:8],
)
"""Variables with which the caller's own git finds its settings, its keys and its way out."""

PASSED_TO_BUILDER = ("HOME", "DOCKER_CONFIG", *PASSED_TO_INSTALLER[:8])
"""Variables with which buildx finds the caller's credentials of registries, and its way out."""

LOCAL_ENV = ("USER", "LANG", "LC_ALL", "TZ")
"""Variables of the caller that a devcontainer.json may read; DEVCTL_LOCAL_ENV names more, with commas."""

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
"""Where the Docker engine of a machine is reached."""
_TLS = ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")


class DevctlSettings(Record):
    """Where devctl keeps things, which backend it takes, and what the installer is told."""

    folder: Path
    """Folder of the caches and of the running environments; private to its user."""
    backend: BackendName | None = None
    """The backend to take; None takes bubblewrap, or Docker where that does not work. `none` is no sandbox at all."""
    docker_host: str | None = None
    """Address of the Docker engine; None takes the usual socket."""
    docker_tls: dict[str, str] = {}
    """`DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`, for an engine on another host."""
    docker_image: str = "python:3.11-slim-bookworm"
    """The image of environments that name none."""
    docker_prepare_network: str = "bridge"
    """The Docker network in which dependencies are installed."""
    database_url: str | None = None
    """The PostgreSQL that holds the state of kept environments; None starts one of its own in the folder."""
    tier: str = "owner"
    """What the policy's data knows limits for, of the person at the command line."""
    user: str | None = None
    """Whose environments the command line works on; None is the local account."""
    service_url: str | None = None
    """The service whose environments the command line works on; None is the fleet of this machine."""
    service_token: SecretStr | None = None
    """The token for it."""
    service_token_file: Path | None = None
    """A file that holds the token, where it is not given itself."""
    service_ca: Path | None = None
    """The CA that the service's certificate is checked with; None takes the system's."""
    opa_url: str | None = None
    """An OPA server that decides; None decides in this process."""
    opa_token: SecretStr | None = None
    """Its bearer token."""
    policy_dry_run: bool = False
    """Allow what the rules deny, and write it down."""
    policy_rules: Path | None = None
    """A folder of more rules and data."""
    build_cache: str | None = None
    """Repository in a registry that keeps the layers of builds; None keeps them in the folder."""
    buildkit: str | None = None
    """Address of a BuildKit, such as `unix:///run/buildkit/buildkitd.sock`; None has buildx start one in a container."""
    buildx: Path | None = None
    """The buildx program; None looks for it on the path and among Docker's plugins."""
    wanted_images: tuple[str, ...] = ()
    """A program that names images which will be needed, one in a line; DEVCTL_WANTED_IMAGES, shell words."""
    on_image_built: tuple[str, ...] = ()
    """A program that is told of each image the wizard made, as JSON on its input; DEVCTL_ON_IMAGE_BUILT, shell words."""
    osv_url: str = "https://api.osv.dev"
    """An OSV service, which knows the vulnerabilities of packages."""
    builder_env: dict[str, str] = {}
    """What buildx needs of the caller's variables: where Docker's credentials lie, and proxies."""
    idle_seconds: float = Field(default=4 * 3600, gt=0)
    """How long an environment must be unused, and at rest, to be stopped by the reaper."""
    reap_seconds: float = Field(default=1800, gt=0)
    """From one look for idle environments to the next."""
    idle_cpu_percent: float = Field(default=2.0, gt=0)
    """Mean processor time from which on an environment is at work; 100 is one core."""
    pool: bool = False
    """Whether containers are kept warm, so that a launch on Docker takes one that runs already."""
    pool_minimum: int = Field(default=1, ge=0)
    """Kept warm of each shape that was asked for within the last hour."""
    pool_maximum: int = Field(default=4, ge=1)
    """Most of one shape."""
    pool_total: int = Field(default=8, ge=1)
    """Most of all shapes on one host."""
    pool_paused: bool = False
    """Whether they are frozen until they are claimed."""
    interpreter: Path = Field(default_factory=lambda: base_interpreter())
    """The Python of this host that environments under bubblewrap have."""
    installer_env: dict[str, str] = {}
    """Proxy and package index for the installer."""
    search_path: str = os.defpath
    """Where the toolchains of this host are looked for, as PATH."""
    toolchain_env: dict[str, str] = {}
    """What toolchains of this host need to find themselves, such as HOME."""
    ssh_config: Path | None = None
    """The settings file that ssh reads on its way to hosts, instead of the user's own."""
    git_env: dict[str, str] = {}
    """What the caller's git needs to clone with the caller's rights; none of it reaches an environment."""
    local_env: dict[str, str] = {}
    """What `${localEnv:NAME}` of a devcontainer.json may read."""
    certificates: Path | None = None
    """A file of CA certificates that the installer trusts; None leaves it the system's."""

    def policy(self) -> "PolicyEngine":
        """Open the engine that decides; raises RulesInvalid when the rules cannot be used."""
        from policies import PolicySettings, open_engine

        return open_engine(
            PolicySettings(
                opa_url=self.opa_url, opa_token=self.opa_token, dry_run=self.policy_dry_run,
                extra_rules=self.policy_rules,
            )
        )  # fmt: skip

    def reaper(self) -> "ReaperRules":
        """What the idle reaper goes by."""
        from devctl.reaper.records import ReaperRules

        return ReaperRules(
            idle_seconds=self.idle_seconds, pass_seconds=self.reap_seconds, cpu_percent=self.idle_cpu_percent
        )

    @property
    def hook_env(self) -> dict[str, str]:
        """The variables of programs that devctl tells of something, or asks."""
        return {"PATH": self.search_path, **self.toolchain_env}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **given: object) -> "DevctlSettings":
        """Read the settings from variables, the process's own by default; `given` values win.

        Raises SettingsInvalid.
        """
        environment = os.environ if environment is None else environment
        found: dict[str, object] = {
            "folder": _folder(environment),
            "docker_tls": {name: environment[name] for name in _TLS if environment.get(name)},
            "installer_env": {name: environment[name] for name in PASSED_TO_INSTALLER if environment.get(name)},
            "search_path": environment.get("PATH", os.defpath),
            "toolchain_env": {name: environment[name] for name in PASSED_TO_TOOLCHAINS if environment.get(name)},
            "git_env": {name: environment[name] for name in PASSED_TO_GIT if environment.get(name)},
            "wanted_images": tuple(shlex.split(environment.get("DEVCTL_WANTED_IMAGES", ""))),
            "on_image_built": tuple(shlex.split(environment.get("DEVCTL_ON_IMAGE_BUILT", ""))),
            "builder_env": {name: environment[name] for name in PASSED_TO_BUILDER if environment.get(name)},
            "local_env": _local_env(environment),
            "certificates": next((environment[name] for name in CERTIFICATES if environment.get(name)), None),
        }
        names = {
            "backend": "DEVCTL_BACKEND",
            "docker_host": "DOCKER_HOST",
            "database_url": "DEVCTL_DATABASE_URL",
            "tier": "DEVCTL_TIER",
            "ssh_config": "DEVCTL_SSH_CONFIG",
            "user": "DEVCTL_USER",
            "docker_image": "DEVCTL_IMAGE",
            "build_cache": "DEVCTL_BUILD_CACHE",
            "buildkit": "DEVCTL_BUILDKIT",
            "osv_url": "DEVCTL_OSV_URL",
            "buildx": "DEVCTL_BUILDX",
            "docker_prepare_network": "DEVCTL_PREPARE_NETWORK",
            "interpreter": "DEVCTL_PYTHON",
            "pool": "DEVCTL_POOL",
            "pool_minimum": "DEVCTL_POOL_MINIMUM",
            "pool_maximum": "DEVCTL_POOL_MAXIMUM",
            "pool_total": "DEVCTL_POOL_TOTAL",
            "pool_paused": "DEVCTL_POOL_PAUSED",
            "idle_seconds": "DEVCTL_IDLE_SECONDS",
            "reap_seconds": "DEVCTL_REAP_SECONDS",
            "idle_cpu_percent": "DEVCTL_IDLE_CPU_PERCENT",
            "service_url": "DEVCTL_URL",
            "service_token": "DEVCTL_TOKEN",
            "service_token_file": "DEVCTL_TOKEN_FILE",
            "service_ca": "DEVCTL_CA",
            "opa_url": "OPA_URL",
            "opa_token": "OPA_TOKEN",
            "policy_dry_run": "DEVCTL_POLICY_DRY_RUN",
            "policy_rules": "DEVCTL_POLICY_RULES",
        }
        found |= {field: environment[name] for field, name in names.items() if environment.get(name)}
        found |= {field: value for field, value in given.items() if value is not None}
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            field = str(problem["loc"][0]) if problem["loc"] else ""
            raise SettingsInvalid(
                f"the setting {names.get(field, field)} is {problem.get('input')!r}: {problem['msg']}",
                "correct the variable or leave it unset",
            ) from error


def caller_variable(name: str) -> str | None:
    """A variable of this process that the person named on the command line; None where it is not set."""
    return os.environ.get(name)


def _local_env(environment: Mapping[str, str]) -> dict[str, str]:
    more = [name.strip() for name in environment.get("DEVCTL_LOCAL_ENV", "").split(",") if name.strip()]
    return {name: environment[name] for name in (*LOCAL_ENV, *more) if name in environment}


def _folder(environment: Mapping[str, str]) -> Path:
    if given := environment.get("DEVCTL_FOLDER"):
        return Path(given)
    cache = environment.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path(environment.get("HOME") or Path.home()) / ".cache") / "devctl"


def base_interpreter() -> Path:
    """The Python this program builds on, outside any virtual environment."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (Path(sys.base_prefix) / "bin" / name, Path(sys.base_prefix) / "bin" / "python3"):
        if candidate.exists():
            return candidate.resolve()
    return Path(sys.executable).resolve()
