"""Attacks on the command line: what its caller has open, its own executable, its state directory."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.oci import PROGRAM, Bundle, Runtime, eventually, kill

pytestmark = pytest.mark.requires("root", "namespaces", "busybox", "cgroup")


def _with_host_open(runtime: Runtime, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As if the caller had forgotten to close directories of the host, at low and high numbers."""
    script = 'exec 7</ 9</etc 200</; exec "$@"'
    command = ["bash", "-c", script, "sh", *PROGRAM, "--root", str(runtime.root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)


def test_cve_2024_21626_the_callers_descriptors_are_not_in_the_container(runtime: Runtime, bundle: Bundle) -> None:
    done = _with_host_open(runtime, "run", "-b", bundle.runs("ls", "/proc/self/fd").path, "c1")
    assert sorted(done.stdout.split()) == ["0", "1", "2", "3"]  # 3: the directory that ls reads


@pytest.mark.parametrize("number", [7, 9, 200])
def test_cve_2024_21626_a_working_directory_in_a_leaked_descriptor(
    runtime: Runtime, bundle: Bundle, number: int
) -> None:
    bundle.process["cwd"] = f"/proc/self/fd/{number}"
    done = _with_host_open(runtime, "run", "-b", bundle.runs("pwd").path, "c1")
    assert done.returncode
    assert "chdir to cwd" in done.stderr or "outside of container" in done.stderr


def test_cve_2024_21626_by_exec(runtime: Runtime, running: str) -> None:
    for number in (*range(3, 12), 200):
        done = _with_host_open(runtime, "exec", "--cwd", f"/proc/self/fd/{number}", running, "ls")
        assert done.returncode
        assert done.stdout == ""


def test_cve_2024_21626_hooks_do_not_get_them_either(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    bundle.hook("createRuntime", f"ls -l /proc/self/fd > {tmp_path}/fds")
    assert _with_host_open(runtime, "run", "-b", bundle.runs("true").path, "c1").returncode == 0
    assert not {"7", "9", "200"} & {line.split()[8] for line in (tmp_path / "fds").read_text().splitlines()[1:]}


def _interpreter() -> Path:
    return Path(os.path.realpath(sys.executable))


def _digest() -> str:
    return hashlib.sha256(_interpreter().read_bytes()).hexdigest()


def test_cve_2019_5736_the_executable_of_an_exec_cannot_be_overwritten(runtime: Runtime, bundle: Bundle) -> None:
    """The program is a link to /proc/self/exe: what runs then is our interpreter, as the container's process."""
    before, inode = _digest(), _interpreter().stat()
    (bundle.rootfs / "bin/evil").symlink_to("/proc/self/exe")
    runtime.ok("run", "-d", "-b", bundle.path, "c1")
    watch = (
        "for round in $(seq 300); do for p in /proc/[0-9]*; do "
        "case $(readlink $p/exe 2>/dev/null) in */python*) (echo > $p/exe) 2>/dev/null && touch /done;; esac; "
        "done; sleep 0.01; done"
    )
    watcher = subprocess.Popen(
        [*PROGRAM, "--root", str(runtime.root), "exec", "c1", "sh", "-c", watch],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(5):
            runtime.call("exec", "c1", "evil", "-c", "import time; time.sleep(0.2)")
    finally:
        runtime.ok("kill", "--all", "c1", "KILL")
        watcher.wait(30)
    assert not (bundle.rootfs / "done").exists()
    assert _digest() == before
    assert (_interpreter().stat().st_ino, _interpreter().stat().st_mtime_ns) == (inode.st_ino, inode.st_mtime_ns)


def test_cve_2019_5736_the_executable_of_run_is_not_the_hosts(runtime: Runtime, bundle: Bundle) -> None:
    """/proc/self/exe as the program itself: it is a file of a file system that nobody can write to."""
    bundle.runs("/proc/self/exe", "-c", "import os; os.open('/proc/self/exe', os.O_WRONLY)")
    assert runtime.call("run", "-b", bundle.path, "c1").returncode
    assert _interpreter().stat().st_size > 0


def _trap(bundle: Bundle, how: str) -> None:
    """The image's program is, by one of several ways, what the runtime is at the moment of its execve."""
    if how == "itself":
        bundle.runs("/proc/self/exe", "-c", "import os; os.open('/proc/self/exe', os.O_WRONLY)")
    elif how == "link":
        (bundle.rootfs / "bin/evil").symlink_to("/proc/self/exe")
        bundle.runs("/bin/evil", "x")
    elif how == "script":
        (bundle.rootfs / "bin/evil").write_text("#!/proc/self/exe\nimport os\n")
        (bundle.rootfs / "bin/evil").chmod(0o755)
        bundle.runs("/bin/evil", "x")
    else:  # a program whose dynamic linker it is
        name = b"/proc/self/exe\0"
        header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
        segments = struct.pack("<IIQQQQQQ", 3, 4, 176, 176, 176, len(name), len(name), 1)
        segments += struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 176 + len(name), 176 + len(name), 4096)
        (bundle.rootfs / "bin/evil").write_bytes(header + segments + name)
        (bundle.rootfs / "bin/evil").chmod(0o755)
        bundle.runs("/bin/evil", "x")


@pytest.mark.parametrize("how", ["itself", "link", "script", "linker"])
def test_cve_2019_5736_by_a_trampoline_the_image_finds_nothing_but_that(
    runtime: Runtime, bundle: Bundle, how: str
) -> None:
    """It refuses to be anybody's program; the host's interpreter is not reached, and is not what it was taken for."""
    before, inode = _digest(), _interpreter().stat()
    _trap(bundle, how)
    done = runtime.call("run", "-b", bundle.path, "c1")
    assert done.returncode == 255
    assert done.stderr.startswith("exec ")
    assert done.stderr.endswith(": permission denied\n")
    assert _digest() == before
    assert (_interpreter().stat().st_ino, _interpreter().stat().st_mtime_ns) == (inode.st_ino, inode.st_mtime_ns)


@pytest.mark.parametrize("kind", ["createContainer", "startContainer"])
def test_cve_2019_5736_a_hook_in_the_container_does_not_see_the_hosts_interpreter(
    runtime: Runtime, bundle: Bundle, kind: str
) -> None:
    """It runs while the first process is not the program yet, with all powers, from the image's files."""
    inside = kind == "startContainer"
    root = "" if inside else bundle.rootfs
    exe = f"{root}/proc/1/exe"
    look = (
        f"stat -Lc %d:%i {exe}; if true >> {exe}; then echo opened; fi"  # and nothing is written, if it is the host's
    )
    bundle.hook(kind, f"{{ {look}; }} > {root}/seen 2>&1; true")
    runtime.ok("run", "-b", bundle.runs("true").path, "c1")
    seen = (bundle.rootfs / "seen").read_text()
    found = _interpreter().stat()
    assert seen.strip()
    assert f"{found.st_dev}:{found.st_ino}" not in seen
    assert "opened" not in seen


def test_cve_2019_5736_a_process_that_others_may_see_comes_from_a_sealed_interpreter(
    runtime: Runtime, make_bundle: Callable[[str], Bundle], running: str
) -> None:
    """One that joins a PID namespace: its program, named by itself, is our interpreter, on no file of the host's."""
    joining = make_bundle("joining")
    others = [entry for entry in joining.linux["namespaces"] if entry["type"] != "pid"]
    joining.linux["namespaces"] = [*others, {"type": "pid", "path": f"/proc/{runtime.state(running)['pid']}/ns/pid"}]
    _trap(joining, "itself")
    before = _digest()
    assert runtime.call("run", "-b", joining.path, "joining").returncode
    assert _digest() == before


def test_cve_2016_9962_a_process_that_is_not_the_program_yet_cannot_be_looked_into(
    runtime: Runtime, make_bundle: Callable[[str], Bundle], running: str
) -> None:
    """One that has joined a PID namespace and waits: processes that were there see that it exists, and no more."""
    joining = make_bundle("joining")
    others = [entry for entry in joining.linux["namespaces"] if entry["type"] != "pid"]
    joining.linux["namespaces"] = [*others, {"type": "pid", "path": f"/proc/{runtime.state(running)['pid']}/ns/pid"}]
    runtime.ok("create", "-b", joining.path, "joining")
    look = (
        "for p in /proc/[0-9]*; do "
        "links=$(for link in $p/exe $p/root $p/cwd $p/fd/*; do readlink $link; done | wc -l); "
        "echo $(cat $p/comm) $links $(cat $p/environ $p/maps 2>/dev/null | wc -c); done"
    )
    seen = [line.split() for line in runtime.ok("exec", running, "sh", "-c", look).splitlines()]
    assert [line[1:] for line in seen if line[0].startswith("python")] == [["0", "0"]], seen
    assert all(int(line[1]) > 3 for line in seen if line[0] == "sleep"), "those that are programs can"
    runtime.ok("start", "joining")


# -- the state directory


def test_the_state_directory_is_the_callers_alone(runtime: Runtime, running: str) -> None:
    directory = runtime.root / running
    assert directory.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in directory.iterdir() if not path.is_socket())


def test_a_state_directory_that_others_may_write_to_is_not_believed(runtime: Runtime, running: str) -> None:
    (runtime.root / running).chmod(0o777)
    try:
        assert "not trusted" in runtime.error("state", running)
        assert "not trusted" in runtime.error("kill", running, "KILL")
    finally:
        (runtime.root / running).chmod(0o700)


def test_a_state_directory_of_somebody_else_is_not_believed(runtime: Runtime, running: str) -> None:
    os.chown(runtime.root / running, 1000, 1000)
    try:
        assert "not trusted" in runtime.error("delete", "--force", running)
    finally:
        os.chown(runtime.root / running, 0, 0)


def test_links_in_place_of_a_state_directory_or_its_files_are_not_followed(
    runtime: Runtime, running: str, tmp_path: Path
) -> None:
    (runtime.root / "link").symlink_to(runtime.root / running)
    assert runtime.call("state", "link").returncode
    (runtime.root / "link").unlink()
    state = runtime.root / running / "state.json"
    kept = tmp_path / "kept"
    kept.write_text(state.read_text())
    state.rename(tmp_path / "moved")
    state.symlink_to(kept)
    try:
        assert runtime.call("state", running).returncode
    finally:
        state.unlink()
        (tmp_path / "moved").rename(state)


def test_a_bundles_annotations_do_not_choose_the_filter(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    """Who may annotate a container need not be one who may choose its system call filter."""
    allow_all = tmp_path / "filter"
    allow_all.write_bytes(bytes([6, 0, 0, 0, 0, 0, 255, 127]))
    bundle.config["annotations"] = {"io.corral.seccomp.bpf": str(allow_all), "io.corral.seccomp.flags": "0"}
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
    }
    bundle.runs("mkdir", "/made")
    assert runtime.call("run", "-b", bundle.path, "c1").returncode
    assert not (bundle.rootfs / "made").exists()


def test_the_filter_holds_for_execs(runtime: Runtime, bundle: Bundle) -> None:
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
    }
    runtime.ok("run", "-d", "-b", bundle.path, "c1")
    assert runtime.call("exec", "c1", "mkdir", "/made").returncode
    assert not (bundle.rootfs / "made").exists()


def test_a_creator_that_is_killed_leaves_no_process(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    """Killed in a hook, when its child is half way: the child ends too, and the id can be had again."""
    bundle.hook("createRuntime", f"echo $$ > {tmp_path}/pid; mv {tmp_path}/pid {tmp_path}/inside; exec sleep 100")
    command = [*PROGRAM, "--root", str(runtime.root), "create", "-b", bundle.path, "c1"]
    creator = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert eventually((tmp_path / "inside").exists)
    creator.kill()
    creator.wait()
    kill(int((tmp_path / "inside").read_text()))
    bundle.config.pop("hooks")
    assert eventually(lambda: runtime.call("create", "-b", bundle.path, "c1").returncode == 0)
    pids = json.loads(runtime.ok("ps", "--format", "json", "c1"))
    assert pids == [runtime.state("c1")["pid"]]
