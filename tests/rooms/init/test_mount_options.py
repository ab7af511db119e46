"""The options that the runtime specification lists (config.md, "Linux mount options"), as the kernel shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corral.errors import Invalid
from corral.linux import mount as m
from corral.linux import namespace
from corral.oci.runtime import IDMapping, Mount
from support.boxes import NEEDS, Box, Outcome, in_box, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)

SHOW = "for p in /x /x/sub; do grep \" $p \" /proc/self/mountinfo | cut -d' ' -f6; done"


def run(box: Box, script: str, *mounts: Mount) -> Outcome:
    outcome = in_box(box, lambda box: box.run(spec(shell(script), mounts=mounts)))
    assert isinstance(outcome, Outcome)
    return outcome


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    (path / "sub").mkdir(parents=True)
    return path


def flags(box: Box, source: Path, *options: str, outer: int = 0, inner: int = 0) -> list[set[str]]:
    """Of a bind of a tmpfs and of the one that is mounted below it, which have these flags outside."""

    def inside(box: Box) -> Outcome:
        namespace.unshare(namespace.CLONE_NEWNS)
        m.mount(None, "/", None, m.MS_PRIVATE | m.MS_REC, None)
        m.mount("outer", str(source), "tmpfs", 0, None)
        (source / "sub").mkdir()
        m.mount("inner", str(source / "sub"), "tmpfs", inner, None)
        if outer:
            m.mount(None, str(source), None, m.MS_BIND | m.MS_REMOUNT | outer, None)
        return box.run(spec(shell(SHOW), mounts=(Mount("/x", "none", str(source), ("rbind", *options)),)))

    outcome = in_box(box, inside)
    assert outcome.error == ""
    return [set(line.split(",")) for line in outcome.lines]


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        ("rro", "ro"),
        ("rnosuid", "nosuid"),
        ("rnodev", "nodev"),
        ("rnoexec", "noexec"),
        ("rnodiratime", "nodiratime"),
        ("rnoatime", "noatime"),
        ("rrelatime", "relatime"),
        ("rnosymfollow", "nosymfollow"),
    ],
)
def test_recursive_options_reach_the_whole_tree(box: Box, source: Path, option: str, shown: str) -> None:
    assert all(shown in one for one in flags(box, source, option))


@pytest.mark.parametrize(
    ("option", "flag", "shown"),
    [
        ("rrw", m.MS_RDONLY, "ro"),
        ("rsuid", m.MS_NOSUID, "nosuid"),
        ("rdev", m.MS_NODEV, "nodev"),
        ("rexec", m.MS_NOEXEC, "noexec"),
        ("rdiratime", m.MS_NODIRATIME, "nodiratime"),
        ("ratime", m.MS_NOATIME, "noatime"),
        ("rnorelatime", m.MS_RELATIME, "relatime"),
        ("rstrictatime", m.MS_RELATIME, "relatime"),
        ("rsymfollow", m.MS_NOSYMFOLLOW, "nosymfollow"),
    ],
)
def test_recursive_options_take_away_from_the_whole_tree(
    box: Box, source: Path, option: str, flag: int, shown: str
) -> None:
    before = flags(box, source, outer=flag, inner=flag)
    assert all(shown in one for one in before)
    assert not any(shown in one for one in flags(box, source, option, outer=flag, inner=flag))


@pytest.mark.parametrize(
    ("option", "flag", "shown"),
    [
        ("rw", m.MS_RDONLY, "ro"),
        ("suid", m.MS_NOSUID, "nosuid"),
        ("dev", m.MS_NODEV, "nodev"),
        ("exec", m.MS_NOEXEC, "noexec"),
        ("diratime", m.MS_NODIRATIME, "nodiratime"),
        ("atime", m.MS_NOATIME, "noatime"),
        ("symfollow", m.MS_NOSYMFOLLOW, "nosymfollow"),
    ],
)
def test_what_is_taken_away_from_a_bind_is_taken_away_there_only(
    box: Box, source: Path, option: str, flag: int, shown: str
) -> None:
    outer, inner = flags(box, source, option, outer=flag, inner=flag)
    assert (shown in outer, shown in inner) == (False, True)


def test_what_is_not_said_stays_as_the_source_has_it(box: Box, source: Path) -> None:
    outer, _ = flags(box, source, "noexec", outer=m.MS_NODEV | m.MS_NOATIME)
    assert {"noexec", "nodev", "noatime"} <= outer


def test_flags_and_those_of_the_tree_are_independent(box: Box, source: Path) -> None:
    outer, inner = flags(box, source, "rro", "rw", "noexec", "rnodev")
    assert ("ro" in outer, "ro" in inner) == (False, True)
    assert ("noexec" in outer, "noexec" in inner) == (True, False)
    assert "nodev" in outer & inner


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (("nosuid", "nodev", "noexec"), {"nosuid", "nodev", "noexec"}),
        (("noatime",), {"noatime"}),
        (("noatime", "strictatime"), {"rw"}),
        (("nodiratime",), {"nodiratime"}),
        (("nosymfollow",), {"nosymfollow"}),
        (("rnoexec",), {"noexec"}),
        (("defaults", "async", "loud", "exec", "noiversion", "nolazytime"), {"rw", "relatime"}),
    ],
)
def test_flags_of_a_new_file_system(box: Box, options: tuple[str, ...], shown: set[str]) -> None:
    found = set(run(box, SHOW, Mount("/x", "tmpfs", "tmpfs", options)).lines[0].split(","))
    assert shown <= found
    if "strictatime" in options:
        assert not found & {"relatime", "noatime"}


def test_options_of_the_file_system_are_handed_on(box: Box) -> None:
    script = "grep ' /x ' /proc/self/mountinfo | sed 's/.* - //'"
    outcome = run(box, script, Mount("/x", "tmpfs", "tmpfs", ("size=64k", "nr_inodes=100", "sync")))
    assert "size=64k" in outcome.out
    assert "nr_inodes=100" in outcome.out


def test_an_option_that_the_file_system_does_not_know(box: Box) -> None:
    outcome = run(box, "true", Mount("/x", "tmpfs", "tmpfs", ("who=knows",)))
    assert outcome.error == (
        'error mounting "tmpfs" to rootfs at "/x": mount src=tmpfs, dst=/x, flags=0, data=who=knows: invalid argument'
    )


def test_a_remount_changes_what_is_there(box: Box) -> None:
    outcome = run(
        box,
        f"{SHOW}; df -k /x | tail -1 | awk '{{print $2}}'",
        Mount("/x", "tmpfs", "tmpfs", ("size=1m",)),
        Mount("/x", "tmpfs", "tmpfs", ("remount", "size=2m", "noexec", "ro")),
    )
    shown, size = outcome.lines
    assert {"ro", "noexec"} <= set(shown.split(","))
    assert size == "2048"


def test_a_remount_of_a_bind_changes_the_mount_only(box: Box, source: Path) -> None:
    outcome = run(
        box,
        f"{SHOW}; touch /x/y 2>&1",
        Mount("/x", "bind", str(source), ("rbind",)),
        Mount("/x", "", "", ("bind", "remount", "ro", "nosuid")),
    )
    assert {"ro", "nosuid"} <= set(outcome.lines[0].split(","))
    assert outcome.lines[1] == "touch: /x/y: Read-only file system"
    (source / "y").touch()


def test_a_remount_of_nothing(box: Box) -> None:
    outcome = run(box, "true", Mount("/nowhere", "tmpfs", "tmpfs", ("remount", "ro")))
    assert "no such file or directory" in outcome.error


def test_a_symbolic_link_is_not_followed_in_a_mount_that_says_so(box: Box, source: Path) -> None:
    (source / "file").write_text("content\n")
    (source / "link").symlink_to("file")
    outcome = run(box, "cat /x/file; cat /x/link 2>&1", Mount("/x", "bind", str(source), ("bind", "nosymfollow")))
    assert outcome.lines[0] == "content"
    assert "Too many levels" in outcome.lines[1] or "symbolic links" in outcome.lines[1]


def test_a_relative_source_is_the_bundles(box: Box) -> None:
    (box.bundle / "data").mkdir()
    (box.bundle / "data/file").write_text("of the bundle\n")
    assert run(box, "cat /x/file", Mount("/x", "", "data", ("bind",))).lines == ["of the bundle"]


def test_a_relative_destination_is_below_the_root(box: Box) -> None:
    assert run(box, "grep -c ' /x/y ' /proc/self/mountinfo", Mount("x/y", "tmpfs", "tmpfs", ())).lines == ["1"]


@pytest.mark.parametrize(
    ("mount", "error"),
    [
        (
            Mount("/x", "bind", "/", ("rbind", "size=5", "who=knows")),
            "bind mounts cannot have any filesystem-specific options applied: size=5,who=knows",
        ),
        (Mount("/x", "tmpfs", "tmpfs", ("idmap",)), "id-mapped mounts are only supported for bind-mounts"),
        (
            Mount("/x", "bind", "/", ("bind",), uid_mappings=(IDMapping(0, 1, 1),)),
            "id-mapped mounts must have both uid and gid mappings specified",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(box: Box, mount: Mount, error: str) -> None:
    def scenario(box: Box) -> Any:
        try:
            box.run(spec(shell("true"), mounts=(mount,)))
        except Invalid as raised:
            return str(raised)
        return "mounted"

    assert in_box(box, scenario) == f'invalid mount "/x": {error}'
