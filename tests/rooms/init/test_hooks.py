"""Hooks: which program is run when, where, with which state, and what its failure does: config.md, "POSIX-platform
Hooks", and runtime.md, "Lifecycle"."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from corral.oci.runtime import Hook, Hooks, IDMapping, Namespace, Root, User
from corral.runtime.init import hooks
from corral.runtime.init.failure import SetupError
from support.boxes import NAMESPACES, NEEDS, Box, Outcome, in_box, process, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)


def sh(script: str, **fields: Any) -> Hook:
    return Hook("/bin/sh", ("sh", "-c", script), **fields)


def run(box: Box, made: Hooks, script: str = "true", **fields: Any) -> Outcome:
    outcome = in_box(box, lambda box: box.run(spec(shell(script), hooks=made, **fields)))
    assert isinstance(outcome, Outcome)
    return outcome


def test_hooks_run_in_the_order_of_a_containers_life_and_of_the_list(box: Box, tmp_path: Path, root: Path) -> None:
    log = tmp_path / "log"
    made = Hooks(
        prestart=(sh(f"echo prestart >> {log}"), sh(f"echo second >> {log}")),
        create_runtime=(sh(f"echo createRuntime >> {log}"),),
        create_container=(sh(f"echo createContainer >> {log}"),),
        start_container=(sh("echo startContainer > /started"),),
    )
    outcome = run(box, made, "cat /started")
    assert (outcome.error, outcome.lines) == ("", ["startContainer"])
    assert log.read_text().split() == ["prestart", "second", "createRuntime", "createContainer"]
    assert (root / "started").exists()


def test_the_state_is_on_standard_input(box: Box, tmp_path: Path) -> None:
    def saved(name: str) -> Any:
        return json.loads((tmp_path / name).read_text())

    made = Hooks(
        create_runtime=(sh(f"cat > {tmp_path}/runtime"),),
        create_container=(sh(f"cat > {tmp_path}/container"),),
        start_container=(sh("cat > /start"),),
    )
    outcome = run(box, made, "cat /start", annotations={"org.example.key": "value"})
    runtime, container, start = saved("runtime"), saved("container"), json.loads(outcome.out)
    assert runtime["pid"] > 1, "as the runtime sees it"
    assert (container["pid"], start["pid"]) == (1, 1), "as the container sees it"
    assert [state["status"] for state in (runtime, container, start)] == ["creating", "creating", "created"]
    for state in (runtime, container, start):
        assert (state["id"], state["bundle"]) == ("box", str(box.bundle))
        assert state["annotations"] == {"org.example.key": "value"}
        assert state["ociVersion"] == "1.2.0"


def test_hooks_are_in_the_namespaces_that_the_specification_gives_them(box: Box, tmp_path: Path) -> None:
    def where(name: str) -> str:
        return f"for n in mnt net uts; do readlink /proc/self/ns/$n; done > {name}"

    made = Hooks(
        create_runtime=(sh(where(f"{tmp_path}/runtime")),),
        create_container=(sh(where(f"{tmp_path}/container")),),
        start_container=(sh(where("/start")),),
    )
    outcome = run(box, made, "for n in mnt net uts; do readlink /proc/self/ns/$n; done; cat /start")
    own, start = outcome.lines[:3], outcome.lines[3:]
    ours = [os.readlink(f"/proc/self/ns/{name}") for name in ("mnt", "net", "uts")]
    assert (tmp_path / "runtime").read_text().split() == ours
    assert start == own
    assert len(set(own) & set(ours)) == 0


def test_a_createcontainer_hook_finds_host_files_and_works_on_the_root_before_it_is_read_only(
    box: Box, tmp_path: Path
) -> None:
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra/file").write_text("brought\n")
    script = f"mkdir mnt && mount --bind {tmp_path}/extra mnt"
    outcome = run(
        box, Hooks(create_container=(sh(script),)), "cat /mnt/file; touch /x 2>&1", root=Root("rootfs", readonly=True)
    )
    assert outcome.error == ""
    assert outcome.lines == ["brought", "touch: /x: Read-only file system"]
    assert not (tmp_path / "root/mnt/file").exists(), "it was mounted in the container's namespace"


@pytest.mark.parametrize("kind", ["prestart", "create_runtime", "create_container", "start_container"])
def test_a_failing_hook_is_the_containers_end(box: Box, tmp_path: Path, kind: str) -> None:
    made = Hooks(**{kind: (sh("echo out; echo bad >&2; exit 3"), sh("touch /second"))})
    outcome = run(box, made, "echo ran")
    name = {
        "create_runtime": "createRuntime",
        "create_container": "createContainer",
        "start_container": "startContainer",
    }
    assert outcome.error == (f"error running {name.get(kind, kind)} hook #0: exit status 3, stdout: out, stderr: bad")
    assert (outcome.out, outcome.code) == ("", 125)
    assert not Path("/second").exists()


@pytest.mark.parametrize(
    ("hook", "error"),
    [
        (Hook("/nowhere"), "fork/exec /nowhere: no such file or directory"),
        (sh("kill -9 $$"), "signal: killed, stdout: , stderr: "),
        (sh("exec sleep 60", timeout=1), "hook ran past specified timeout of 1.0s"),
    ],
)
def test_how_a_hook_can_fail(hook: Hook, error: str) -> None:
    began = time.monotonic()
    with pytest.raises(SetupError) as raised:
        hooks.run("poststop", (sh("true"), hook), b"{}")
    assert raised.value.message == f"error running poststop hook #1: {error}"
    assert time.monotonic() - began < 20


def test_a_daemon_that_a_hook_leaves_behind_delays_nobody(tmp_path: Path) -> None:
    began = time.monotonic()
    hooks.run("poststart", (sh(f"sleep 60 & echo $! > {tmp_path}/pid"),), b"{}")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert time.monotonic() - began < 30


def test_arguments_and_environment(tmp_path: Path) -> None:
    hook = Hook("/bin/sh", ("shown", "-c", f'echo "$0 $A" > {tmp_path}/x; env | wc -l >> {tmp_path}/x'), ("A=1",))
    hooks.run("poststart", (hook,), b"{}")
    assert (tmp_path / "x").read_text().split()[:2] == ["shown", "1"]


def test_a_hook_of_the_containers_has_the_programs_environment_unless_it_has_its_own(box: Box) -> None:
    made = Hooks(start_container=(sh("echo $A > /one"), sh("echo $A > /two", env=("A=own",))))
    first = process("sh", "-c", "cat /one /two", env=("PATH=/bin", "A=program"))
    outcome = in_box(box, lambda box: box.run(spec(first, hooks=made)))
    assert outcome.lines == ["program", "own"]


def test_a_startcontainer_hook_has_no_more_power_than_the_program(box: Box) -> None:
    script = "grep -E '^(CapEff|NoNewPrivs|Uid)' /proc/self/status"
    first = shell(f"cat /tmp/hook; {script}", user=User(username="bob"), no_new_privileges=True)
    made = Hooks(start_container=(sh(f"{script} > /tmp/hook"),))

    def scenario(box: Box) -> Outcome:
        (Path(box.rootfs[0].source) / "tmp").chmod(0o1777)
        return box.run(spec(first, hooks=made))

    lines = in_box(box, scenario).lines
    assert len(lines) == 6
    assert lines[:3] == lines[3:]


def test_in_a_user_namespace_the_containers_hooks_have_its_powers_and_the_runtimes_have_theirs(
    box: Box, tmp_path: Path
) -> None:
    maps = (IDMapping(0, 100000, 65536),)
    tmp_path.chmod(0o755)
    for name in ("container", "runtime"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o666)
    script = "cat /proc/self/uid_map >"
    made = Hooks(
        create_runtime=(sh(f"{script} {tmp_path}/runtime"),),
        create_container=(sh("cat /proc/self/uid_map >&2; exit 9"),),
    )
    linux = {"namespaces": (*NAMESPACES, Namespace("user")), "uid_mappings": maps, "gid_mappings": maps}
    mapped = Box((dataclasses.replace(box.rootfs[0], mapped=True),), box.bundle, box.cgroup)
    outcome = run(mapped, made, linux=linux)
    assert (tmp_path / "runtime").read_text().split() == Path("/proc/self/uid_map").read_text().split()
    assert outcome.error.startswith("error running createContainer hook #0: exit status 9, stdout: , stderr: 0")
    assert outcome.error.split()[-3:] == ["0", "100000", "65536"]


def test_what_a_create_container_hook_makes_is_not_open_to_all(box: Box, tmp_path: Path) -> None:
    outcome = run(box, Hooks(create_container=(sh(f"umask > {tmp_path}/mask"),)), "umask")
    assert (outcome.error, outcome.lines) == ("", ["0022"])
    assert (tmp_path / "mask").read_text() == "0022\n"
