"""The allow-list: its entries, and the addresses that no name may lead to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl.egress import read_rules
from devctl.egress.hello import Incomplete, server_name
from devctl.egress.rules import looks_numeric, unwrapped
from devctl.errors import EgressInvalid


@pytest.mark.parametrize(
    "entry", ["", "*", "*.org", "https://example.org", "a b", "example.org/x", "x:0", "x:70000", "1.2.3", "a..b"]
)
def test_what_is_no_entry_is_refused(entry: str) -> None:
    with pytest.raises(EgressInvalid):
        read_rules([entry])


@pytest.mark.parametrize(
    ("entry", "host", "port", "allowed"),
    [
        ("example.org", "example.org", 443, True),
        ("example.org", "example.org", 22, False),
        ("Example.ORG.", "example.org", 80, True),
        ("example.org", "www.example.org", 443, False),
        ("*.example.org", "www.example.org", 443, True),
        ("*.example.org", "example.org", 443, False),
        ("*.example.org", "notexample.org", 443, False),
        ("example.org:22", "example.org", 22, True),
        ("example.org:22", "example.org", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8:5432", "10.1.2.3", 5432, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("[::1]:80", "::1", 80, True),
        ("::1", "::1", 80, True),
    ],
)
def test_entries_say_what_may_be_reached(entry: str, host: str, port: int, allowed: bool) -> None:
    assert read_rules([entry]).of_name(host, port).allowed == allowed


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_no_unlisted_address_that_is_not_public_is_reached(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    rules = read_rules(["example.org"])
    allowed = rules.of_address(address, 443).allowed
    real = unwrapped(address)
    assert not (allowed and (real.is_private or real.is_loopback or real.is_link_local or real.is_multicast))


@given(st.ip_addresses(v=4, network="10.0.0.0/8"), st.sampled_from(["::ffff:{}", "64:ff9b::{}"]))
def test_a_private_address_in_the_clothes_of_another_family_is_seen(address: ipaddress.IPv4Address, form: str) -> None:
    assert not read_rules([]).of_address(ipaddress.ip_address(form.format(address)), 443).allowed


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
def test_numbers_are_no_names(number: int, form: str) -> None:
    assert looks_numeric(form.format(number))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_first_message_or_none(data: bytes) -> None:
    for begin in (b"", b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03"):
        try:
            server_name(begin + data)
        except Incomplete:
            continue
