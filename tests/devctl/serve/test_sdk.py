"""The SDK's methods for tunnels, decisions, stock, hosts and images, against a service that runs."""

import ssl
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from devctl.admission.audit import AuditFilter
from devctl.client import Client
from devctl.errors import (
    BuildFailed,
    HostUnreachable,
    LaunchRefused,
    NoHost,
    NoSuchEnvironment,
    NoSuchImage,
    NoSuchResource,
)
from devctl.fleet.records import User
from devctl.serve.image_records import BuildChoices
from devctl.serve.oversight_records import HostWish
from devctl.serve.server import Server
from devctl.settings import DevctlSettings
from devctl.wizard.records import WizardRequest
from tests.devctl.fleets import ADA, BOB, IMAGE, ROOT, fleet_on, wanted
from tests.devctl.hosts.test_hosts import ENGINE
from tests.devctl.scan.osv_server import serving as advisories
from tests.devctl.serve.services import serving, token_of
from tests.devctl.tunnels.people import APP

Clients = Callable[[User], Client]
_RUN = uuid.uuid4().hex[:8]
ANN, BEN = User(name=f"ann-{_RUN}", tier="owner"), User(name=f"ben-{_RUN}", tier="owner")
"""Of this run alone: others may build on the same engine at the same time."""


@pytest.fixture
def clients(database_url: str) -> Iterator[Clients]:
    """Clients of a service over bubblewrap that asks the real policy."""
    with tempfile.TemporaryDirectory(prefix="ds", dir="/tmp") as folder:
        settings = DevctlSettings.from_environment({}, folder=Path(folder), database_url=database_url)
        with fleet_on("bubblewrap", database_url, ruled=True) as fleet, serving(fleet, settings) as server:
            yield lambda user: Client(server.url, token_of(server, user))


@pytest.fixture
def docker(database_url: str) -> Iterator[Server]:
    """A service over the Docker engine that asks the real policy, builds the old way, and knows no advisories."""
    with tempfile.TemporaryDirectory(prefix="ds", dir="/tmp") as folder, advisories({}) as osv:
        settings = DevctlSettings.from_environment(
            {}, folder=Path(folder), database_url=database_url, search_path="/nowhere", docker_image=IMAGE or None,
            docker_prepare_network="host", osv_url=osv,
        )  # fmt: skip
        with fleet_on("docker", database_url, ruled=True) as fleet, serving(fleet, settings) as server:
            yield server
            root = client(server, ROOT)
            for image in root.images.list():
                if image.owner in (ANN.name, BEN.name):
                    root.images.remove(image.id, force=True)


def client(server: Server, user: User) -> Client:
    return Client(server.url, token_of(server, user))


def folder_with(place: Path, dockerfile: str) -> Path:
    place.mkdir()
    (place / "Dockerfile").write_text(dockerfile)
    (place / "note").write_text(_RUN)
    return place


def test_tunnels_are_opened_listed_and_closed(clients: Clients, tmp_path: Path) -> None:
    ada, bob = clients(ADA), clients(BOB)
    (tmp_path / "app.py").write_text(APP.read_text())
    ada.up(wanted("bubblewrap", "web"), tree=tmp_path)
    with ada.open_exec("web", ["python3", "-u", "app.py"]) as program:
        assert program.read() == (1, b"ready\n")
        tunnel = ada.tunnels.open("web", 8000, seconds=600)
        trusting = ssl.create_default_context(cadata=bob.tunnels.authority())
        with urllib.request.urlopen(tunnel.link, context=trusting, timeout=60) as page:  # noqa: S310 - an https link
            assert page.status == 200
        assert [one.link for one in ada.tunnels.list()] == [tunnel.link] == [one.link for one in ada.views()[0].tunnels]
        assert bob.tunnels.list(all_users=True) == [] and [
            one.link for one in clients(ROOT).tunnels.list(all_users=True)
        ] == [""]
        assert (tunnel.expires - tunnel.created).total_seconds() == pytest.approx(600, abs=60)
        with pytest.raises(NoSuchResource):
            bob.tunnels.close(tunnel.id)
        with pytest.raises(NoSuchEnvironment):
            bob.tunnels.open("web", 8000)
        ada.tunnels.close(tunnel.id)
        with pytest.raises(urllib.error.URLError, match="refused"):
            urllib.request.urlopen(tunnel.link, context=trusting, timeout=60)  # noqa: S310 - an https link
    assert ada.tunnels.list() == [] and ada.tunnels.get(tunnel.id).why == "closed by ada"
    assert [one.id for one in ada.tunnels.list(ended=True)] == [tunnel.id]


def test_decisions_and_reasons_are_read(clients: Clients) -> None:
    ada, bob = clients(ADA), clients(BOB)
    ada.up(wanted("bubblewrap", "one"))
    ada.up(wanted("bubblewrap", "two"))
    with pytest.raises(LaunchRefused):
        ada.up(wanted("bubblewrap", "three"))
    assert [(one.operation, one.subject, one.allowed) for one in ada.audit()] == [
        ("create", "one", True), ("create", "two", True), ("create", "three", False),
    ]  # fmt: skip
    (denied,) = clients(ROOT).audit(AuditFilter(who="ada", denied=True, limit=5))
    assert denied.subject == "three" and denied.reasons
    assert bob.audit(AuditFilter(who="ada")) == []
    assert not ada.why("one").verdict.reap and ada.why("one").rules.idle_seconds == 4 * 3600
    with pytest.raises(NoSuchEnvironment):
        bob.why("one")


def test_stock_and_hosts_are_for_admins(clients: Clients) -> None:
    ada, root = clients(ADA), clients(ROOT)
    assert root.pool.stock().containers == () and root.hosts.list() == []
    for refused in (
        ada.pool.stock,
        ada.pool.fill,
        ada.pool.drain,
        ada.hosts.list,
        ada.hosts.prefetch,
        lambda: ada.hosts.drain("x"),
        lambda: ada.hosts.remove("x"),
    ):
        with pytest.raises(LaunchRefused, match="no admin"):
            refused()
    with pytest.raises(HostUnreachable):
        root.hosts.add(HostWish(name="far", address="unix:///nowhere/docker.sock"))
    with pytest.raises(NoHost):
        root.hosts.drain("far")


def test_a_host_is_added_drained_and_forgotten(docker: Server) -> None:
    root = client(docker, ROOT)
    added = root.hosts.add(HostWish(name="far", address=ENGINE, max_environments=3, labels={"rack": "a"}))
    assert (added.host.name, added.host.max_environments) == ("far", 3)
    assert root.hosts.drain("far").draining and not root.hosts.drain("far", draining=False).draining
    assert "far" in [one.host.name for one in root.hosts.list()]
    root.hosts.remove("far")
    assert "far" not in [one.host.name for one in root.hosts.list()]


def test_images_are_built_listed_scanned_and_removed(docker: Server, tmp_path: Path) -> None:
    ann, ben, root = (client(docker, user) for user in (ANN, BEN, ROOT))
    tag, told = f"devctl-user/{ANN.name}/note:1", list[str]()
    source = folder_with(tmp_path / "a", "FROM scratch\nCOPY note /note\n")
    built = ann.images.build(source, BuildChoices(tag=tag), told.append)
    assert tag in built.tags and told
    assert [one.id for one in ann.images.list()] == [built.id] and ben.images.list() == []
    with pytest.raises(LaunchRefused):
        ben.images.build(source, BuildChoices(tag=tag))
    with pytest.raises(BuildFailed):
        ann.images.build(folder_with(tmp_path / "b", f"FROM {IMAGE}\nRUN exit 3\n"))
    report = ann.images.scan(tag)
    assert (report.image, report.image_id, report.findings) == (tag, built.id, ())
    assert ann.images.last_scan(tag).at == report.at == root.images.last_scan(built.id).at
    for reference in (tag, built.id):
        with pytest.raises(NoSuchResource, match="was not scanned"):
            ben.images.last_scan(reference)
    for reference in (tag, built.tag, f"docker.io/{tag}"):
        with pytest.raises(NoSuchImage, match="to scan"):
            ben.images.scan(reference)
    with pytest.raises(LaunchRefused):
        ben.images.remove(tag)
    assert tag in ann.images.remove(tag)
    with pytest.raises(NoSuchResource):
        ben.images.last_scan(tag)
    assert ann.images.last_scan(tag).image_id == built.id, "its name is hers, though the image is gone"


def test_a_scan_of_what_is_nobodys_is_everybodys(docker: Server) -> None:
    name, layer = f"devctl-tests-{_RUN}:1", BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("note"))
    subprocess.run(["docker", "import", "-", name], input=layer.getvalue(), check=True, capture_output=True, timeout=60)
    try:
        found = client(docker, ANN).images.scan(name)
        assert client(docker, BEN).images.last_scan(name).image_id == found.image_id
    finally:
        subprocess.run(["docker", "rmi", name], check=True, capture_output=True, timeout=60)


def test_the_wizard_shows_its_form_a_draft_and_makes_the_image(docker: Server) -> None:
    ann = client(docker, ANN)
    form = ann.images.form()
    assert form.bases and all(base.managers for base in form.bases) and form.images == ()
    request = WizardRequest(base=IMAGE, tag=f"{form.prefix}tools", user="dev")
    draft = ann.images.draft(request)
    assert "USER dev" in draft.dockerfile and "error" not in [one.severity for one in draft.findings]
    made = ann.images.make(request)
    assert (made.owner, made.dockerfile) == (ANN.name, draft.dockerfile)
    assert [one.tag for one in ann.images.form().images] == [request.tag]
    assert client(docker, BEN).images.form().images == () and client(docker, ROOT).images.form().prefix == ""
    with pytest.raises(LaunchRefused):
        ann.images.make(request.model_copy(update={"tag": "debian:12"}))
