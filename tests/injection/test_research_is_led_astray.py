"""Pages and registries that lead a Researcher to addresses inside: nothing there is ever connected to."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest

from tests.injection.world import Listener
from tests.tools.research.conftest import QUICK, outside, server
from tests.tools.research.outside_server import OutsideServer, sent_on
from tools.errors import SourceRefused, SourceUnavailable
from tools.research.addresses import origin_of
from tools.research.outside import OutsideSources
from tools.research.web import Ask, Web

__all__ = ["outside", "server"]

PLACES = {
    "loopback": "http://127.0.0.1:{port}/x",
    "loopback by name": "http://localhost:{port}/x",
    "loopback by name with a dot": "http://localhost.:{port}/x",
    "another loopback": "http://127.1.2.3:{port}/x",
    "short form": "http://127.1:{port}/x",
    "decimal": "http://2130706433:{port}/x",
    "hexadecimal": "http://0x7f000001:{port}/x",
    "octal": "http://0177.0.0.1:{port}/x",
    "any address": "http://0.0.0.0:{port}/x",
    "IPv6 loopback": "http://[::1]:{port}/x",
    "IPv6 that maps IPv4": "http://[::ffff:127.0.0.1]:{port}/x",
    "IPv6 that maps IPv4 in hexadecimal": "http://[::ffff:7f00:1]:{port}/x",
    "name with credentials before it": "http://8.8.8.8@127.0.0.1:{port}/x",
    "wide digits": "http://\uff11\uff12\uff17.0.0.1:{port}/x",
    "metadata of a cloud": "http://169.254.169.254/latest/meta-data/",
    "metadata of a cloud over IPv6": "http://[fd00:ec2::254]/latest/meta-data/",
    "a private network": "http://10.0.0.1:{port}/x",
    "a file": "file:///etc/passwd",
    "another protocol": "gopher://127.0.0.1:{port}/x",
}


@pytest.fixture
def listener() -> Iterator[Listener]:
    """What is listened to inside."""
    made = Listener()
    yield made
    made.close()


# as a header carries it: its bytes
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("hops", [0, 2])
def test_no_way_leads_inside(server: OutsideServer, listener: Listener, place: str, hops: int) -> None:  # noqa: F811 - a fixture's name
    target = PLACES[place].format(port=listener.port)
    web = Web(QUICK, [origin_of(server.url)])
    server.pages |= {
        "/0": sent_on("/1"),
        "/1": sent_on(f"{server.url}/2", 307),
        "/2": sent_on(target.encode().decode("latin-1"), 308),
    }
    with pytest.raises(SourceRefused):
        web.get(Ask(f"{server.url}/0" if hops else target, "the page"))
    assert listener.heard == b""
    assert len(server.asked) == (3 if hops else 0)


def test_same_address_is_reached_by_who_does_not_look(listener: Listener) -> None:
    """The control."""
    with urllib.request.urlopen(PLACES["decimal"].format(port=listener.port), timeout=60):  # noqa: S310 - the address is http on loopback
        pass
    assert b"GET /x" in listener.heard


def test_registry_that_speaks_of_another_package_is_not_believed(
    outside: OutsideSources,  # noqa: F811 - a fixture's name
    server: OutsideServer,  # noqa: F811 - a fixture's name
) -> None:
    told = {"info": {"name": "evil", "version": "1.0", "summary": "x"}, "releases": {}, "urls": []}
    server.packages["/pypi/flask/json"] = told
    with pytest.raises(SourceUnavailable, match="evil"):
        outside.package("python", "flask")
