"""What is asked of the policies about environments."""

from pydantic import Field, JsonValue

from policies.records import Record


class DevctlUser(Record):
    """Somebody who has environments."""

    name: str
    tier: str
    """What the data knows limits for."""
    role: str = "user"
    """`viewer`, `user` or `admin`."""


class DevctlCaller(Record):
    """The folders of the person at this machine; empty where the question comes over the network."""

    home: str = ""
    workspace: str = ""


class LivingEnvironment(Record):
    """An environment that counts towards its owner's limits."""

    name: str
    phase: str
    cpus: float
    memory_mb: int
    gpu: bool = False


class DevctlImage(Record):
    """The image that is run, built on or scanned."""

    name: str
    cvss: float | None = None
    """The highest CVSS base score of its known vulnerabilities, 0 for none; None where it was not scanned."""
    owner: str = ""
    """For whom it was made; nobody in particular where it is empty."""


class DevctlQuestion(Record):
    """May this be done? The environment is as it is wanted, without the values of its secrets."""

    operation: str
    user: DevctlUser
    """Who asks."""
    owner: DevctlUser
    """Whose environment it is, and whose limits count."""
    caller: DevctlCaller = DevctlCaller()
    subject: str = ""
    """The environment's name, or the image's."""
    environment: dict[str, JsonValue] = Field(default_factory=dict)
    """The wanted environment; for `create` and `start` its limits, egress, gpu and mounts must be there."""
    running: tuple[LivingEnvironment, ...] = ()
    """The owner's others that live."""
    image: DevctlImage | None = None
    packages: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """What is to be installed into an image, by manager: `apt`, `yum`, `pip`, `npm`."""
    details: dict[str, JsonValue] = Field(default_factory=dict)
    """`hours` of a `keep`; `open` tunnels of a `tunnel`; `user` of an `exec`."""
