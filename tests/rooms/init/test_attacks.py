"""Images and containers that try to get at the host. Each test is named after what is tried."""

from __future__ import annotations

import dataclasses
import importlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import corral
from corral.oci.annotations import REAPER
from corral.oci.runtime import Device, Mount
from corral.runtime.init import spawn, workdir
from corral.runtime.init.messages import GO
from corral.runtime.init.spawn import ProcessFds
from support.boxes import MOUNTS, NEEDS, Box, Outcome, eventually, in_box, process, shell, spec, untouched
from support.boxes import run_script as run

pytestmark = pytest.mark.requires(*NEEDS)


# -- the image's links


@pytest.mark.parametrize("name", ["proc", "sys"])
@pytest.mark.parametrize("target", ["/tmp", "{host}", "../../../../../..{host}"])
def test_proc_or_sys_of_the_image_is_a_link(box: Box, root: Path, host: Path, name: str, target: str) -> None:
    """CVE-2019-19921."""
    (root / name).symlink_to(target.format(host=host))
    outcome = run(box, "true")
    kind = {"proc": "proc", "sys": "sysfs"}[name]
    assert outcome.error == f'filesystem "{kind}" must be mounted on ordinary directory'
    assert untouched(host)


@pytest.mark.parametrize("target", ["{host}", "../../../../../../../../../..{host}"])
def test_dev_of_the_image_is_a_link_to_the_host(box: Box, root: Path, host: Path, target: str) -> None:
    (root / "dev").symlink_to(target.format(host=host))
    assert run(box, f"stat -c %t:%T {host}/null; ls /dev/null").lines == ["1:3", "/dev/null"]
    assert untouched(host)


def test_etc_of_the_image_is_a_link_to_the_host(box: Box, root: Path, host: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "etc")
    (root / "etc").symlink_to(host)
    (tmp_path / "hosts").write_text("bound\n")
    bind = Mount("/etc/hosts", "bind", str(tmp_path / "hosts"), ("rbind", "x-corral.create=file"))
    assert run(box, "cat /etc/hosts; ls /etc/", mounts=(bind,)).lines == ["bound", "hosts"]
    assert untouched(host)


@pytest.mark.parametrize("link", ["{host}/new", "../../../../../..{host}/new", "/proc/self/root{host}/new", "loop"])
def test_a_mount_destination_is_a_link_to_the_host(box: Box, root: Path, host: Path, link: str, tmp_path: Path) -> None:
    """CVE-2019-16884, CVE-2021-30465: also when the link dangles inside the image."""
    (root / "loop").symlink_to("loop")
    (root / "target").symlink_to(link.format(host=host))
    (tmp_path / "source").mkdir()
    bind = Mount("/target/x", "bind", str(tmp_path / "source"), ("rbind",))
    outcome = run(box, "ls -d /target/x; grep -c / /proc/self/mountinfo", mounts=(bind,))
    assert outcome.error or outcome.lines[0] == "/target/x"
    assert untouched(host)


def test_the_working_directory_is_a_link_to_the_host(box: Box, root: Path, host: Path) -> None:
    (root / "work").symlink_to(f"{host}/made")
    outcome = in_box(box, lambda box: box.run(spec(shell("pwd -P; ls -a", cwd="/work"))))
    assert "secret" not in outcome.out
    assert untouched(host)


def test_a_device_is_made_through_a_link_to_the_host(box: Box, root: Path, host: Path) -> None:
    devices = (Device("/link/x", "c", 1, 3), Device("/dev/../../../../link/y", "c", 1, 3))
    (root / "link").symlink_to(host)
    run(box, "true", linux={"devices": devices})
    assert untouched(host)


def test_a_masked_path_is_a_link_to_something_else(box: Box, root: Path, host: Path) -> None:
    """CVE-2023-27561, CVE-2025-31133: the mask lands inside, and the image's null device is not what is bound."""
    (root / "a").symlink_to(host / "secret")
    (root / "b").symlink_to("/etc/passwd")
    outcome = run(box, "cat /b | wc -c; stat -c %t:%T /b/", linux={"masked_paths": ("/a", "/b")})
    assert outcome.lines[0] == "0"
    assert untouched(host)


def test_the_null_device_of_the_image_is_something_else(box: Box, tmp_path: Path) -> None:
    """CVE-2025-31133: with a /dev of the user's own, in which null is a link, the mask is still the null device."""
    dev = tmp_path / "dev"
    (dev / "pts").mkdir(parents=True)
    (dev / "null").symlink_to("/etc/passwd")
    mounts = (Mount("/proc", "proc", "proc"), Mount("/dev", "bind", str(dev), ("rbind",)))

    def scenario(box: Box) -> Outcome:
        description = spec(shell("cat /etc/group; stat -c %t:%T /etc/group; chmod 0 /etc/group 2>&1"))
        description = spec(description.process, linux={"masked_paths": ("/etc/group",)})
        return box.run(dataclasses.replace(description, mounts=mounts), stdin=b"")

    before = stat.S_IMODE(os.stat("/dev/null").st_mode)
    outcome = in_box(box, scenario)
    assert outcome.lines[:1] == ["1:3"]
    assert "Read-only file system" in outcome.lines[1]
    assert stat.S_IMODE(os.stat("/dev/null").st_mode) == before


@pytest.mark.parametrize("kind", ["fifo", "device", "link", "huge", "directory"])
def test_passwd_and_group_of_the_image_are_not_files(box: Box, root: Path, host: Path, kind: str) -> None:
    for name in ("passwd", "group"):
        path = root / "etc" / name
        path.unlink()
        match kind:
            case "fifo":
                os.mkfifo(path)
            case "device":
                os.mknod(path, 0o20666, os.makedev(1, 5))
            case "link":
                path.symlink_to(host / "secret")
            case "huge":
                path.write_text("")
                os.truncate(path, 1 << 40)
            case "directory":
                path.mkdir()
    outcome = run(box, "grep ^Uid /proc/self/status | cut -f2")
    assert outcome.lines == ["0"]


@pytest.mark.parametrize("kind", ["fifo", "device", "link"])
def test_ptmx_of_the_users_dev_is_something_else(box: Box, tmp_path: Path, host: Path, kind: str) -> None:
    """CVE-2025-52565: no terminal is made of what is not one, and nothing hangs."""
    dev = tmp_path / "dev"
    (dev / "pts").mkdir(parents=True)
    os.mknod(dev / "null", 0o20666, os.makedev(1, 3))
    match kind:
        case "fifo":
            os.mkfifo(dev / "pts/ptmx")
        case "device":
            os.mknod(dev / "pts/ptmx", 0o20666, os.makedev(1, 5))
        case "link":
            (dev / "pts/ptmx").symlink_to(host / "secret")
    mounts = (*(m for m in MOUNTS if not m.destination.startswith("/dev")), Mount("/dev", "bind", str(dev), ("rbind",)))

    def scenario(box: Box) -> Outcome:
        return box.run(dataclasses.replace(spec(shell("true", terminal=True)), mounts=mounts))

    assert in_box(box, scenario).error.startswith("error setting up console: ")


# -- what the parent forgot to close


def with_leaks(host: Path, box: Box, scenario: Callable[[Box], Any]) -> Any:
    """``scenario`` in a process that has directories of the host open in many descriptors that execve would keep."""

    def inside(box: Box) -> Any:
        os.chdir(host)
        fd = os.open(host, os.O_RDONLY | os.O_DIRECTORY)
        for number in range(30, 60):
            os.dup2(fd, number, inheritable=True)
        os.set_inheritable(fd, True)
        return scenario(box)

    return in_box(box, inside)


@pytest.mark.parametrize("init", [False, True])
def test_descriptors_of_the_host_leak_into_the_container(box: Box, host: Path, init: bool) -> None:
    annotations = {REAPER: '["init"]'} if init else {}
    first = spec(shell("for p in /proc/[0-9]*; do ls $p/fd; done"), annotations=annotations)
    outcome = with_leaks(host, box, lambda box: box.run(first))
    assert {int(line) for line in outcome.out.split()} <= {0, 1, 2, 3}, "3 is what ls itself reads"


def test_descriptors_of_the_host_leak_into_an_exec(box: Box, host: Path) -> None:
    first = spec(shell("echo ready; exec sleep 100"))

    def scenario(box: Box) -> Outcome:
        with box.running(first) as container:
            return box.exec(container, first, shell("ls /proc/self/fd"))

    assert {int(line) for line in with_leaks(host, box, scenario).out.split()} <= {0, 1, 2, 3}


@pytest.mark.parametrize("linked", [False, True])
def test_cve_2024_21626_the_working_directory_is_a_leaked_descriptor(
    box: Box, root: Path, host: Path, linked: bool
) -> None:
    def scenario(box: Box) -> list[str]:
        seen = []
        for number in [*range(3, 20), 45]:
            cwd = f"/proc/self/fd/{number}"
            if linked:
                (root / "link").unlink(missing_ok=True)
                (root / "link").symlink_to(cwd)
                cwd = "/link"
            outcome = box.run(spec(shell("ls; ls ..", cwd=cwd)))
            seen.append(outcome.out + (outcome.error and "refused"))
        return seen

    for seen in with_leaks(host, box, scenario):
        assert seen == "refused" or "secret" not in seen


def test_cve_2024_21626_the_working_directory_of_an_exec_is_a_leaked_descriptor(box: Box, host: Path) -> None:
    first = spec(shell("echo ready; exec sleep 100"))

    def scenario(box: Box) -> list[str]:
        with box.running(first) as container:
            seen = []
            for number in [*range(3, 20), 45]:
                outcome = box.exec(container, first, shell("ls; ls ..", cwd=f"/proc/self/fd/{number}"))
                seen.append(outcome.out + (outcome.error and "refused"))
            return seen

    for seen in with_leaks(host, box, scenario):
        assert seen == "refused" or "secret" not in seen


def test_the_working_directory_of_an_exec_was_moved_out_of_the_root(box: Box, root: Path, host: Path) -> None:
    """By somebody outside; the kernel then says "(unreachable)" instead of a path."""
    first = spec(shell("echo ready; exec sleep 100", cwd="/data/deep"), mounts=())
    (root / "data/deep").mkdir(parents=True)

    def scenario(box: Box) -> str:
        with box.running(first) as container:
            (root / "data/deep").rename(host / "deep")
            cwd = "/proc/1/cwd"
            return box.exec(container, first, shell("ls ..", cwd=cwd)).error

    assert "container breakout detected" in in_box(box, scenario)


# -- the process while it is still ours


def test_a_module_of_the_container_is_imported(monkeypatch: pytest.MonkeyPatch, box: Box, root: Path) -> None:
    """At the path of a module of the host's, which some line of ours might import for the first time."""
    module = root / str(os.__file__).lstrip("/")
    module.parent.mkdir(parents=True)
    (module.parent / "planted.py").write_text("import os; os.mkdir('/planted')")

    def import_it(*_: object) -> None:
        importlib.import_module("planted")

    monkeypatch.setattr(workdir, "enter", import_it)
    monkeypatch.setattr(sys, "path", [*sys.path, str(module.parent)])
    outcome = run(box, "true")
    assert outcome.error.endswith("ModuleNotFoundError: No module named 'planted'")
    assert not (root / "planted").exists()


WATCH = (
    "while ! test -e /tmp/stop; do for p in /proc/[0-9]*; do "
    "test $p = /proc/1 && continue; "
    "for f in exe root cwd; do readlink $p/$f; done; ls -l $p/fd; cat $p/environ | tr '\\0' '\\n'; "
    "done 2>/dev/null | grep -E '{needle}' && echo CAUGHT; done; echo watched; exec sleep 100"
)


def test_cve_2016_9962_a_process_that_enters_is_looked_at(box: Box, root: Path, host: Path) -> None:
    """Its executable, its root, its descriptors, its environment: all the host's until it executes the program."""
    needle = f"python|{host}|HOST_SECRET"
    first = spec(shell("echo ready; " + WATCH.format(needle=needle)))

    def scenario(box: Box) -> str:
        os.environ["HOST_SECRET"] = "x"
        with box.running(first) as container:
            for _ in range(25):
                box.exec(container, first, process("true"))
            (root / "tmp/stop").touch()
            return container.read_until("watched")

    seen = with_leaks(host, box, scenario)
    assert "CAUGHT" not in seen, seen


def test_host_devices_are_changed_through_the_containers_own(box: Box) -> None:
    """chmod of what it has open or sees: standard streams that are the null device, masks, nodes."""
    script = "chmod 0 /dev/null /proc/keys /dev/stdin /proc/self/fd/0 2>/dev/null; stat -c %a /dev/null"

    def scenario(box: Box) -> Outcome:
        return box.run(spec(process("sh", "-c", script + " < /dev/null")))

    before = [stat.S_IMODE(os.stat(path).st_mode) for path in ("/dev/null", "/dev/zero", "/dev/tty")]
    in_box(box, scenario)

    def from_null(box: Box) -> int:
        null = os.open("/dev/null", os.O_RDWR)
        child = spawn.spawn_container(
            spec(shell("chmod 0 /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; true")),
            box.rootfs,
            fds=ProcessFds(null, null, null),
            cgroup=box.cgroup,
            bundle=str(box.bundle),
        )
        child.sync.send(GO)
        return os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])

    assert in_box(box, from_null) == 0
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in ("/dev/null", "/dev/zero", "/dev/tty")] == before


# -- the interpreter


OVERWRITE = """
import os
exe = os.open("/proc/self/exe", os.O_RDONLY)
os.set_inheritable(exe, True)
attack = f"(echo pwned >> /proc/self/fd/{{exe}}) 2>/dev/null"
script = f"n=0; while test $n -lt 30; do {{attack}} && break; sleep 0.1; n=$((n+1)); done; echo $n > {marker}"
os.execv("/bin/sh", ["sh", "-c", script])
"""

SUPERVISE = """
import os, sys
sys.path[:0] = {paths!r}
if {sealed}:
    from corral.runtime.init.sealed import ensure_sealed
    ensure_sealed()
from corral.oci.rootfs import RootfsMount
from corral.runtime.init.messages import GO
from corral.runtime.init.spawn import ProcessFds, spawn_container
from support.boxes import NoCgroup, process, spec
env = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONHOME={home}", "PYTHONDONTWRITEBYTECODE=1")
first = spec(process({program!r}, "-c", {overwrite!r}, env=env))
root = (RootfsMount("bind", "/", ("rbind",)),)
child = spawn_container(first, root, fds=ProcessFds(0, 1, 2), cgroup=NoCgroup(), bundle={bundle!r})
child.sync.send(GO)
while message := child.sync.recv(9999):
    print(message)
"""


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "control: not sealed"])
@pytest.mark.parametrize("how", ["/proc/self/exe", "script"])
def test_cve_2019_5736_the_interpreter_is_overwritten_through_proc_self_exe(
    tmp_path: Path, sealed: bool, how: str
) -> None:
    """The container executes our interpreter, keeps it open, and writes to it once nothing runs it any more.

    The interpreter is a copy made for the test; the control shows that the attack is real.
    """
    interpreter = tmp_path / "bin" / "python3"
    interpreter.parent.mkdir()
    shutil.copy(os.path.realpath(sys.executable), interpreter)
    original = interpreter.read_bytes()
    overwrite = OVERWRITE.format(marker=tmp_path / "marker")
    program = how
    if how == "script":
        program = str(tmp_path / "program")
        Path(program).write_text("#!/proc/self/exe\n" + overwrite)
        Path(program).chmod(0o755)
    (tmp_path / "bundle").mkdir()
    text = SUPERVISE.format(
        paths=[str(Path(corral.__file__).parents[1]), str(Path(__file__).parents[2])],
        sealed=sealed,
        bundle=str(tmp_path / "bundle"),
        home=sys.base_prefix,
        program=program,
        overwrite=overwrite,
    )
    (tmp_path / "supervise.py").write_text(text)
    with (tmp_path / "log").open("w") as log:
        subprocess.run(
            [interpreter, "-S", tmp_path / "supervise.py"],
            env={"PYTHONHOME": sys.base_prefix, "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=True,
            timeout=60,
        )
    assert eventually(lambda: (tmp_path / "marker").exists() and (tmp_path / "marker").read_text() != ""), (
        tmp_path / "log"
    ).read_text()
    assert (interpreter.read_bytes() != original) == (not sealed)
    assert ((tmp_path / "marker").read_text() == "30\n") == sealed


# -- what remains


def test_no_process_and_no_descriptor_remains(box: Box) -> None:
    def scenario(box: Box) -> list[int]:
        box.run(spec(shell("true")))
        before = len(os.listdir("/proc/self/fd"))
        for first in (
            shell("true"),
            process("foo"),
            shell("sleep 100 & sleep 100 & exit 0"),
            shell("true", cwd="/etc/passwd"),
        ):
            box.run(spec(first))
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return [len(os.listdir("/proc/self/fd")) - before, len(children)]

    assert in_box(box, scenario) == [0, 0]


def test_no_mount_of_a_container_is_seen_on_the_host(box: Box, tmp_path: Path) -> None:
    def scenario(box: Box) -> int:
        with box.running(spec(shell("echo ready; exec sleep 100"))):
            return Path("/proc/self/mountinfo").read_text().count(str(tmp_path))

    assert in_box(box, scenario) == 0
