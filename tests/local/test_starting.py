"""A server is started by whoever comes first, shared, started again when it dies, and leaves nothing when killed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest
from pydantic import JsonValue

from local import (
    LocalError,
    PlatformUnsupported,
    ServerFailed,
    Workspace,
    ensure_forge,
    ensure_postgres,
    ensure_replay,
    open_workspace,
    status,
    stop,
    using,
)
from local.locks import is_held, try_lock
from local.servers import alone
from local.service import require_wheel
from local.transcript import RecordedRequest, TranscriptEntry, write_transcript
from tests.local.processes import kill, naming, outputs, python, state_of, wait_until

TRIES = 3
"""How often a port that was free is looked for: other programs of this machine may take it in between."""
FORGE = "import sys, local, pathlib; print(local.ensure_forge(local.open_workspace(pathlib.Path(sys.argv[1]))).url)"


def state(workspace: Workspace, name: str) -> str:
    return next(one.state for one in status(workspace) if one.name == name)


def has_moved_on(workspace: Workspace, child: int | None) -> bool:
    return state_of(workspace, "forge").child != child or not is_held(workspace.run_file("forge.lock"))


def test_eight_processes_that_race_share_one_server(workspace: Workspace) -> None:
    found = outputs([python(FORGE, str(workspace.path)) for _ in range(8)])
    assert len(set(found)) == 1
    assert naming(f"local.supervisor {workspace.path} forge ") == [state_of(workspace, "forge").pid]
    assert naming(f"-m forge --data {workspace.path}") == [state_of(workspace, "forge").child]


def test_races_of_starts_and_stops_end_with_a_server_that_runs(workspace: Workspace) -> None:
    stopping = "import sys, local, pathlib; local.stop(local.open_workspace(pathlib.Path(sys.argv[1])))"
    outputs([python(code, str(workspace.path)) for code in (FORGE, stopping, FORGE, stopping)])
    url = ensure_forge(workspace).url
    assert naming(f"-m forge --data {workspace.path}") == [state_of(workspace, "forge").child]
    assert ensure_forge(workspace).url == url


def test_died_server_comes_back_on_its_port(workspace: Workspace) -> None:
    url = ensure_forge(workspace).url
    first = state_of(workspace, "forge")
    kill(first.child)
    wait_until(lambda: state_of(workspace, "forge").restarts == 1 and state(workspace, "forge") == "running")
    wait_until(lambda: state_of(workspace, "forge").state == "running")
    assert ensure_forge(workspace).url == url
    assert state_of(workspace, "forge").pid == first.pid


def test_killed_supervisor_leaves_no_server_and_is_replaced(workspace: Workspace) -> None:
    ensure_postgres(workspace)
    first = state_of(workspace, "postgres")
    kill(first.pid)
    ensure_postgres(workspace)
    second = state_of(workspace, "postgres")
    assert second.pid != first.pid
    assert len(naming(f"-D {workspace.path}/data/postgres")) == 1


def test_everything_killed_is_taken_up_again(workspace: Workspace) -> None:
    import psycopg

    with psycopg.connect(ensure_postgres(workspace), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    kill(*naming(f"local.supervisor {workspace.path}"), *naming(f"-D {workspace.path}/data/postgres"))
    with psycopg.connect(ensure_postgres(workspace)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]


def test_stop_that_comes_while_the_supervisor_looks_around_is_heard(workspace: Workspace) -> None:
    for _ in range(5):
        ensure_forge(workspace)
        flood = f"while kill -CHLD {state_of(workspace, 'forge').pid}; do :; done"
        with subprocess.Popen(["sh", "-c", flood], stderr=subprocess.DEVNULL):
            time.sleep(0.2)  # so that it looks around, again and again, when the stop comes
            stop(workspace, ["forge"])
        assert state(workspace, "forge") == "stopped"


def test_state_left_by_a_kill_is_not_believed(workspace: Workspace) -> None:
    ensure_forge(workspace)
    left = workspace.run_file("forge.json").read_text()
    stop(workspace)
    workspace.run_file("forge.json").write_text(left)
    assert state(workspace, "forge") == "stopped"
    ensure_forge(workspace)
    assert state_of(workspace, "forge").model_dump_json() != left


def test_server_that_keeps_dying_is_given_up_and_can_be_tried_again(workspace: Workspace) -> None:
    ensure_forge(workspace)
    lock = workspace.run_file("forge.lock")
    for _ in range(5):
        wait_until(lambda: state_of(workspace, "forge").state == "running")
        child = state_of(workspace, "forge").child
        kill(child)
        wait_until(partial(has_moved_on, workspace, child))
    wait_until(lambda: not is_held(lock))
    found = next(one for one in status(workspace) if one.name == "forge")
    assert found.state == "failed"
    assert "given up after 5 deaths: it was killed by signal 9" in found.detail
    assert ensure_forge(workspace).url
    assert state(workspace, "forge") == "running"


def test_server_that_does_not_start_is_told_with_the_end_of_its_log(workspace: Workspace) -> None:
    ensure_postgres(workspace)
    stop(workspace)
    (workspace.path / "data" / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ServerFailed, match="no_such_setting") as caught:
        ensure_postgres(workspace)
    assert "postgres.log" in caught.value.hint
    assert state(workspace, "postgres") == "failed"


def test_all_who_wait_for_a_server_that_does_not_start_are_told(workspace: Workspace) -> None:
    (workspace.path / "data" / "forge").mkdir()
    (workspace.path / "data" / "forge" / "forge.sqlite3").write_text("this is no database, but a text " * 200)
    code = """
import sys, local, pathlib
try:
    local.ensure_forge(local.open_workspace(pathlib.Path(sys.argv[1])))
except local.ServerFailed as fault:
    print("given up" in str(fault) and "database" in str(fault))
"""
    assert outputs([python(code, str(workspace.path)) for _ in range(3)]) == ["True"] * 3


def test_taken_port_is_told(workspace: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServerFailed, match=rf"port {port} is taken"):
            ensure_forge(workspace, port)


def test_other_port_than_that_of_the_running_forge_is_refused(workspace: Workspace) -> None:
    ensure_forge(workspace)
    with pytest.raises(ServerFailed, match="runs already at http"):
        ensure_forge(workspace, 1)


def test_forge_keeps_its_port_and_gives_way_where_it_was_taken_meanwhile(workspace: Workspace) -> None:
    for _ in range(TRIES):
        url = ensure_forge(workspace).url
        stop(workspace)
        if ensure_forge(workspace).url == url:
            break
        stop(workspace)
    else:
        pytest.fail("it never had the port again that it had")
    stop(workspace)
    with ExitStack() as taken:
        with suppress(OSError):  # another program has it just now, which is as good
            taken.enter_context(socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))))
        assert ensure_forge(workspace).url != url


def test_earlier_server_that_still_runs_is_waited_for(workspace: Workspace) -> None:
    holder = python(
        "import sys, time; from pathlib import Path; from local.locks import try_lock; "
        "assert try_lock(Path(sys.argv[1])) is not None; print('held', flush=True); time.sleep(2)",
        str(workspace.run_file("forge.guard")),
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    ensure_forge(workspace)
    assert holder.poll() is not None or outputs([holder])
    holder.communicate()


def test_workspace_made_anew_in_the_place_of_a_removed_one_has_servers_of_its_own(workspace: Workspace) -> None:
    ensure_postgres(workspace)
    old = state_of(workspace, "postgres")
    shutil.rmtree(workspace.path)

    anew = open_workspace(workspace.path)
    ensure_postgres(anew)
    new = state_of(anew, "postgres")
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in (old.pid, old.child)))
    assert state_of(anew, "postgres") == new, "the old one's last word is not told in the new place"
    assert Path(f"/proc/{new.child}").exists()


def test_wheel_that_is_missing_is_told() -> None:
    with pytest.raises(PlatformUnsupported, match=r"no_such_wheel.*not installed") as caught:
        require_wheel("no_such_wheel", "the graph", "NEO4J_URI")
    assert "NEO4J_URI" in caught.value.hint


def test_fault_of_the_platform_reaches_the_caller_as_such(workspace: Workspace) -> None:
    without = "import sys; sys.modules.update(arcadedb=None)"
    code = (
        f"{without}\nfrom local.services import Graph\nfrom local import open_workspace\nfrom pathlib import Path\n"
        + (
            "try:\n Graph(open_workspace(Path(sys.argv[1])), {}).make()\nexcept Exception as fault: print(type(fault).__name__)"
        )
    )
    assert outputs([python(code, str(workspace.path))]) == ["PlatformUnsupported"]


def test_servers_get_no_keys_of_the_person(workspace: Workspace) -> None:
    code = "import os\nos.environ['OPENAI_API_KEY'] = 'sk-very-secret'\n" + FORGE
    outputs([python(code, str(workspace.path))])
    found = state_of(workspace, "forge")
    for pid in (found.pid, found.child):
        assert b"sk-very-secret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_state_and_logs_hold_no_secret(workspace: Workspace) -> None:
    ensure_postgres(workspace)
    ensure_forge(workspace)
    secrets = [file.read_bytes() for file in (workspace.path / "secrets").iterdir()]
    for folder in ("run", "logs"):
        for file in (workspace.path / folder).rglob("*"):
            if file.is_file():
                assert not any(secret in file.read_bytes() for secret in secrets), file


def test_last_user_out_stops_the_servers(workspace: Workspace) -> None:
    with using(workspace):
        with using(workspace):
            ensure_forge(workspace)
        assert state(workspace, "forge") == "running"
    assert state(workspace, "forge") == "stopped"


def test_killed_user_does_not_count(workspace: Workspace) -> None:
    code = f"{FORGE.rpartition('; ')[0]}; w = local.open_workspace(pathlib.Path(sys.argv[1]))\n" + (
        "with local.using(w):\n print(local.ensure_forge(w).url, flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    other.stdout.readline()
    with using(workspace):
        kill(other.pid)
        other.communicate()
        assert state(workspace, "forge") == "running"
    assert state(workspace, "forge") == "stopped"


def test_kept_servers_run_on_until_they_are_stopped(workspace: Workspace) -> None:
    with using(workspace, keep=True):
        ensure_forge(workspace)
    with using(workspace):
        pass
    assert state(workspace, "forge") == "running"
    stop(workspace)
    with using(workspace):
        ensure_forge(workspace)
    assert state(workspace, "forge") == "stopped"


def test_workspace_in_use_cannot_be_held_alone(workspace: Workspace) -> None:
    with using(workspace), pytest.raises(LocalError, match="in use"), alone(workspace):
        pass


def test_unknown_server_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ServerFailed, match="there is no server 'redis'"):
        stop(workspace, ["redis"])


def test_lock_is_exclusive_until_its_holder_ends(tmp_path: Path) -> None:
    holder = python(
        "import sys; from pathlib import Path; from local.locks import try_lock; "
        "try_lock(Path(sys.argv[1])); print('held', flush=True); __import__('time').sleep(100)",
        str(tmp_path / "lock"),
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert try_lock(tmp_path / "lock") is None
    holder.kill()
    holder.communicate()
    assert try_lock(tmp_path / "lock") is not None


def test_replay_of_other_transcripts_replaces_the_running_one(workspace: Workspace, tmp_path: Path) -> None:
    recorded = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    for file in recorded:
        request = RecordedRequest(model="m", messages=({"role": "user", "content": "plan"},))
        reply: dict[str, JsonValue] = {"choices": [{"message": {"role": "assistant", "content": file.stem}}]}
        write_transcript(file, [TranscriptEntry(turn=f"F-1/-/planner/1/{file.stem}", request=request, reply=reply)])
    first = ensure_replay(workspace, recorded[0])
    assert first.endswith("/v1")
    pid = state_of(workspace, "replay").pid
    assert ensure_replay(workspace, recorded[0]) == first
    assert state_of(workspace, "replay").pid == pid
    ensure_replay(workspace, *recorded)
    assert state_of(workspace, "replay").pid != pid


def test_missing_transcript_is_told(workspace: Workspace) -> None:
    with pytest.raises(ServerFailed, match="there is no transcript"):
        ensure_replay(workspace, Path("nowhere.jsonl"))


def test_folder_named_like_a_module_of_ours_is_not_imported(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    (workspace.path / "local").mkdir()
    (workspace.path / "local" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    try:
        assert ensure_forge(workspace).url
    finally:
        stop(workspace)
