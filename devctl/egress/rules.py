"""What an environment may reach: the allow-list, and the decision about one name and one address."""

import ipaddress
import re
from collections.abc import Sequence

from pydantic import Field

from devctl.errors import EgressInvalid
from devctl.records import Record

USUAL_PORTS = (80, 443)
"""Ports that a name without a port opens."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_NUMERIC = re.compile(r"(?:.*\.)?(?:0x[0-9a-f]*|\d+)")
_ENTRY_PORT = re.compile(r"(.*?)(?::(\d{1,5}))?")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PLATFORM = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Public addresses that clouds answer on with secrets of the machine."""


class Rule(Record):
    """One entry of the allow-list."""

    name: str = ""
    """A host name in small letters; empty where `network` is set."""
    below: bool = False
    """Whether it stands for all names below, and not for the name itself."""
    network: Network | None = None
    ports: tuple[int, ...] = USUAL_PORTS


class Verdict(Record):
    """Whether something may be reached, and why."""

    allowed: bool
    reason: str


class AllowList(Record):
    """All entries; nothing is allowed that none of them names."""

    rules: tuple[Rule, ...] = Field(default=())

    def of_name(self, host: str, port: int) -> Verdict:
        """Decide about a name, or an address written out, before anything is looked up."""
        if not 0 < port < 65_536:
            return Verdict(allowed=False, reason=f"{port} is no port")
        literal = literal_of(host)
        if literal is None and looks_numeric(host):
            return Verdict(allowed=False, reason=f"{host} is a number, not a name")
        if literal is not None:
            return self._listed_address(literal, port)
        if not _NAME.fullmatch(host):
            return Verdict(allowed=False, reason="it is no host name")
        matching = [rule for rule in self.rules if _matches(rule, host)]
        if not matching:
            return Verdict(allowed=False, reason="the name is not on the list")
        if not any(port in rule.ports for rule in matching):
            return Verdict(allowed=False, reason=f"port {port} is not on the list for this name")
        return Verdict(allowed=True, reason="the name is on the list")

    def of_address(self, address: Address, port: int) -> Verdict:
        """Decide about an address that an allowed name was looked up as."""
        address = unwrapped(address)
        if address.is_global and not address.is_multicast and address not in _PLATFORM:
            return Verdict(allowed=True, reason="the address is public")
        if any(rule.network is not None and address in rule.network for rule in self.rules):
            return Verdict(allowed=True, reason="the address is on the list")
        return Verdict(allowed=False, reason=f"the name leads to {address}, which is no public address")

    def _listed_address(self, address: Address, port: int) -> Verdict:
        rules = [rule for rule in self.rules if rule.network is not None and unwrapped(address) in rule.network]
        if not rules:
            return Verdict(allowed=False, reason="the address is not on the list")
        if not any(port in rule.ports for rule in rules):
            return Verdict(allowed=False, reason=f"port {port} is not on the list for this address")
        return Verdict(allowed=True, reason="the address is on the list")


def _matches(rule: Rule, host: str) -> bool:
    if rule.network is not None:
        return False
    return host.endswith("." + rule.name) if rule.below else host == rule.name


def read_rules(entries: Sequence[str]) -> AllowList:
    """Read `example.org`, `*.example.org`, `example.org:8443`, `10.1.2.3`, `10.0.0.0/8` or `[::1]:80`.

    Raises EgressInvalid.
    """
    return AllowList(rules=tuple(_rule(entry) for entry in entries))


def _rule(entry: str) -> Rule:
    text = entry.strip().lower().removesuffix(".")
    if "://" in text:
        raise _invalid(entry, "write the name alone, without https:// and path")
    try:
        return Rule(network=ipaddress.ip_network(text, strict=False))
    except ValueError:
        pass
    match = _ENTRY_PORT.fullmatch(text)
    host, digits = (match[1], match[2]) if match else (text, None)
    ports = (int(digits),) if digits else USUAL_PORTS
    if not all(0 < port < 65_536 for port in ports):
        raise _invalid(entry, "a port is a number from 1 to 65535")
    try:
        return Rule(network=ipaddress.ip_network(host.strip("[]"), strict=False), ports=ports)
    except ValueError:
        pass
    below, name = host.startswith("*."), host.removeprefix("*.").removesuffix(".")
    if host == "*":
        raise _invalid(entry, "--egress open lets everything through")
    if not _NAME.fullmatch(name) or looks_numeric(name):
        raise _invalid(entry, "write example.org, *.example.org, an address or a network, each with :PORT if need be")
    if below and "." not in name:
        raise _invalid(entry, "a whole top level is too much: name a domain below it")
    return Rule(name=name, below=below, ports=ports)


def _invalid(entry: str, hint: str) -> EgressInvalid:
    return EgressInvalid(f"{entry!r} is no entry of an allow-list", hint)


def normal_host(host: str) -> str:
    """A host as it is compared: small letters, no dot at the end, no brackets."""
    return host.strip().lower().removesuffix(".").removeprefix("[").removesuffix("]")


def literal_of(host: str) -> Address | None:
    """The address that a host is written as, None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def looks_numeric(host: str) -> bool:
    """Whether system calls would take a host for an address: 127.1, 0x7f000001, 2130706433."""
    return _NUMERIC.fullmatch(host) is not None


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
