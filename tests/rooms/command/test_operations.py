"""runtime.md of the specification, operation by operation: what must happen, and what must be an error."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from corral.oci.runtime import OCI_VERSION
from support.oci import Bundle, Runtime, cgroups, eventually

pytestmark = pytest.mark.requires("root", "namespaces", "busybox", "cgroup")


# -- State


def test_state_has_the_properties_of_the_specification(runtime: Runtime, bundle: Bundle) -> None:
    bundle.config["annotations"] = {"org.example.key": "value"}
    runtime.ok("create", "-b", bundle.path, "c1")
    state = runtime.state("c1")
    assert state["ociVersion"] == OCI_VERSION
    assert state["id"] == "c1"
    assert state["status"] == "created"
    assert state["bundle"] == bundle.path
    assert state["annotations"] == {"org.example.key": "value"}
    assert Path(f"/proc/{state['pid']}").exists()


def test_state_of_a_container_that_does_not_exist_is_an_error(runtime: Runtime) -> None:
    assert runtime.error("state", "nobody") == "container does not exist"


def test_state_without_an_id_is_an_error(runtime: Runtime) -> None:
    assert "requires exactly 1 argument" in runtime.error("state")


def test_statuses_follow_the_kernel(runtime: Runtime, bundle: Bundle) -> None:
    runtime.ok("create", "-b", bundle.path, "c1")
    assert runtime.status("c1") == "created"
    runtime.ok("start", "c1")
    assert runtime.status("c1") == "running"
    runtime.ok("pause", "c1")
    assert runtime.status("c1") == "paused"
    runtime.ok("resume", "c1")
    os.kill(runtime.state("c1")["pid"], signal.SIGKILL)  # behind our back
    assert eventually(lambda: runtime.status("c1") == "stopped")
    assert runtime.state("c1")["pid"] == 0


def test_a_number_that_another_process_has_by_now_is_not_believed(runtime: Runtime, running: str) -> None:
    path = runtime.root / running / "state.json"
    record = json.loads(path.read_text())
    original = dict(record)
    record["pid"] = os.getpid()
    path.write_text(json.dumps(record))
    assert runtime.status(running) == "stopped"
    assert runtime.error("kill", running, "KILL") == "container not running"
    path.write_text(json.dumps(original))


# -- Create


def test_create_does_not_run_the_program(runtime: Runtime, bundle: Bundle) -> None:
    runtime.ok("create", "-b", bundle.runs("touch", "/ran").path, "c1")
    assert not (bundle.rootfs / "ran").exists()
    runtime.ok("start", "c1")
    assert eventually((bundle.rootfs / "ran").exists)


def test_an_id_that_is_taken_is_an_error_and_changes_nothing(runtime: Runtime, bundle: Bundle) -> None:
    runtime.ok("create", "-b", bundle.path, "c1")
    before = runtime.state("c1")
    assert runtime.error("create", "-b", bundle.path, "c1") == "container with given ID already exists"
    assert runtime.state("c1") == before


@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "../x", "a b", "ä", "x" * 1025, "a\nb"])
def test_an_id_that_cannot_be_one_is_an_error(runtime: Runtime, bundle: Bundle, id: str) -> None:
    assert "container" in runtime.error("create", "-b", bundle.path, "--", id)
    assert not runtime.root.exists() or not os.listdir(runtime.root)


def test_without_a_bundle_nothing_is_created(runtime: Runtime, tmp_path: Path) -> None:
    assert "config.json not found" in runtime.error("create", "-b", str(tmp_path), "c1")
    assert runtime.error("state", "c1") == "container does not exist"


def test_changes_of_the_configuration_after_create_have_no_effect(runtime: Runtime, bundle: Bundle) -> None:
    runtime.ok("create", "-b", bundle.runs("sh", "-c", "echo first > /out").path, "c1")
    _ = bundle.runs("sh", "-c", "echo second > /out").path
    runtime.ok("start", "c1")
    assert eventually(lambda: (bundle.rootfs / "out").exists() and (bundle.rootfs / "out").read_text() == "first\n")


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        (lambda c: c.pop("ociVersion"), "config.md#specification-version"),
        (lambda c: c.pop("root"), "config.md#root"),
        (lambda c: c["process"].pop("cwd"), "config.md#process"),
        (lambda c: c.pop("process"), "runtime.md#start"),
        (lambda c: c["root"].update(path="nowhere"), "config.md#root"),
    ],
)
def test_an_invalid_configuration_names_the_clause(
    runtime: Runtime, bundle: Bundle, change: Callable[[dict[str, object]], object], clause: str
) -> None:
    change(bundle.config)
    assert clause in runtime.error("create", "-b", bundle.path, "c1")
    assert runtime.error("state", "c1") == "container does not exist"


def test_what_cannot_be_made_leaves_nothing(runtime: Runtime, bundle: Bundle, cgroup_mark: str) -> None:
    bundle.config["mounts"].append(
        {"destination": "/x", "type": "bind", "source": "/does/not/exist", "options": ["bind"]}
    )
    assert "/does/not/exist" in runtime.error("create", "-b", bundle.path, "c1")
    assert runtime.error("state", "c1") == "container does not exist"
    assert not [path for path in cgroups(cgroup_mark) if path.name == bundle.directory.name]
    bundle.config["mounts"].pop()
    runtime.ok("create", "-b", bundle.path, "c1")


def test_a_program_that_is_not_there_fails_create(runtime: Runtime, bundle: Bundle) -> None:
    assert runtime.error("create", "-b", bundle.runs("nope").path, "c1") == (
        'exec: "nope": executable file not found in $PATH'
    )
    assert runtime.error("state", "c1") == "container does not exist"


def test_the_pid_file_holds_the_process(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    runtime.ok("create", "-b", bundle.path, "--pid-file", str(tmp_path / "pid"), "c1")
    assert (tmp_path / "pid").read_text() == str(runtime.state("c1")["pid"])


# -- Start


@pytest.mark.parametrize("verb", ["running", "stopped", "paused"])
def test_start_of_what_is_not_created_is_an_error(runtime: Runtime, running: str, verb: str) -> None:
    if verb == "paused":
        runtime.ok("pause", running)
    if verb == "stopped":
        runtime.ok("kill", running, "KILL")
        assert eventually(lambda: runtime.status(running) == "stopped")
    assert "cannot start" in runtime.error("start", running)
    assert runtime.status(running) == verb


def test_a_created_container_survives_that_start_is_killed_before_it_spoke(runtime: Runtime, bundle: Bundle) -> None:
    import socket

    runtime.ok("create", "-b", bundle.path, "c1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as visitor:
        visitor.connect(f"/proc/self/fd/{os.open(runtime.root / 'c1', os.O_PATH)}/door")
    assert runtime.status("c1") == "created"
    runtime.ok("start", "c1")
    assert runtime.status("c1") == "running"


def test_what_fails_at_start_is_said_by_start(runtime: Runtime, bundle: Bundle) -> None:
    bundle.hook("startContainer", "exit 3")
    runtime.ok("create", "-b", bundle.path, "c1")
    assert "startContainer" in runtime.error("start", "c1")
    assert eventually(lambda: runtime.status("c1") == "stopped")


# -- Kill


def test_kill_sends_the_named_signal(runtime: Runtime, bundle: Bundle) -> None:
    bundle.runs("sh", "-c", "trap 'touch /got' USR1; touch /ready; while :; do sleep 0.05; done")
    runtime.ok("run", "-d", "-b", bundle.path, "c1")
    assert eventually((bundle.rootfs / "ready").exists)
    runtime.ok("kill", "c1", "USR1")
    assert eventually((bundle.rootfs / "got").exists)


def test_kill_of_a_stopped_container_is_an_error(runtime: Runtime, running: str) -> None:
    runtime.ok("kill", running, "9")
    assert eventually(lambda: runtime.status(running) == "stopped")
    assert runtime.error("kill", running) == "container not running"


def test_kill_reaches_a_created_container(runtime: Runtime, bundle: Bundle) -> None:
    runtime.ok("create", "-b", bundle.path, "c1")
    runtime.ok("kill", "c1", "SIGKILL")
    assert eventually(lambda: runtime.status("c1") == "stopped")


def test_kill_reaches_a_paused_container(runtime: Runtime, running: str) -> None:
    runtime.ok("pause", running)
    runtime.ok("kill", running, "KILL")
    assert eventually(lambda: runtime.status(running) == "stopped")


def test_kill_all_reaches_execs(runtime: Runtime, running: str) -> None:
    runtime.ok("exec", "-d", running, "sleep", "777")
    assert len(json.loads(runtime.ok("ps", "--format", "json", running))) == 2
    runtime.ok("kill", "--all", running, "KILL")
    assert eventually(lambda: json.loads(runtime.ok("ps", "-f", "json", running)) == [])


def test_an_unknown_signal_is_an_error(runtime: Runtime, running: str) -> None:
    assert runtime.error("kill", running, "NOPE") == 'unknown signal "NOPE"'
    assert runtime.status(running) == "running"


# -- Delete


def test_delete_of_a_running_container_is_an_error(runtime: Runtime, running: str) -> None:
    assert "not stopped" in runtime.error("delete", running)
    assert runtime.status(running) == "running"


def test_delete_removes_everything_and_frees_the_id(runtime: Runtime, bundle: Bundle, cgroup_mark: str) -> None:
    runtime.ok("run", "-d", "-b", bundle.path, "c1")
    runtime.ok("delete", "--force", "c1")
    assert os.listdir(runtime.root) == []
    assert not [path for path in cgroups(cgroup_mark) if path.name == bundle.directory.name]
    assert (bundle.rootfs / "bin/busybox").exists()
    runtime.ok("run", "-d", "-b", bundle.path, "c1")


def test_delete_by_force_of_nothing_is_no_error(runtime: Runtime) -> None:
    runtime.ok("delete", "--force", "nobody")
    assert runtime.error("delete", "nobody") == "container does not exist"


def test_a_creation_that_was_killed_is_no_container_and_its_id_is_free(runtime: Runtime, bundle: Bundle) -> None:
    directory = runtime.root / "c1"
    directory.mkdir(parents=True, mode=0o700)
    (directory / "config.json").write_text(json.dumps(bundle.config))
    assert "not created yet" in runtime.error("state", "c1")
    runtime.ok("create", "-b", bundle.path, "c1")
    assert runtime.status("c1") == "created"


# -- Run


def test_run_hands_on_input_output_and_exit_code(runtime: Runtime, bundle: Bundle) -> None:
    bundle.runs("sh", "-c", "cat; echo err >&2; exit 7")
    done = runtime.call("run", "-b", bundle.path, "c1", stdin=b"in\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, "in\n", "err\n")
    assert os.listdir(runtime.root) == []


def test_run_keeps_it_when_asked(runtime: Runtime, bundle: Bundle) -> None:
    runtime.ok("run", "--keep", "-b", bundle.runs("true").path, "c1")
    assert runtime.status("c1") == "stopped"


def test_run_says_by_which_signal_it_ended(runtime: Runtime, bundle: Bundle) -> None:
    bundle.linux["namespaces"] = [n for n in bundle.linux["namespaces"] if n["type"] != "pid"]
    assert runtime.call("run", "-b", bundle.runs("sh", "-c", "kill -9 $$").path, "c1").returncode == 137


# -- Hooks


def test_hooks_run_in_the_order_of_the_lifecycle(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "order"
    for kind in ("prestart", "createRuntime", "poststart", "poststop"):
        bundle.hook(kind, f'echo {kind} $(grep -o \'"status": "[a-z]*"\' | cut -d\'"\' -f4) >> {out}')
    bundle.hook("createContainer", f"echo createContainer >> {out}")
    runtime.ok("create", "-b", bundle.path, "c1")
    assert out.read_text().splitlines() == ["prestart creating", "createRuntime creating", "createContainer"]
    runtime.ok("start", "c1")
    assert out.read_text().splitlines()[3:] == ["poststart running"]
    runtime.ok("delete", "-f", "c1")
    assert out.read_text().splitlines()[4:] == ["poststop stopped"]


def test_a_failing_create_hook_destroys_the_container_and_poststop_runs(
    runtime: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.hook("createRuntime", "exit 1").hook("poststop", f"touch {tmp_path}/stopped")
    assert "createRuntime" in runtime.error("create", "-b", bundle.path, "c1")
    assert runtime.error("state", "c1") == "container does not exist"
    assert (tmp_path / "stopped").exists()


@pytest.mark.parametrize("kind", ["poststart", "poststop"])
def test_a_failing_late_hook_is_a_warning_and_the_next_one_runs(
    runtime: Runtime, bundle: Bundle, tmp_path: Path, kind: str
) -> None:
    bundle.hook(kind, "exit 1").hook(kind, f"touch {tmp_path}/next")
    log = tmp_path / "log"
    flags = ("--log", str(log), "--log-format", "json")
    runtime.ok("run", "-d", "-b", bundle.path, "c1", before=flags)
    runtime.ok("delete", "-f", "c1", before=flags)
    assert (tmp_path / "next").exists()
    assert [json.loads(line)["level"] for line in log.read_text().splitlines()] == ["warning"]
