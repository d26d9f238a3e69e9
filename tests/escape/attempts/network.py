"""Ways over the network, and over sockets that are none."""

import socket
from pathlib import Path

from tests.escape.attempts.attempt import Host, Stopped, attempt


def _connects(family: socket.AddressFamily, address: object, kind: int = socket.SOCK_STREAM) -> str:
    with socket.socket(family, kind) as reached:
        reached.settimeout(3)
        reached.connect(address)  # type: ignore[arg-type] # each family has an address of its own shape
        return f"connected to {address}"


@attempt("network")
def reach_the_hosts_loopback(host: Host) -> str:
    return _connects(socket.AF_INET, ("127.0.0.1", host.port))


@attempt("network")
def reach_the_hosts_loopback_over_ipv6(host: Host) -> str:
    return _connects(socket.AF_INET6, ("::1", host.port6))


@attempt("network")
def reach_the_hosts_own_address(host: Host) -> str:
    if not host.address:
        raise Stopped("the host has no address")
    return _connects(socket.AF_INET, (host.address, host.port))


@attempt("network")
def reach_the_clouds_metadata(host: Host) -> str:
    return _connects(socket.AF_INET, ("169.254.169.254", 80), socket.SOCK_DGRAM)  # a way there, and nothing sent


@attempt("network")
def reach_the_internet(host: Host) -> str:
    return _connects(socket.AF_INET, ("192.0.2.1", 53), socket.SOCK_DGRAM)


@attempt("network")
def send_packets_of_ones_own_making(host: Host) -> str:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW):
        return "a packet socket"


@attempt("network")
def send_raw_packets(host: Host) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP):
        return "a raw socket"


@attempt("network")
def reach_the_hypervisor(host: Host) -> str:
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM):
        return "a socket to the machine that runs this one"


@attempt("network")
def see_the_hosts_network(host: Host) -> str:
    names = [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    others = [name for name in names if name != "lo"]
    return " ".join(others)


@attempt("sockets")
def reach_an_abstract_socket(host: Host) -> str:
    return _connects(socket.AF_UNIX, "\0" + host.abstract)


@attempt("sockets")
def reach_a_socket_by_its_path(host: Host) -> str:
    return _connects(socket.AF_UNIX, host.socket)


@attempt("sockets")
def see_the_hosts_sockets(host: Host) -> str:
    return "listed" if host.abstract in Path("/proc/net/unix").read_text() else ""
