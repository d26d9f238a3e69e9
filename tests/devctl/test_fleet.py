"""Kept environments from their making to their end, the same on every backend."""

import io
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devctl.errors import (
    InUse,
    LaunchFailed,
    LaunchRefused,
    NameTaken,
    NoSuchEnvironment,
    NotRunning,
    PathRefused,
    ServeFailed,
)
from devctl.fleet.activity import RecordedActivity
from devctl.fleet.database import Database
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import KeptLimits, Lifecycle, LifecycleCommand, SecretFile, User
from devctl.hosts import containers
from tests.devctl.fleets import ADA, BOB, ROOT, wanted


def test_files_stay_through_stop_and_start_and_go_with_removal(fleet: Fleet, backend: str, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("hello\n")
    record = fleet.up(ADA, wanted(backend, "blog"), tree=tmp_path)
    assert (record.phase, record.owner, record.why) == ("running", "ada", "")
    assert fleet.exec(ADA, "blog", ["cat", "note"]).output == "hello\n"
    fleet.exec(ADA, "blog", ["sh", "-c", "echo more >more"])
    assert fleet.stop(ADA, "blog").phase == "stopped"
    with pytest.raises(NotRunning, match="devctl start blog"):
        fleet.exec(ADA, "blog", ["true"])
    assert fleet.start(ADA, "blog").phase == "running"
    assert fleet.exec(ADA, "blog", ["cat", "note", "more"]).output == "hello\nmore\n"
    fleet.remove(ADA, "blog")
    with pytest.raises(NoSuchEnvironment):
        fleet.get(ADA, "blog")
    assert fleet.list(ADA) == []


def test_users_see_their_own_and_a_viewer_may_not_act(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "hers", labels={"team": "a"}))
    assert fleet.list(BOB) == [] and fleet.list(BOB, all_users=True) == []
    with pytest.raises(NoSuchEnvironment, match="hers"):
        fleet.exec(BOB, "hers", ["true"])
    with pytest.raises(NameTaken, match="hers"):
        fleet.up(BOB, wanted(backend, "hers"))
    assert [one.name for one in fleet.list(ROOT, all_users=True, labels={"team": "a"})] == ["hers"]
    assert fleet.list(ADA, labels={"team": "b"}) == []
    viewer = User(name="ada", role="viewer")
    assert fleet.get(viewer, "hers").phase == "running"
    with pytest.raises(LaunchRefused, match="viewer"):
        fleet.exec(viewer, "hers", ["true"])


def test_command_has_variables_input_folder_and_status(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "env", env={"ONE": "1"}))
    fleet.exec(ADA, "env", ["mkdir", "sub"])
    script = "cat; pwd; echo $ONE $TWO; exit 7"
    result = fleet.exec(ADA, "env", ["sh", "-c", script], env={"TWO": "2"}, stdin=b"input\n", cwd="sub")
    assert (result.exit_code, result.output) == (7, "input\n/work/sub\n1 2\n")
    assert fleet.exec(ADA, "env", ["sh", "-c", "kill -9 $$"]).exit_code == 137
    with pytest.raises(LaunchFailed, match="1X"):
        fleet.exec(ADA, "env", ["true"], env={"1X": ""})


def test_time_limit_ends_only_that_command_with_its_children(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "late"))
    with fleet.open_exec(ADA, "late", ["sh", "-c", "echo ready; cat"]) as other:
        assert other.read() == (1, b"ready\n")
        script = "sleep 1001 & setsid sleep 1001 & env -i sleep 1001 & echo begun; sleep 1001"
        result = fleet.exec(ADA, "late", ["sh", "-c", script], seconds=1.5)
        assert (result.exit_code, result.timed_out, result.output) == (124, True, "begun\n")
        left = fleet.exec(ADA, "late", ["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]).output
        assert "sleep 1001" not in left
        other.write(b"still here\n")
        assert other.read() == (1, b"still here\n")


def test_secret_is_a_file_in_memory_and_nowhere_else(fleet: Fleet, backend: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cr3t-value")
    secret = SecretFile(name="token", source=tmp_path / "token")
    fleet.up(ADA, wanted(backend, "safe", secrets=(secret,)))
    read = ["sh", "-c", "cat /run/secrets/token; env; cat /proc/[0-9]*/cmdline; cat /proc/[0-9]*/environ 2>/dev/null"]
    assert fleet.exec(ADA, "safe", read).output.count("s3cr3t-value") == 1
    fleet.stop(ADA, "safe")
    fleet.start(ADA, "safe")
    assert fleet.exec(ADA, "safe", ["cat", "/run/secrets/token"]).output == "s3cr3t-value"
    fleet.stop(ADA, "safe")
    (tmp_path / "token").unlink()
    with pytest.raises(LaunchFailed, match="token"):
        fleet.start(ADA, "safe")
    assert fleet.get(ADA, "safe").phase == "stopped"


def test_lifecycle_commands_run_in_order_and_a_failing_one_is_told(fleet: Fleet, backend: str) -> None:
    def run(script: str, name: str = "") -> LifecycleCommand:
        return LifecycleCommand(argv=("sh", "-c", script), name=name)

    lifecycle = Lifecycle(
        on_create=((run("echo create >>order"),),),
        post_create=((run("echo beside-1 >one", "a"), run("echo beside-2 >two", "b")), (run("echo then >>order"),)),
        post_start=((run("echo start >>order; echo words; exit 3"),),),
    )
    record = fleet.up(ADA, wanted(backend, "steps", lifecycle=lifecycle))
    assert record.phase == "running" and "post start ended with 3" in record.why
    assert (
        fleet.exec(ADA, "steps", ["cat", "order", "one", "two"]).output == "create\nthen\nstart\nbeside-1\nbeside-2\n"
    )
    log = b"".join(fleet.logs(ADA, "steps")).decode()
    assert "--- on create: echo create" in log and "\nwords\n" in log
    fleet.stop(ADA, "steps")
    assert "post start ended with 3" in fleet.start(ADA, "steps").why
    assert fleet.exec(ADA, "steps", ["cat", "order"]).output == "create\nthen\nstart\nstart\n"


def test_a_lifecycle_command_that_broke_off_is_not_taken_for_done(fleet: Fleet, backend: str) -> None:
    def tell(words: str) -> None:
        if words.startswith("post create"):
            raise OSError("nobody listens")

    command = LifecycleCommand(argv=("sh", "-c", "echo done >>done"))
    spec = wanted(backend, "deaf", lifecycle=Lifecycle(post_create=((command,),)))
    with pytest.raises(OSError, match="nobody listens"):
        fleet.up(ADA, spec, progress=tell)
    fleet.stop(ADA, "deaf")
    assert fleet.start(ADA, "deaf").why == ""
    assert fleet.exec(ADA, "deaf", ["cat", "done"]).output == "done\n"


def test_paused_environment_stands_still_until_it_is_started(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "still"))
    assert fleet.pause(ADA, "still").phase == "paused"
    with pytest.raises(NotRunning, match="paused"):
        fleet.exec(ADA, "still", ["true"])
    assert fleet.start(ADA, "still").phase == "running"
    assert fleet.exec(ADA, "still", ["echo", "on"]).output == "on\n"


def test_copies_go_both_ways_and_no_link_leads_out(fleet: Fleet, backend: str, tmp_path: Path) -> None:
    fleet.up(ADA, wanted(backend, "copies", limits=KeptLimits(disk_mb=16, memory_mb=128)))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("in\n")
    fleet.put(ADA, "copies", tmp_path / "in", "sub/deep")
    fleet.exec(ADA, "copies", ["sh", "-c", "ln -s /etc/passwd sub/out; ln -s deep/file sub/good; ln -s / top"])
    assert fleet.get_files(ADA, "copies", "sub", tmp_path / "out") == ("out",)
    assert (tmp_path / "out" / "good").read_text() == "in\n"
    for path in ("top/etc/passwd", "../etc/passwd", "/etc/passwd", "sub/out"):
        with pytest.raises(PathRefused):
            fleet.get_files(ADA, "copies", path, tmp_path / "stolen")
    with pytest.raises(PathRefused):
        fleet.put(ADA, "copies", tmp_path / "in" / "file", "top/tmp/file")
    fleet.exec(ADA, "copies", ["sh", "-c", "mkdir big; for n in 1 2 3; do head -c 7000000 /dev/zero >big/$n; done"])
    with pytest.raises(PathRefused, match="16 MiB"):
        fleet.get_files(ADA, "copies", "big", tmp_path / "big")


def test_snapshot_is_restored_as_a_new_environment(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "first", env={"ONE": "1"}))
    fleet.exec(ADA, "first", ["sh", "-c", "echo kept >file; echo kept >$HOME/dot"])
    snapshot = fleet.snapshot(ADA, "first", "golden")
    assert (snapshot.tag, snapshot.owner, snapshot.spec.name) == ("golden", "ada", "first")
    with pytest.raises(NameTaken, match="golden"):
        fleet.snapshot(ADA, "first", "golden")
    fleet.exec(ADA, "first", ["sh", "-c", "echo changed >file"])
    fleet.restore(ADA, "golden", "second")
    assert fleet.exec(ADA, "second", ["sh", "-c", "cat file $HOME/dot; echo $ONE"]).output == "kept\nkept\n1\n"
    assert [one.tag for one in fleet.snapshots(ADA)] == ["golden"] and fleet.snapshots(BOB) == []
    fleet.remove(ADA, "first")
    fleet.remove(ADA, "second")
    fleet.remove_snapshot(ADA, "golden")
    with pytest.raises(NoSuchEnvironment, match="golden"):
        fleet.restore(ADA, "golden", "third")


def test_port_inside_is_reached_though_there_is_no_network(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "web", ports=(8000,)))
    with pytest.raises(ServeFailed, match="8000"):
        fleet.connect(ADA, "web", 8000)
    fleet.exec(ADA, "web", ["sh", "-c", "echo page >index.html"])
    with fleet.open_exec(ADA, "web", ["python3", "-u", "-m", "http.server", "8000"]) as server:
        server.read()
        answers: list[bytes] = []

        def ask() -> None:
            with fleet.connect(ADA, "web", 8000) as connection:
                connection.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
                with connection.makefile("rb") as reader:
                    answers.append(reader.read())

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(60)
    assert [answer.endswith(b"\r\n\r\npage\n") for answer in answers] == [True] * 3


def test_terminal_has_a_size_and_one_stream(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "tty"))
    with fleet.open_exec(ADA, "tty", ["sh"], tty=True, size=(33, 77)) as stream:
        output = io.BytesIO()
        stream.write(b"stty size; exit 5\n")
        while (part := stream.read()) is not None:
            assert part[0] == 1
            output.write(part[1])
        assert stream.wait() == 5
    assert b"33 77" in output.getvalue()


def test_keep_and_activity_are_written_down(fleet: Fleet, backend: str) -> None:
    record = fleet.up(ADA, wanted(backend, "kept"))
    until = datetime.now(UTC) + timedelta(hours=8)
    assert fleet.keep(ADA, "kept", until).keep_until == until
    assert fleet.keep(ADA, "kept", None).keep_until is None
    with fleet.open_exec(ADA, "kept", ["cat"]):
        rows = fleet.parts.database.rows("SELECT kind, open FROM activity WHERE environment = %s", record.id)
        assert {row["kind"]: row["open"] for row in rows} == {"attach": 1}
    fleet.exec(ADA, "kept", ["true"])
    rows = fleet.parts.database.rows("SELECT kind, open FROM activity WHERE environment = %s", record.id)
    assert {row["kind"]: row["open"] for row in rows} == {"attach": 0, "exec": 0}


def test_end_of_a_use_that_cannot_be_written_down_takes_no_result_away(fleet: Fleet, backend: str) -> None:
    record = fleet.up(ADA, wanted(backend, "used"))
    database = Database(fleet.parts.database.url)
    database.open()
    with RecordedActivity(database).session(record.id, "exec"):
        database.close()


def test_command_that_was_ended_has_an_end_for_whoever_reads_it(fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "full"))
    with fleet.open_exec(ADA, "full", ["yes"]) as stream:
        stream.read()
    ended = threading.Event()

    def read() -> None:
        while stream.read() is not None:
            pass
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    assert ended.wait(30)


def test_snapshot_stays_while_environments_are_made_of_it(docker_fleet: Fleet) -> None:
    def images(*options: str) -> list[str]:
        home = docker_fleet.installation()
        argv = ["docker", "images", "-q", "--filter", f"label={containers.HOME_LABEL}={home}", *options]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.split()

    docker_fleet.up(ADA, wanted("docker", "first"))
    docker_fleet.snapshot(ADA, "first", "golden")
    docker_fleet.restore(ADA, "golden", "second")
    docker_fleet.restore(ROOT, "golden", "theirs")
    with pytest.raises(InUse, match="'golden' is used by second, 1 of other users"):
        docker_fleet.remove_snapshot(ADA, "golden")
    with pytest.raises(InUse, match="second, theirs"):
        docker_fleet.remove_snapshot(ROOT, "golden")
    assert [one.tag for one in docker_fleet.snapshots(ADA)] == ["golden"]
    docker_fleet.remove(ROOT, "theirs")
    docker_fleet.stop(ADA, "second")
    with pytest.raises(InUse, match=r"used by second\. "):
        docker_fleet.remove_snapshot(ADA, "golden")
    docker_fleet.start(ADA, "second")
    docker_fleet.remove(ADA, "second")
    docker_fleet.remove_snapshot(ADA, "golden")
    assert images() == [] and images("--filter", "dangling=true") == []


def test_snapshot_whose_image_others_use_is_left_as_it_is(docker_fleet: Fleet) -> None:
    docker_fleet.up(ADA, wanted("docker", "first"))
    image = docker_fleet.snapshot(ADA, "first", "golden").image
    argv = ["docker", "create", "--network", "none", image, "true"]
    made = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    try:
        with pytest.raises(InUse, match=r"containers on local are made of"):
            docker_fleet.remove_snapshot(ADA, "golden")
        assert [one.tag for one in docker_fleet.snapshots(ADA)] == ["golden"]
    finally:
        subprocess.run(["docker", "rm", made], check=True, capture_output=True, timeout=60)
    docker_fleet.remove_snapshot(ADA, "golden")
