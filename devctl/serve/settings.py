"""Where the service listens, whom it trusts, and how much it takes at once."""

from pathlib import Path

from devctl.errors import SettingsInvalid
from devctl.records import Record

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ServeSettings(Record):
    """How the service is run; `check` says what does not fit together."""

    host: str = "127.0.0.1"
    port: int = 7070
    """0 takes any that is free."""
    behind_proxy: str | None = None
    """Address of the proxy that ends TLS, whose X-Forwarded headers are believed; None believes nobody."""
    tls_certificate: Path | None = None
    """PEM file of the certificate with its chain; with it the port speaks TLS alone."""
    tls_key: Path | None = None
    """PEM file of its key."""
    body_mb: int = 8192
    """Largest request body, in MiB: archives go through here."""
    json_kb: int = 1024
    """Largest JSON body, in KiB."""
    threads: int = 64
    """Requests at once, streams too."""
    streams: int = 48
    """Streams at once: logs, output, events."""
    launches: int = 32
    """Long operations at once."""
    tunnels: int = 64
    """Tunnels at once."""
    tunnel_host: str = "127.0.0.1"
    """Where tunnels that callers open listen."""
    tunnel_names: tuple[str, ...] = ()
    """By which names callers reach that; the first stands in their links."""
    grace_seconds: float = 30.0
    """How long a shutdown waits for operations that go on."""
    sample_seconds: float = 10.0
    """Interval of the sampler and of the page of metrics."""
    gpu_smoke_seconds: float = 6 * 3600.0
    """From one smoke test of a host's GPU to the next; 0 tests none."""

    def check(self) -> None:
        """Raise SettingsInvalid where tokens would go over a network in the clear, or TLS is said by halves."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise SettingsInvalid("TLS needs a certificate and its key", "give --tls-certificate and --tls-key")
        if self.tls_key is not None and self.behind_proxy is not None:
            raise SettingsInvalid(
                "--behind-proxy is for a proxy that ends TLS, and --tls-certificate ends it here", "give one of the two"
            )
        if self.host not in LOOPBACK and self.behind_proxy is None and self.tls_key is None:
            raise SettingsInvalid(
                f"{self.host} is open to the network, and tokens would cross it unencrypted",
                "give --tls-certificate and --tls-key, or listen on 127.0.0.1, or give --behind-proxy ADDRESS for a "
                "proxy that ends TLS",
            )
