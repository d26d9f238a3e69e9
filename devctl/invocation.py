"""One call of the `devctl` program: its options, its settings, and how it prints a result."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from devctl.client.client import Client
    from devctl.client.environments import Environments
    from devctl.client.nouns import AccessTokens, Images, Upkeep
    from devctl.fleet.fleet import Fleet
    from devctl.fleet.records import User
    from devctl.launcher import Launcher
    from devctl.settings import DevctlSettings

ENVELOPE_VERSION = 1
DONE, FAILED, USAGE, SETTINGS, UNAVAILABLE, REFUSED, NOT_FOUND, BUG, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 70, 130
"""Exit codes; `devctl run` and `devctl exec` give the command's own status instead, and 124 when its time was up."""


class Invocation:
    """One call of the program."""

    def __init__(self) -> None:
        self.as_json = False
        self.command = ""
        self.backend: str | None = None
        self.folder: Path | None = None

    def settings(self) -> "DevctlSettings":
        """Read the settings, when a command needs them."""
        from devctl.settings import DevctlSettings

        return DevctlSettings.from_environment(backend=self.backend, folder=self.folder)

    def own_settings(self, command: str = "", instead: str = "") -> "DevctlSettings":
        """The settings, for what works on this machine itself.

        Raises SettingsInvalid where a service is named; `instead` says what serves the purpose there.
        """
        from devctl.errors import SettingsInvalid

        settings = self.settings()
        if settings.service_url is not None:
            words = f"devctl {command or self.command}"
            raise SettingsInvalid(
                f"`{words}` works on this machine itself, and DEVCTL_URL names the service {settings.service_url}",
                f"{instead}{'; or ' if instead else ''}run it where the service runs, or with DEVCTL_URL unset for this"
                f" machine: `DEVCTL_URL= {words} …`",
            )
        return settings

    def environments(self, reads_only: bool = False) -> "Environments":
        """Open the caller's environments: those of DEVCTL_URL's service, or those of this machine (see `fleet`)."""
        settings = self.settings()
        if settings.service_url is not None:
            return self._service(settings)
        from devctl.client.local import LocalClient

        return LocalClient(self.fleet(reads_only), self.person(), settings)

    def images(self) -> "Images":
        """The caller's images: those of DEVCTL_URL's service, or those of this machine's engine; no state is opened."""
        settings = self.settings()
        if settings.service_url is not None:
            return self._service(settings).images
        from devctl.client.local_images import LocalImages

        return LocalImages(settings, self.person())

    def upkeep(self) -> "Upkeep":
        """What keeps a machine in order: that of DEVCTL_URL's service, or this one."""
        settings = self.settings()
        if settings.service_url is not None:
            return self._service(settings).upkeep
        from devctl.client.local_upkeep import LocalUpkeep

        return LocalUpkeep(settings, self.fleet, self.has_state())

    def tokens(self) -> "AccessTokens":
        """Who may use DEVCTL_URL's service, or that of this machine."""
        settings = self.settings()
        if settings.service_url is not None:
            return self._service(settings).tokens
        from devctl.client.local_upkeep import LocalTokens

        return LocalTokens(settings)

    def _service(self, settings: "DevctlSettings") -> "Client":
        from devctl.client.opening import open_service

        if self.backend is not None:
            raise click.UsageError(
                "--backend and --unsandboxed choose for this machine, and DEVCTL_URL names a service"
            )
        return open_service(settings)

    def launcher(self) -> "Launcher":
        """Open the launcher, with the policy that asks before every launch."""
        from devctl.launcher import open_launcher

        settings = self.settings()
        return open_launcher(settings, settings.policy())

    def has_state(self) -> bool:
        """Whether anybody can be asked for environments; no database is started to ask an empty one."""
        settings = self.settings()
        there = settings.service_url is not None or settings.database_url is not None
        return there or (settings.folder / "state").exists()

    def fleet(self, reads_only: bool = False) -> "Fleet":
        """Open this machine's fleet, with the policy that decides what is done with its environments.

        For a command that only reads rows the policy is not loaded: nothing is asked of it.
        """
        from devctl.fleet import open_fleet

        settings = self.own_settings()
        if reads_only:
            return open_fleet(settings, None)
        from devctl.admission.questions import CallerFolders

        return open_fleet(settings, settings.policy(), CallerFolders(home=Path.home(), workspace=Path.cwd()))

    def person(self) -> "User":
        """Who calls: the local account, with the tier of DEVCTL_TIER; the machine's owner may see all."""
        import getpass

        from devctl.fleet.records import User

        settings = self.settings()
        name = settings.user or getpass.getuser()
        return User(name=name, tier=settings.tier, role="admin" if settings.tier == "owner" else "user")

    def show(self, data: object, lines: Sequence[str]) -> None:
        """Print a result: as one JSON envelope, or as lines for people."""
        if self.as_json:
            envelope = {"version": ENVELOPE_VERSION, "command": self.command, "data": data}
            sys.stdout.write(json.dumps(envelope, indent=2, default=str) + "\n")
        else:
            sys.stdout.write("".join(f"{line}\n" for line in lines))


def _wish_json(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    if value:
        context.ensure_object(Invocation).as_json = True
    return value


json_option: Callable[..., Any] = click.option(
    "--json", "as_json", is_flag=True, expose_value=False, is_eager=True, callback=_wish_json,
    help="Print one JSON envelope.",
)  # fmt: skip
