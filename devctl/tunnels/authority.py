"""The certificate authority of one devctl folder, made once, and the certificates that it issues to tunnels."""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from devctl.errors import LaunchFailed, SettingsInvalid
from devctl.locks import locked
from devctl.sides import server_context

if TYPE_CHECKING:
    from devctl.tunnels.certificates import Issuer


class Authority:
    """The authority in `folder`/tunnels: ca.pem may be shown to everybody, authority.pem is its user's alone.

    It may sign for localhost, the loopback addresses and the names that it was made for: programs refuse what its key
    signs for any other. Each use raises LaunchFailed where its files cannot be made or read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tunnels"
        self.certificate = self._folder / "ca.pem"
        """What browsers and programs are to trust."""
        self._secret = self._folder / "authority.pem"

    def ensure(self) -> Path:
        """Make the authority where there is none, once however many ask; returns the path of its certificate."""
        self._issuer()
        return self.certificate

    def permitted(self) -> tuple[str, ...]:
        """The names and networks that it may sign for."""
        return self._issuer().permitted()

    def permit(self, names: Sequence[str]) -> bool:
        """See to it that it may sign for these names too, and for all that ends in one of them.

        An authority cannot be changed: where it may not yet, a new one takes its place, which is to be trusted anew, and
        True is returned. Raises SettingsInvalid for what is no name.
        """
        with self._files():
            before = self._read()
            if before is not None and all(before.permits(name) for name in names):
                return False
            self._make((*(before.permitted() if before else ()), *names))
            return True

    def check(self, names: Sequence[str]) -> None:
        """Raise SettingsInvalid where it may not sign for one of these names."""
        issuer = self._issuer()
        if missing := [name for name in names if not issuer.permits(name)]:
            raise SettingsInvalid(
                f"the authority of tunnels may not sign for {', '.join(missing)}: it may for {', '.join(issuer.permitted())}",
                f"`devctl tunnel ca --name {missing[0]}` makes one that may, which is to be trusted anew",
            )

    def server_context(self, names: Sequence[str], until: datetime) -> ssl.SSLContext:
        """The context of a server that is called by any of `names`, with a certificate of its own until then.

        Raises SettingsInvalid where it may not sign for one.
        """
        self.check(names)
        return _context(self._issuer(), names, until)

    def _issuer(self) -> "Issuer":
        with self._files():
            return self._read() or self._make(())

    def _read(self) -> "Issuer | None":
        from devctl.tunnels.certificates import read_issuer

        if not self._secret.is_file():
            return None
        try:
            issuer = read_issuer(self._secret.read_bytes())
        except ValueError as error:
            raise LaunchFailed(f"{self._secret} cannot be read: {error}", self._hint()) from error
        if issuer.certificate.not_valid_after_utc <= datetime.now(UTC):
            raise LaunchFailed(f"the authority in {self._secret} is too old", self._hint())
        self._show(issuer)
        return issuer

    def _make(self, names: Sequence[str]) -> "Issuer":
        from devctl.tunnels.certificates import new_issuer

        issuer = new_issuer(names)
        _write(self._secret, issuer.pem(), 0o600)
        self._show(issuer)
        return issuer

    def _show(self, issuer: "Issuer") -> None:
        """See that what people trust is what signs, though a crash came between the two files."""
        from cryptography.hazmat.primitives.serialization import Encoding

        shown = issuer.root.public_bytes(Encoding.PEM)
        if not self.certificate.is_file() or self.certificate.read_bytes() != shown:
            _write(self.certificate, shown, 0o644)

    def _hint(self) -> str:
        return f"remove {self._secret}: a new one is made, which is to be trusted anew"

    @contextlib.contextmanager
    def _files(self) -> Iterator[None]:
        """Have the files for oneself."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked(self._folder / "lock"):
                yield
        except OSError as error:
            raise LaunchFailed(
                f"the authority in {self._folder} cannot be used: {error}", "see that the folder may be written"
            ) from error


def _context(issuer: "Issuer", names: Sequence[str], until: datetime) -> ssl.SSLContext:
    from cryptography.hazmat.primitives.serialization import Encoding

    from devctl.tunnels.certificates import private_pem

    key, chain = issuer.issued(names, until)
    context = server_context()
    with tempfile.TemporaryDirectory(prefix="devctl-tunnel-") as folder:  # ssl takes keys from files alone
        file = Path(folder) / "server.pem"
        _write(file, private_pem(key) + b"".join(one.public_bytes(Encoding.PEM) for one in chain), 0o600)
        context.load_cert_chain(file)
    return context


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    beside.replace(path)
