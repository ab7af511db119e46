"""What the other verbs do, and how errors are told."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
from pathlib import Path

import pytest

from support.oci import PROGRAM, Bundle, Runtime, eventually

pytestmark = pytest.mark.requires("root", "namespaces", "busybox", "cgroup")


def test_an_error_is_one_line_on_stderr_and_one_of_json_in_the_log(runtime: Runtime, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    line = runtime.error("start", "nobody", before=("--log", str(log), "--log-format", "json"))
    entry = json.loads(log.read_text())
    assert (entry["level"], entry["msg"]) == ("error", line)
    assert entry["time"].endswith("Z")


def test_a_text_log_is_logfmt(runtime: Runtime, tmp_path: Path) -> None:
    runtime.error("start", "nobody", before=("--log", str(tmp_path / "log")))
    assert 'level=error msg="container does not exist"' in (tmp_path / "log").read_text()


@pytest.mark.parametrize("verb", ["checkpoint", "restore"])
def test_what_is_not_built_says_so(runtime: Runtime, verb: str) -> None:
    assert "not built" in runtime.error(verb, "--image-path", "x", "c1")


def test_unknown_verbs_and_flags_are_errors(runtime: Runtime) -> None:
    assert "conjure" in runtime.error("conjure")
    assert "not defined: --nope" in runtime.error("state", "--nope", "x")


# -- exec


def test_exec_hands_on_the_exit_code_and_takes_what_the_flags_say(runtime: Runtime, running: str) -> None:
    assert runtime.call("exec", running, "sh", "-c", "exit 9").returncode == 9
    flags = ("--user", "7:8", "--env", "A=b", "--cwd", "/tmp", "--additional-gids", "9")
    out = runtime.ok("exec", *flags, running, "sh", "-c", "id -u; id -G; echo $A; pwd")
    assert out.split() == ["7", "8", "9", "b", "/tmp"]


def test_exec_by_a_process_file(runtime: Runtime, running: str, tmp_path: Path) -> None:
    process = {"args": ["sh", "-c", "echo $WORD; pwd"], "env": ["WORD=x", "PATH=/bin"], "cwd": "/tmp"}
    (tmp_path / "process.json").write_text(json.dumps(process))
    assert runtime.ok("exec", "--process", str(tmp_path / "process.json"), running) == "x\n/tmp\n"


def test_exec_adds_capabilities_but_not_inheritable_ones(runtime: Runtime, running: str) -> None:
    status = runtime.ok("exec", "--cap", "CAP_SYS_PTRACE", running, "cat", "/proc/self/status")
    sets = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Cap"))
    assert int(sets["CapEff"], 16) >> 19 & 1
    assert int(sets["CapInh"], 16) == 0


def test_a_detached_exec_leaves_its_number(runtime: Runtime, running: str, tmp_path: Path) -> None:
    runtime.ok("exec", "-d", "--pid-file", str(tmp_path / "pid"), running, "sleep", "777")
    pid = int((tmp_path / "pid").read_text())
    assert pid in json.loads(runtime.ok("ps", "--format", "json", running))


def test_exec_where_it_cannot_be(runtime: Runtime, running: str) -> None:
    runtime.ok("pause", running)
    assert "paused container" in runtime.error("exec", running, "true")
    runtime.ok("resume", running)
    done = runtime.call("exec", running, "nope")
    assert (done.returncode, done.stderr) == (255, 'exec: "nope": executable file not found in $PATH\n')
    runtime.ok("kill", running, "KILL")
    assert eventually(lambda: runtime.status(running) == "stopped")
    assert "stopped container" in runtime.error("exec", running, "true")


def test_descriptors_are_preserved_when_asked(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    bundle.runs("sh", "-c", "echo through >&3")
    command = [*PROGRAM, "--root", str(runtime.root), "run", "--preserve-fds", "1", "-b", bundle.path, "c1"]
    subprocess.run(["sh", "-c", f'exec "$@" 3>{tmp_path}/out', "sh", *command], check=True, stdin=subprocess.DEVNULL)
    assert (tmp_path / "out").read_text() == "through\n"
    assert "is not open" in runtime.error("run", "--preserve-fds", "98", "-b", bundle.path, "c1")


@pytest.mark.parametrize("verb", ["run", "create"])
def test_descriptors_of_the_runtimes_own_are_not_preserved(runtime: Runtime, bundle: Bundle, verb: str) -> None:
    """The caller has none by the number, but the state directory may: a way to the host (CVE-2024-21626)."""
    bundle.runs("sh", "-c", "ls -l /proc/self/fd")
    assert "file descriptor 3 is not open" in runtime.error(verb, "--preserve-fds", "1", "-b", bundle.path, "c1")


# -- terminals


def _console_socket(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(1)
    return listener


def _receive_master(listener: socket.socket) -> int:
    listener.settimeout(20)
    connection, _ = listener.accept()
    with connection:
        name, fds, _, _ = socket.recv_fds(connection, 100, 1)
    assert name
    return fds[0]


def test_the_terminals_master_goes_to_the_console_socket(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    bundle.process["terminal"] = True
    with _console_socket(tmp_path / "console") as listener:
        runtime.ok("create", "-b", bundle.runs("tty").path, "--console-socket", str(tmp_path / "console"), "c1")
        master = _receive_master(listener)
    runtime.ok("start", "c1")
    assert os.read(master, 100) == b"/dev/pts/0\r\n"
    os.close(master)


def test_a_terminal_without_anybody_to_have_it_is_an_error(runtime: Runtime, bundle: Bundle) -> None:
    bundle.process["terminal"] = True
    assert "console socket" in runtime.error("create", "-b", bundle.path, "c1")
    bundle.process["terminal"] = False
    assert "console socket" in runtime.error("run", "-b", bundle.path, "--console-socket", "/nowhere", "c1")
    assert runtime.ok("list", "-q") == ""


def test_run_relays_a_terminal_and_exec_too(runtime: Runtime, bundle: Bundle) -> None:
    bundle.process["terminal"] = True
    bundle.runs("sh", "-c", "tty; read line; echo got $line; exit 5")
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "--root", str(runtime.root), "run", "-b", bundle.path, "c1"]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while b"/dev/pts/0" not in seen:
        seen += os.read(ours, 1000)
    os.write(ours, b"typed\r")
    while b"got typed" not in seen:
        seen += os.read(ours, 1000)
    assert child.wait(20) == 5
    os.close(ours)


# -- limits and numbers


def _limit(pid: int, file: str, v2: str) -> str:
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        names = controllers.split(",")
        if file.partition(".")[0] in names:
            mount = next(
                fields[4]
                for fields in map(str.split, Path("/proc/self/mountinfo").read_text().splitlines())
                if fields[-3] == "cgroup" and file.partition(".")[0] in fields[-1].split(",")
            )
            return Path(f"{mount}{path}/{file}").read_text().strip()
    path = next(line.split("::")[1] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if "::" in line)
    return Path(f"/sys/fs/cgroup{path}/{v2}").read_text().strip()


def test_update_by_flags_and_by_resources(runtime: Runtime, running: str, tmp_path: Path) -> None:
    pid = runtime.state(running)["pid"]
    runtime.ok("update", "--memory", "64m", "--pids-limit", "30", running)
    assert _limit(pid, "memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert _limit(pid, "pids.max", "pids.max") == "30"
    runtime.ok("update", "--resources", "-", running, stdin=json.dumps({"memory": {"limit": 128 << 20}}).encode())
    assert _limit(pid, "memory.limit_in_bytes", "memory.max") == str(128 << 20)
    (tmp_path / "r.json").write_text(json.dumps({"pids": {"limit": 40}}))
    runtime.ok("update", "-r", str(tmp_path / "r.json"), running)
    assert _limit(pid, "pids.max", "pids.max") == "40"
    kept = json.loads((runtime.root / running / "config.json").read_text())["linux"]["resources"]
    assert (kept["memory"]["limit"], kept["pids"]["limit"]) == (128 << 20, 40)


def test_events_once(runtime: Runtime, running: str) -> None:
    event = json.loads(runtime.ok("events", "--stats", running))
    assert (event["type"], event["id"]) == ("stats", running)
    assert event["data"]["memory"]["usage"]["usage"] > 0
    assert event["data"]["pids"]["current"] == 1


def test_events_end_with_the_container(runtime: Runtime, running: str) -> None:
    command = [*PROGRAM, "--root", str(runtime.root), "events", "--interval", "100ms", running]
    follower = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert follower.stdout is not None
    assert json.loads(follower.stdout.readline())["type"] == "stats"
    runtime.ok("kill", running, "KILL")
    follower.communicate(timeout=20)
    assert follower.returncode == 0


def test_list(runtime: Runtime, running: str) -> None:
    assert runtime.ok("list", "-q") == f"{running}\n"
    (entry,) = json.loads(runtime.ok("list", "--format", "json"))
    assert (entry["id"], entry["status"]) == (running, "running")
    heading, line = runtime.ok("list").splitlines()
    assert heading.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    assert line.split()[2] == "running"


def test_ps_as_a_table(runtime: Runtime, running: str) -> None:
    heading, line = runtime.ok("ps", running).splitlines()
    assert "PID" in heading
    assert "sleep 1000" in line


def test_spec_can_be_run(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    runtime.ok("spec", "--bundle", str(place))
    assert "exists" in runtime.error("spec", "--bundle", str(place))
    config = json.loads((place / "config.json").read_text())
    config["process"] |= {"terminal": False, "args": ["echo", "example"], "rlimits": []}
    bundle.config = config
    config["linux"]["cgroupsPath"] = f"/{runtime.mark}-oci/spec"
    assert runtime.ok("run", "-b", bundle.path, "c1") == "example\n"


def test_features_name_what_the_specification_asks(runtime: Runtime) -> None:
    features = json.loads(runtime.ok("features"))
    assert features["ociVersionMin"] == "1.0.0"
    assert {"rro", "bind", "rbind", "tmpcopyup"} <= set(features["mountOptions"])
    assert features["linux"]["cgroup"]["v2"] is True
    assert "startContainer" in features["hooks"]
