"""What changed is told the same from an upper directory and from a whole copy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from corral.archive.changes import changes

pytestmark = pytest.mark.requires("root", "overlay", "namespaces")

BELOW = "mkdir -p a/b c d/e; echo 1 > a/one; echo 2 > a/b/two; echo 3 > c/three; echo 4 > d/e/4; ln -s a way; echo >top"
MIDDLE = "rm a/one; rm -r c; mkdir c; echo 5 > c/five; echo 6 > added; rm top"

CASES = {
    "nothing": ("true", []),
    "touched and put back": ("cp -a d d2; rm -r d2", []),
    "added": ("mkdir -p x/y; echo > x/y/z; ln -s z l", ["A /l", "A /x", "A /x/y", "A /x/y/z"]),
    "written": ("echo more >> a/b/two", ["C /a", "C /a/b", "C /a/b/two"]),
    "same content, same time": ("cp -p a/b/two t; cat t > a/b/two; touch -r t a/b/two; rm t", []),
    "mode of a directory": ("chmod 700 a", ["C /a"]),
    "owner": ("chown -h 1:2 way", ["C /way"]),
    "removed": ("rm a/b/two added", ["C /a", "C /a/b", "D /a/b/two", "D /added"]),
    "removed whole": ("rm -r d", ["D /d"]),
    "removed and made again": ("rm -r d; mkdir d; echo > d/new", ["C /d", "A /d/new", "D /d/e"]),
    "a file for a directory": ("rm -r d; echo > d", ["C /d"]),
    "a directory for a file": ("rm added; mkdir added; echo > added/in", ["C /added", "A /added/in"]),
    "what was gone below is new": ("echo > top; mkdir c/x", ["C /c", "A /c/x", "A /top"]),
    "what was hidden below stays hidden": ("echo > c/three", ["C /c", "A /c/three"]),
    "renamed": ("mv a/b a/z", ["C /a", "A /a/z", "A /a/z/two", "D /a/b"]),
    "capability": ("setcap cap_net_raw+ep added 2>/dev/null || chmod 711 added", ["C /added"]),
    "devices": ("mknod n c 1 3; mkfifo f", ["A /f", "A /n"]),
}


def mounted(lowers: list[Path], upper: Path, script: str, copy: Path) -> None:
    work, merged = upper.with_name(upper.name + "-work"), upper.with_name(upper.name + "-merged")
    for directory in (upper, work, merged):
        directory.mkdir()
    layers = ":".join(map(str, lowers))
    options = f"lowerdir={layers},upperdir={upper},workdir={work},index=off,redirect_dir=off,metacopy=off"
    commands = f"mount -t overlay overlay -o {options} {merged}; cd {merged}; {script}; cp -a . {copy}"
    subprocess.run(["unshare", "-m", "sh", "-ec", commands], check=True)


@pytest.mark.parametrize("case", CASES)
def test_changes(tmp_path: Path, case: str) -> None:
    script, expected = CASES[case]
    bottom = tmp_path / "bottom"
    bottom.mkdir()
    subprocess.run(["sh", "-ec", BELOW], cwd=bottom, check=True)
    mounted([bottom], tmp_path / "middle", MIDDLE, tmp_path / "before")
    mounted([tmp_path / "middle", bottom], tmp_path / "top", script, tmp_path / "after")
    marked = changes(str(tmp_path / "top"), [str(tmp_path / "middle"), str(bottom)], whole=False)
    whole = changes(str(tmp_path / "after"), [str(tmp_path / "before")], whole=True)
    for found in (marked, whole):
        assert [f"{'CAD'[change.kind]} {change.path.decode()}" for change in found] == expected


def test_marks_of_fuse_overlayfs(tmp_path: Path) -> None:
    below, upper = tmp_path / "below", tmp_path / "upper"
    (below / "dir").mkdir(parents=True)
    (below / "gone").touch()
    (below / "dir" / "hidden").touch()
    (upper / "dir").mkdir(parents=True)
    (upper / ".wh.gone").touch()
    (upper / "dir" / ".wh..wh..opq").touch()
    (upper / "dir" / "new").touch()
    found = changes(str(upper), [str(below)], whole=False)
    assert [(change.kind.name, change.path) for change in found] == [
        ("MODIFIED", b"/dir"),
        ("ADDED", b"/dir/new"),
        ("DELETED", b"/dir/hidden"),
        ("DELETED", b"/gone"),
    ]
