"""Tunnels that the service opens, lists and closes."""

import builtins
import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from devctl.client.wire import Wire, place
from devctl.errors import DevctlError, NoSuchResource, ServiceUnreachable, SettingsInvalid
from devctl.tunnels.records import OpenTunnel, Trust, TunnelWish

_LOOK_SECONDS = 1.0
_TRIES = 5
"""How often in a row a service may not answer before its tunnels are taken for ended."""


class RemoteTunnels:
    """HTTPS links to ports of environments; they live and die with the service."""

    def __init__(self, wire: Wire, folder: Callable[[], Path]) -> None:
        """`folder` gives the place of this machine for certificates of services."""
        self._wire = wire
        self._folder = folder

    def hold(self, name: str, wish: TunnelWish) -> "RemoteTunnel":
        """Have the service serve a link as long as the context lasts."""
        if wish != TunnelWish(port=wish.port, ttl=wish.ttl):
            raise SettingsInvalid(
                f"where tunnels of {self._wire.url} listen, and how they are called, is said where it runs",
                "leave --listen and --name away; `devctl serve --tunnel-host … --tunnel-name …` says it there",
            )
        return RemoteTunnel(self, self.open(name, wish.port, wish.ttl.total_seconds()))

    def open(self, name: str, port: int, seconds: float = 8 * 3600) -> OpenTunnel:
        """Open a link to a port inside, for so long; whoever has the link, gets in."""
        wish = {"port": port, "seconds": seconds}
        return OpenTunnel.model_validate(self._wire.json("POST", place("environments", name, "tunnels"), wish))

    def list(self, *, all_users: bool = False, ended: bool = False) -> builtins.list[OpenTunnel]:
        """Those to the caller's environments, or all for an admin; with `ended` also those of a day ago, with why."""
        found = self._wire.json("GET", place("tunnels", all_users=all_users, ended=ended))
        return [OpenTunnel.model_validate(one) for one in found["items"]]

    def get(self, identity: str) -> OpenTunnel:
        """One of them, also when it was closed."""
        return OpenTunnel.model_validate(self._wire.json("GET", place("tunnels", identity)))

    def close(self, identity: str) -> None:
        """Close one with all its connections."""
        self._wire.json("DELETE", place("tunnels", identity))

    def authority(self) -> str:
        """The certificate that programs are to trust for the links, in PEM: `ssl.create_default_context(cadata=…)`."""
        return str(self._wire.json("GET", place("tunnel-authority"))["certificate"])

    def trust(self, names: Sequence[str] = ()) -> Trust:
        """Whom to trust for the links; the certificate is written into this machine's folder."""
        if names:
            raise SettingsInvalid(
                f"for which names the authority of {self._wire.url} may sign is said where it runs",
                f"call `devctl tunnel ca --name {names[0]}` on its machine",
            )
        found = self._wire.json("GET", place("tunnel-authority"))
        file = self._folder() / "services" / self._wire.file_name / "tunnels-ca.pem"
        _write(file, str(found["certificate"]))
        return Trust(certificate=file, permitted=tuple(found["permitted"]))


class RemoteTunnel:
    """A link that the service serves; leaving the context closes it."""

    def __init__(self, tunnels: RemoteTunnels, opened: OpenTunnel) -> None:
        self.id, self.link = opened.id, opened.link
        self._tunnels = tunnels
        self._open = True

    def wait(self) -> str:
        """Ask until it is closed, or the service does not answer any more; returns why."""
        silent = 0
        while True:
            try:
                found, silent = self._tunnels.get(self.id), 0
            except ServiceUnreachable as error:
                silent += 1
                if silent >= _TRIES:
                    self._open = False
                    return error.message
            except NoSuchResource:
                self._open = False
                return "its environment is gone"
            else:
                if found.closed is not None:
                    self._open = False
                    return found.why
            time.sleep(_LOOK_SECONDS)

    def __enter__(self) -> "RemoteTunnel":
        return self

    def __exit__(self, *_: object) -> None:
        if self._open:
            self._open = False
            with contextlib.suppress(DevctlError):  # whoever leaves wants to go; the service ends it at its time
                self._tunnels.close(self.id)


def _write(file: Path, text: str) -> None:
    """Put a file in place as a whole: somebody may be reading it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(text, encoding="ascii")
        part.replace(file)
    except OSError as error:
        raise SettingsInvalid(
            f"{file} cannot be written: {error.strerror}", "set DEVCTL_FOLDER to another one"
        ) from error
