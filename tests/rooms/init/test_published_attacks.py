"""Attacks on container engines that were published, tried on container init. Those on a link or a descriptor that do
not need a race are in ``test_attacks``. docs/security.md has the whole list."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from corral.linux import mount as m
from corral.linux import namespace
from corral.oci.runtime import Mount
from corral.runtime.init import procfs
from support.boxes import MOUNTS, NEEDS, Box, Outcome, in_box, shell, spec, untouched
from support.boxes import run_script as run
from support.child import in_child

pytestmark = pytest.mark.requires(*NEEDS)

AT_FDCWD = -100
RENAME_EXCHANGE = 2
TRIES = 60


@contextlib.contextmanager
def exchanging(one: Path, other: Path) -> Iterator[None]:
    """Somebody exchanges the two, as fast as he can, until the end: a container with the same volume."""
    pid = os.fork()
    if pid == 0:
        try:
            rename = ctypes.CDLL(None).renameat2
            a, b = os.fsencode(one), os.fsencode(other)
            for _ in range(10_000_000):
                rename(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE)
        finally:
            os._exit(0)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def racing(box: Box, description: Callable[[], Any], one: Path, other: Path) -> list[Outcome]:
    """What becomes of many containers while the two are exchanged."""

    def scenario(box: Box) -> list[dict[str, Any]]:
        with exchanging(one, other):
            return [dataclasses.asdict(box.run(description())) for _ in range(TRIES)]

    return [Outcome(**fields) for fields in in_box(box, scenario)]


# -- mounts


@pytest.mark.parametrize(
    "link", ["/proc", "proc", "/dev/../proc/sys", "/proc/self/attr", "/proc/1", "/proc/sys/kernel"]
)
@pytest.mark.parametrize("kind", ["volume", "tmpfs"])
def test_cve_2019_16884_a_link_of_the_image_leads_a_mount_into_proc(
    box: Box, root: Path, tmp_path: Path, link: str, kind: str
) -> None:
    """Also CVE-2023-27561 and CVE-2023-28642: security modules and masks would believe what is mounted over /proc."""
    (root / "data").symlink_to(link)
    (tmp_path / "fake").mkdir()
    mount = Mount("/data", "bind", str(tmp_path / "fake"), ("rbind",))
    if kind == "tmpfs":
        mount = Mount("/data", "tmpfs", "tmpfs")
    outcome = run(box, "true", mounts=(mount,))
    assert outcome.error.endswith('"/data" cannot be mounted because it is inside /proc')


@pytest.mark.parametrize("destination", ["/proc", "/proc/self/attr", "/proc/sys", "/proc/../proc/sys", "//proc/sys/"])
def test_cve_2019_16884_a_volume_of_the_image_covers_proc(box: Box, tmp_path: Path, destination: str) -> None:
    (tmp_path / "fake").mkdir()
    outcome = run(box, "true", mounts=(Mount(destination, "bind", str(tmp_path / "fake"), ("rbind",)),))
    assert "cannot be mounted because it is" in outcome.error


def test_cve_2021_30465_a_mount_point_in_a_volume_is_exchanged_for_a_link_to_the_host(
    box: Box, tmp_path: Path, host: Path
) -> None:
    """Also CVE-2024-45310: not even an empty directory is made at the host."""
    volume = tmp_path / "volume"
    (volume / "a/b").mkdir(parents=True)
    (volume / "link").symlink_to("/" + "../" * 20 + str(host).lstrip("/"))
    (tmp_path / "source").mkdir()
    (tmp_path / "source/mark").touch()
    mounts = (
        Mount("/volume", "bind", str(volume), ("rbind",)),
        Mount("/volume/a/b/new", "bind", str(tmp_path / "source"), ("rbind",)),
    )
    script = "cat /volume/a/secret /volume/link/secret; ls /volume/*/b/new"
    outcomes = racing(box, lambda: spec(shell(script), mounts=mounts), volume / "a", volume / "link")
    assert untouched(host)
    assert not any("the host's" in outcome.out for outcome in outcomes)
    assert any("mark" in outcome.out for outcome in outcomes), "some of them win"


def test_cve_2025_31133_the_null_device_is_exchanged_for_a_link(box: Box, root: Path, tmp_path: Path) -> None:
    """While a file is masked with it: the file would be the link's target instead, writable."""
    dev = tmp_path / "dev"
    (dev / "pts").mkdir(parents=True)
    os.mknod(dev / "null", 0o20666, os.makedev(1, 3))
    (dev / "link").symlink_to("/etc/passwd")
    (root / "etc/shadow").write_text("masked\n")
    mounts = (Mount("/proc", "proc", "proc"), Mount("/dev", "bind", str(dev), ("rbind",)))

    def description() -> Any:
        made = spec(shell("stat -c %t:%T /etc/shadow"), linux={"masked_paths": ("/etc/shadow",)})
        return dataclasses.replace(made, mounts=mounts)

    outcomes = racing(box, description, dev / "null", dev / "link")
    assert {outcome.out for outcome in outcomes} <= {"1:3\n", ""}
    assert any(outcome.out for outcome in outcomes), "some of them win"


def test_cve_2025_52565_the_console_of_the_image_is_a_link_into_proc(box: Box, root: Path) -> None:
    """The terminal is bound by its descriptor: /dev/console is that or nothing, never a writable file of /proc."""
    (root / "dev/pts").mkdir(parents=True)
    (root / "dev/console").symlink_to("/proc/sys/kernel/core_pattern")
    (root / "dev/pts/0").symlink_to("/proc/sys/kernel/core_pattern")
    before = Path("/proc/sys/kernel/core_pattern").read_text()
    mounts = tuple(
        dataclasses.replace(mount, options=(*mount.options, "tmpcopyup")) if mount.destination == "/dev" else mount
        for mount in MOUNTS
    )

    def scenario(box: Box) -> Outcome:
        first = shell("echo '|/attack' > /dev/console; echo '|/attack' > /proc/sys/kernel/core_pattern", terminal=True)
        return box.run(dataclasses.replace(spec(first), mounts=mounts))

    in_box(box, scenario)
    assert Path("/proc/sys/kernel/core_pattern").read_text() == before


# -- procfs


def in_own_mounts(function: Callable[[], Any]) -> Any:
    def run() -> Any:
        namespace.unshare(namespace.CLONE_NEWNS)
        m.mount(None, "/", None, m.MS_PRIVATE | m.MS_REC, None)
        return function()

    return in_child(run)


def test_cve_2025_52881_proc_is_no_procfs(tmp_path: Path) -> None:
    def attack() -> tuple[str, str]:
        m.mount("tmpfs", "/proc", "tmpfs", 0, None)
        Path("/proc/self").mkdir()
        Path("/proc/self/oom_score_adj").write_text("")
        try:
            procfs.write("self/oom_score_adj", "5")
        except OSError as error:
            return str(error.strerror), Path("/proc/self/oom_score_adj").read_text()
        return "written", ""

    assert in_own_mounts(attack) == ["no procfs", ""]


@pytest.mark.parametrize("source", ["/proc/self/comm", "file"])
def test_cve_2025_52881_something_is_mounted_over_a_file_of_proc(tmp_path: Path, source: str) -> None:
    """Of the same procfs or not: what was to be a label would be written to it."""
    (tmp_path / "file").write_text("untouched")

    def attack() -> tuple[int, str]:
        path = source if source.startswith("/") else str(tmp_path / source)
        before = Path(path).read_text()
        m.mount(path, "/proc/self/oom_score_adj", None, m.MS_BIND, None)
        try:
            procfs.write("self/oom_score_adj", "5")
        except OSError as error:
            return error.errno or 0, "" if Path(path).read_text() == before else "changed"
        return 0, "written"

    assert in_own_mounts(attack) == [18, ""], "EXDEV"


def test_cve_2025_52881_the_right_file_is_written() -> None:
    def write() -> str:
        procfs.write("self/oom_score_adj", "7")
        return Path("/proc/self/oom_score_adj").read_text()

    assert in_child(write) == "7\n"


HOSTILE_PROC = """
    mount -t tmpfs fake /proc && mkdir -p /proc/self/attr/apparmor /proc/self/fd /proc/thread-self /proc/sys/kernel &&
    for f in self/attr/exec self/attr/apparmor/exec self/oom_score_adj self/loginuid self/setgroups self/uid_map \
        sys/kernel/cap_last_cap self/status; do echo > /proc/$f; done;
    ln -s /tmp/trap /proc/self/exe; echo ready; exec sleep 100
"""


def test_cve_2025_52881_an_exec_enters_a_container_with_a_proc_of_its_own_making(box: Box, root: Path) -> None:
    """Nothing is read from it or written to it: the score was set before, and holds."""
    every = dataclasses.replace(spec(shell(HOSTILE_PROC)).process, capabilities=None)
    first = spec(every, linux={"readonly_paths": (), "masked_paths": ()})
    script = "cat /proc/self/oom_score_adj /proc/self/attr/exec; umount /proc; cat /proc/self/oom_score_adj"

    def scenario(box: Box) -> list[str]:
        with box.running(first) as container:
            container.read_until("ready")
            more = shell(script, oom_score_adj=123, capabilities=None)
            outcome = box.exec(container, first, more)
            return [outcome.error, *outcome.lines]

    assert in_box(box, scenario) == ["", "", "", "123"]


# -- capabilities


@pytest.mark.parametrize("user", ["", "bob", "1000:1000"])
@pytest.mark.parametrize("exec", [False, True])
def test_cve_2022_24769_capabilities_are_inheritable(box: Box, user: str, exec: bool) -> None:
    """With inheritable ones a user could get them back by a program whose file has them as well."""
    asked = shell("grep -E '^Cap(Inh|Amb)' /proc/self/status")
    asked = dataclasses.replace(asked, user=dataclasses.replace(asked.user, username=user))
    first = spec(shell("echo ready; exec sleep 100"))

    def scenario(box: Box) -> Outcome:
        if not exec:
            return box.run(spec(asked))
        with box.running(first) as container:
            return box.exec(container, first, asked)

    outcome = in_box(box, scenario)
    assert [line.split()[1] for line in outcome.lines] == ["0" * 16] * 2, outcome


def test_cve_2022_0492_a_release_agent_is_installed(box: Box) -> None:
    """By the mount of a version 1 hierarchy, with what a container has and in a user namespace of its own."""
    script = """
        mkdir /tmp/c
        for how in "" "unshare -UrmC"; do
            $how sh -c 'for c in memory rdma misc hugetlb pids; do
                mount -t cgroup -o $c cgroup /tmp/c && echo MOUNTED && echo /attack > /tmp/c/release_agent && echo SET
            done' 2>/dev/null
        done
        for f in /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/release_agent; do
            test -e $f && echo SEEN && echo /attack > $f && echo SET
        done 2>/dev/null
        echo tried
    """
    outcome = run(box, script)
    assert "SET" not in outcome.out
    assert "MOUNTED" not in outcome.out
    assert outcome.lines[-1] == "tried"
    for agent in Path("/sys/fs/cgroup").glob("*/release_agent"):
        assert "attack" not in agent.read_text()


# -- the mode of what is the host's


def test_the_hosts_devices_keep_their_modes() -> None:
    """After all of the above."""
    for path, mode in (("/dev/null", 0o666), ("/dev/zero", 0o666)):
        assert stat.S_IMODE(os.stat(path).st_mode) == mode
