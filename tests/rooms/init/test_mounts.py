"""The spec's mounts: binds with their flags and propagation, tmpfs, where they land, and how failures read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corral.linux import mount as m
from corral.linux import namespace
from corral.oci.runtime import Mount
from support.boxes import NEEDS, Box, Outcome, in_box, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)


def run(box: Box, script: str, *mounts: Mount) -> Outcome:
    outcome = in_box(box, lambda box: box.run(spec(shell(script), mounts=mounts)))
    assert isinstance(outcome, Outcome)
    return outcome


def with_tree(box: Box, source: Path, scenario: Callable[[Box], Any]) -> Any:
    """``scenario`` in a mount namespace where ``source`` is a shared tmpfs with another tmpfs below it."""

    def inside(box: Box) -> Any:
        namespace.unshare(namespace.CLONE_NEWNS)
        m.mount(None, "/", None, m.MS_PRIVATE | m.MS_REC, None)
        m.mount("outer", str(source), "tmpfs", 0, None)
        m.mount(None, str(source), None, m.MS_SHARED, None)
        (source / "sub").mkdir()
        m.mount("inner", str(source / "sub"), "tmpfs", 0, None)
        return scenario(box)

    return in_box(box, inside)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    (path / "file").write_text("content\n")
    return path


def test_a_bind_is_the_same_directory(box: Box, source: Path) -> None:
    outcome = run(box, "cat /x/file; echo more > /x/new", Mount("/x", "bind", str(source), ("rbind", "rprivate")))
    assert outcome.lines == ["content"]
    assert (source / "new").read_text() == "more\n"


def test_a_file_is_bound_on_a_file_made_for_it(box: Box, source: Path, root: Path) -> None:
    outcome = run(box, "cat /some/where/x", Mount("/some/where/x", "bind", str(source / "file"), ("bind",)))
    assert outcome.lines == ["content"]
    assert (root / "some/where/x").read_text() == ""


def test_ro_bind_refuses_writes_and_leaves_the_source_alone(box: Box, source: Path) -> None:
    outcome = run(box, "touch /x/y 2>&1", Mount("/x", "bind", str(source), ("rbind", "ro")))
    assert outcome.lines == ["touch: /x/y: Read-only file system"]
    (source / "y").touch()


@pytest.mark.parametrize(
    ("options", "writable"),
    [
        (("rbind", "rro"), "no no"),
        (("rbind", "ro"), "no yes"),
        (("rbind",), "yes yes"),
        (("bind",), "yes yes"),
        (("rbind", "rro", "rprivate", "ro"), "no no"),
    ],
)
def test_read_only_is_recursive_only_where_asked_for(
    box: Box, source: Path, options: tuple[str, ...], writable: str
) -> None:
    script = "t() { touch $1/t 2>/dev/null && echo yes || echo no; }; echo $(t /x) $(t /x/sub); ls /x/sub | wc -l"
    description = spec(shell(script), mounts=(Mount("/x", "bind", str(source), options),))
    outcome = with_tree(box, source, lambda box: box.run(description))
    assert outcome.lines[0] == writable


def test_a_plain_bind_leaves_out_what_is_mounted_below(box: Box, source: Path) -> None:
    script = "cut -d' ' -f5 /proc/self/mountinfo | grep -c ^/x"
    for option, count in (("bind", "1"), ("rbind", "2")):
        description = spec(shell(script), mounts=(Mount("/x", "bind", str(source), (option,)),))
        assert with_tree(box, source, lambda box, d=description: box.run(d)).lines == [count]


@pytest.mark.parametrize("option", ["nosuid", "nodev", "noexec", "noatime", "nodiratime", "strictatime"])
def test_flags_of_a_bind_are_in_effect(box: Box, source: Path, option: str) -> None:
    script = "grep ' /x ' /proc/self/mountinfo | cut -d' ' -f6"
    flags = run(box, script, Mount("/x", "bind", str(source), ("rbind", option))).lines[0].split(",")
    assert option in flags or (option == "strictatime" and "relatime" not in flags)


@pytest.mark.parametrize(
    ("mode", "down", "up"),
    [("rprivate", False, False), ("rslave", True, False), ("rshared", True, True), ("private", False, False),
     ("slave", True, False), ("shared", True, True)],
)  # fmt: skip
def test_propagation(box: Box, source: Path, mode: str, down: bool, up: bool) -> None:
    """Down: what the host mounts later appears in the container; up: the other way."""
    script = "mkdir /x/b; mount -t tmpfs t /x/b; echo mounted; read line < /x/gate; test -e /x/a/seen && echo down"

    def scenario(box: Box) -> list[bool]:
        (source / "a").mkdir()
        gate = source / "gate"
        os.mkfifo(gate)
        first = shell(script, capabilities=None)
        running = box.start(spec(first, mounts=(Mount("/x", "bind", str(source), ("rbind", mode)),)))
        seen = running.read_until("mounted")
        upward = f" {source}/b tmpfs" in Path("/proc/self/mounts").read_text()
        m.mount("late", str(source / "a"), "tmpfs", 0, None)
        (source / "a/seen").touch()
        gate.write_text("go\n")
        outcome = running.finish()
        return ["down" in seen + outcome.out, upward]

    assert with_tree(box, source, scenario) == [down, up]


def test_tmpfs_has_its_options(box: Box) -> None:
    script = (
        "stat -c '%a %u' /t; df -k /t | tail -1 | awk '{print $2}'; grep ' /t ' /proc/self/mountinfo | cut -d' ' -f6"
    )
    mount = Mount("/t", "tmpfs", "tmpfs", ("nosuid", "nodev", "noexec", "size=1m", "mode=700", "uid=5"))
    assert run(box, script, mount).lines == ["700 5", "1024", "rw,nosuid,nodev,noexec,relatime"]


def test_tmpfs_without_mode_has_that_of_the_directory(box: Box, root: Path) -> None:
    (root / "t").mkdir()
    (root / "t").chmod(0o1755)
    assert run(box, "stat -c %a /t", Mount("/t", "tmpfs", "tmpfs", ())).lines == ["1755"]


def test_a_read_only_tmpfs_can_have_mounts_below_it(box: Box, source: Path) -> None:
    outcome = run(
        box,
        "touch /t/x 2>&1; cat /t/below/file",
        Mount("/t", "tmpfs", "tmpfs", ("ro",)),
        Mount("/t/below", "bind", str(source), ("rbind",)),
    )
    assert outcome.lines == ["touch: /t/x: Read-only file system", "content"]


def test_tmpcopyup_brings_the_images_files(box: Box, root: Path) -> None:
    (root / "data/sub").mkdir(parents=True)
    (root / "data/sub/file").write_text("here\n")
    (root / "data/link").symlink_to("sub/file")
    os.chown(root / "data/sub", 1000, 1000)
    outcome = run(
        box, "cat /data/link; stat -c %u /data/sub; rm /data/sub/file", Mount("/data", "tmpfs", "tmpfs", ("tmpcopyup",))
    )
    assert outcome.lines == ["here", "1000"]
    assert (root / "data/sub/file").exists()


def test_mounts_are_made_in_order(box: Box, source: Path, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second/file").write_text("second\n")
    first, second = (Mount("/x", "bind", str(path), ("rbind",)) for path in (source, tmp_path / "second"))
    assert run(box, "cat /x/file", first, second).lines == ["second"]


def test_a_missing_source_is_named(box: Box) -> None:
    outcome = run(box, "true", Mount("/x", "bind", "/no/where", ("rbind",)))
    assert outcome.error.startswith('error mounting "/no/where" to rootfs at "/x": mount src=/no/where, dst=/x, ')
    assert outcome.error.endswith("flags=MS_BIND|MS_REC: no such file or directory")
    assert outcome.code == 127


def test_a_file_on_a_directory_is_explained(box: Box, source: Path) -> None:
    outcome = run(box, "true", Mount("/etc", "bind", str(source / "file"), ("rbind",)))
    assert "not a directory: Are you trying to mount a directory onto a file (or vice-versa)?" in outcome.error


def test_an_unknown_file_system_is_an_error(box: Box) -> None:
    outcome = run(box, "true", Mount("/x", "nosuchfs", "none", ()))
    assert outcome.error == ('error mounting "none" to rootfs at "/x": mount src=none, dst=/x, flags=0: no such device')


@pytest.mark.parametrize(
    ("destination", "why"),
    [
        ("/proc", '"/proc" cannot be mounted because it is not of type proc'),
        ("/proc/self/attr", '"/proc/self/attr" cannot be mounted because it is inside /proc'),
        ("/etc/../proc/sys", '"/proc/sys" cannot be mounted because it is inside /proc'),
    ],
)
def test_proc_is_not_replaced(box: Box, source: Path, destination: str, why: str) -> None:
    assert run(box, "true", Mount(destination, "bind", str(source), ("rbind",))).error.endswith(f": {why}")


def test_what_lxcfs_replaces_can_be_replaced_and_the_hosts_proc_bound(box: Box, source: Path) -> None:
    mount = Mount("/proc/uptime", "bind", str(source / "file"), ("rbind", "ro"))
    assert run(box, "cat /proc/uptime", mount).lines == ["content"]
    assert run(box, "readlink /proc/self", Mount("/proc", "bind", "/proc", ("rbind",))).code == 0
