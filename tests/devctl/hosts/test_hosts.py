"""Environments on other machines: two more engines, over SSH and over TLS."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl.errors import HostUnreachable, NoHost, NotRunning
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import Egress, Host
from devctl.hosts.pool import Hosts
from devctl.hosts.registry import FAILURES
from devctl.hosts.ssh_forward import SshForward
from devctl.settings import DevctlSettings
from tests.devctl.certificates import write_certificates
from tests.devctl.engine_relay import EngineRelay
from tests.devctl.engines import SMALL_IMAGE, Machines, two_machines
from tests.devctl.fleets import ADA, fleet_on, wanted

ENGINE = "unix:///var/run/docker.sock"


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    with two_machines() as started:
        yield started


@pytest.fixture
def many(machines: Machines, database_url: str) -> Iterator[Fleet]:
    """A fleet that knows both machines, and leaves this one's own engine alone."""
    with fleet_on("docker", database_url, docker_host=ENGINE, ssh_config=machines.ssh_config) as fleet:
        pool = pool_of(fleet)
        pool.add(Host(name="local", address=ENGINE, draining=True))
        pool.add(Host(name="near", address=machines.ssh, seconds=30))
        pool.add(Host(name="far", address=machines.tcp, tls=machines.tls, seconds=30))
        try:
            yield fleet
        finally:
            for record in fleet.list(ADA):
                fleet.remove(ADA, record.name, force=True)
            pool.remove("near", force=True)


def pool_of(fleet: Fleet) -> Hosts:
    pool = fleet.parts.hosts
    assert isinstance(pool, Hosts)
    return pool


def test_allow_list_is_refused_on_other_machines_before_anything_is_made(many: Fleet) -> None:
    allow = Egress(mode="allow", domains=("example.org",))
    for host in ("near", "far"):
        with pytest.raises(NoHost, match=f"this machine alone, and {host} is on another one"):
            many.up(ADA, wanted("docker", "web", image="never-pulled:1", host=host, egress=allow))
        assert many.parts.hosts.engine(host).found() == []
    with pytest.raises(NoHost, match="^no host can take 'web': local: [^;]*drain"):
        many.up(ADA, wanted("docker", "web", egress=allow))
    pool_of(many).registry.drain("local", False)
    record = many.up(ADA, wanted("docker", "web", egress=allow))
    assert (record.host, record.phase) == ("local", "running")
    closed = many.exec(ADA, "web", ["python3", "-c", "import socket; socket.create_connection(('1.1.1.1', 80), 3)"])
    assert closed.exit_code != 0 and "unreachable" in closed.output


@pytest.mark.parametrize("host", ["near", "far"])
def test_environment_on_another_machine_is_like_one_here(many: Fleet, host: str, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "note").write_text("hello\n")
    record = many.up(ADA, wanted("docker", "there", image=SMALL_IMAGE, host=host), tmp_path / "tree")
    assert record.host == host
    result = many.exec(ADA, "there", ["sh", "-c", "cat note; cat; exit 5"], stdin=b"input\n")
    assert (result.exit_code, result.output) == (5, "hello\ninput\n")
    with many.open_exec(ADA, "there", ["cat"]) as stream:
        stream.write(b"one\n")
        assert stream.read() == (1, b"one\n")
        stream.write(b"two\n")
        stream.close_input()
        assert stream.read() == (1, b"two\n")
        assert stream.read() is None and stream.wait() == 0
    assert many.exec(ADA, "there", ["sh", "-c", "sleep 600"], seconds=1).timed_out
    many.exec(ADA, "there", ["sh", "-c", "echo out >made"])
    assert many.get_files(ADA, "there", ".", tmp_path / "out") == ()
    assert (tmp_path / "out" / "made").read_text() == "out\n"
    many.stop(ADA, "there")
    assert many.start(ADA, "there").phase == "running"
    many.remove(ADA, "there")
    assert many.parts.hosts.engine(host).found() == []


def test_image_is_carried_to_a_machine_that_lacks_it(many: Fleet, machines: Machines) -> None:
    subprocess.run(["docker", "-H", machines.far, "rmi", "-f", SMALL_IMAGE], capture_output=True, check=False)
    done = {one.host: one for one in pool_of(many).prefetch([SMALL_IMAGE, "127.0.0.1:9/none:1"])}
    assert done["near"].how == "failed" and "none:1" in done["near"].why
    fetched = [one for one in pool_of(many).prefetch([SMALL_IMAGE])]
    assert {one.host: one.how for one in fetched} == {"near": "there", "far": "there"}
    assert SMALL_IMAGE in many.parts.hosts.engine("far").facts().images


def test_images_that_a_program_names_are_fetched_before_those_of_late_use(many: Fleet) -> None:
    told = pool_of(many).settings.model_copy(update={"wanted_images": ("echo", "127.0.0.1:9/needed:1")})
    hosts = Hosts(told, many.parts.database, "x")
    done = {one.host: one for one in hosts.prefetch() if one.image == "127.0.0.1:9/needed:1"}
    hosts.close()
    assert {"near", "far"} <= set(done) and done["near"].how == "failed", "no registry has it, and it was asked for"


def test_limits_and_drain_rule_hosts_out_and_all_reasons_are_told(many: Fleet) -> None:
    pool = pool_of(many)
    pool.remove("far")
    pool.add(Host(name="far", address=pool.describe("local").address, max_environments=1, draining=True))
    pool.registry.drain("near", True)
    with pytest.raises(NoHost, match="near: it is drained") as raised:
        many.up(ADA, wanted("docker", "nowhere", image=SMALL_IMAGE))
    assert "far: it is drained" in raised.value.message and "local: it is drained" in raised.value.message
    pool.registry.drain("near", False)
    assert many.up(ADA, wanted("docker", "somewhere", image=SMALL_IMAGE)).host == "near"
    with pytest.raises(NotRunning, match="1 environment"):
        pool.remove("near")


def test_environments_are_spread(many: Fleet, machines: Machines) -> None:
    pool_of(many).prefetch([SMALL_IMAGE])
    pool_of(many).measure()
    for number in range(4):
        many.up(ADA, wanted("docker", f"e{number}", image=SMALL_IMAGE))
    assert pool_of(many).counts() == {"near": 2, "far": 2}


def test_unknown_host_key_and_foreign_certificates_are_refused(many: Fleet, machines: Machines, tmp_path: Path) -> None:
    pool = pool_of(many)
    config = machines.ssh_config.read_text().replace("/known", "/unknown")
    (tmp_path / "config").write_text(config)
    settings = DevctlSettings(folder=tmp_path, ssh_config=tmp_path / "config")
    other = Hosts(settings, many.parts.database, "x")
    with pytest.raises(HostUnreachable, match="[Hh]ost key"):
        other.add(Host(name="stranger", address=machines.ssh, seconds=20))
    write_certificates(tmp_path / "foreign")
    with pytest.raises(HostUnreachable, match="certificate"):
        pool.add(Host(name="forged", address=machines.tcp, tls=tmp_path / "foreign"))
    (tmp_path / "foreign" / "ca.pem").write_bytes((machines.tls / "ca.pem").read_bytes())
    with pytest.raises(HostUnreachable):
        pool.add(Host(name="forged", address=machines.tcp, tls=tmp_path / "foreign"))
    assert pool.names() == ["far", "local", "near"]


def test_broken_ssh_connection_is_made_anew(many: Fleet) -> None:
    many.up(ADA, wanted("docker", "there", image=SMALL_IMAGE, host="near"))
    settings = pool_of(many).settings
    SshForward(pool_of(many).describe("near"), settings.ssh_config, settings.git_env).close()
    assert many.exec(ADA, "there", ["cat", "/proc/self/cmdline"]).exit_code == 0


def test_circuit_opens_is_tried_again_and_closes(database_url: str, tmp_path: Path, machines: Machines) -> None:
    relay = EngineRelay(tmp_path / "e.sock")
    with fleet_on("docker", database_url, docker_host=ENGINE) as fleet:
        pool = pool_of(fleet)
        pool.add(Host(name="weak", address=relay.address))
        pool.add(Host(name="local", address=ENGINE))
        relay.cut()
        for _ in range(FAILURES):
            with pytest.raises(HostUnreachable, match=r"e\.sock"):
                pool.engine("weak").facts()
        with pytest.raises(HostUnreachable, match=f"failed {FAILURES} times"):
            pool.engine("weak")
        assert fleet.up(ADA, wanted("docker", "else")).host == "local"
        over = "UPDATE host SET broken_until = now() - interval '1 s' WHERE name = 'weak' RETURNING name"
        fleet.parts.database.rows(over)
        with pytest.raises(HostUnreachable, match=r"e\.sock"):
            pool.engine("weak").facts()
        state = pool.registry.find("weak")
        assert state is not None and state.failures == FAILURES + 1 and state.closed_for > 15
        relay.join()
        fleet.parts.database.rows(over)
        pool.engine("weak").facts()
        state = pool.registry.find("weak")
        assert state is not None and (state.failures, state.closed_for) == (0, 0)
        fleet.remove(ADA, "else")
    relay.cut()
