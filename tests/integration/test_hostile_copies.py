"""Containers that wait for somebody to copy from or to them.

The container's root is as powerful as it gets inside, and runs while the daemon works on its files. Whatever it does,
nothing outside of it is read or written.
"""

from __future__ import annotations

import io
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.host import TestHost

SECRET = "of the host"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory of the host that every container can name and none can reach."""
    directory = tmp_path / "outside"
    directory.mkdir(mode=0o755)
    (directory / "secret").write_text(SECRET)
    return directory


@pytest.fixture
def box(host: TestHost) -> Iterator[str]:
    yield "hostile"
    host.docker("rm", "-f", "-v", "hostile", check=False)


def run(host: TestHost, script: str, *flags: str) -> None:
    host.docker("run", "-d", "--name", "hostile", *flags, "busybox", "sh", "-c", script)


def contents(directory: Path) -> list[tuple[str, int, int, bytes]]:
    return [
        (str(path), path.lstat().st_mode, path.lstat().st_uid, path.read_bytes() if path.is_file() else b"")
        for path in (directory, *sorted(directory.rglob("*")))
    ]


def archive(*names: str, uid: int = 0, mode: int = 0o777) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.uid, info.mode, info.size = uid, mode, 0 if name.endswith("/") else 5
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            tar.addfile(info, io.BytesIO(b"wrote"[: info.size]))
    return buffer.getvalue()


def put(host: TestHost, path: str, content: bytes) -> None:
    """Whatever comes of it, the daemon must answer."""
    subprocess.run(
        ["docker", "-H", host.url, "cp", "-q", "-", f"hostile:{path}"], input=content, capture_output=True, timeout=60
    )


def got(host: TestHost, path: str) -> bytes:
    command = ["docker", "-H", host.url, "cp", f"hostile:{path}", "-"]
    return subprocess.run(command, capture_output=True, timeout=60).stdout


def test_cve_2018_15664_a_directory_becomes_a_link_while_a_copy_resolves_it(
    host: TestHost, box: str, outside: Path
) -> None:
    """The path is checked as a directory and used as a link to the host's directory of that name."""
    swap = f"mkdir /real; while :; do ln -sfn {outside} /door; rm /door; mv /real /door; mv /door /real; done"
    run(host, swap)
    before = contents(outside)
    for _ in range(60):
        put(host, "/door", archive("written", "made/", "made/inner"))
        put(host, "/", archive("door/written", "door/"))
        assert SECRET.encode() not in got(host, "/door")
        assert SECRET.encode() not in got(host, "/door/secret")
    assert contents(outside) == before


def test_cve_2018_15664_what_was_just_made_becomes_a_link_before_it_is_given_away(
    host: TestHost, box: str, outside: Path
) -> None:
    """Owner, mode and times are set after a member was made: on the member, whatever has its name by then."""
    race = (
        "mkdir /d; cd /d; "
        f"while :; do rmdir made 2>/dev/null && ln -s {outside} made; rm made 2>/dev/null; "
        f"rm file 2>/dev/null && ln -s {outside}/secret file; rm -f file; done"
    )
    run(host, race)
    before = contents(outside)
    content = archive("made/", "file", "made/x", uid=4242, mode=0o4777)
    for _ in range(100):
        put(host, "/d", content)
    assert contents(outside) == before


def test_links_that_lead_up_and_out_stay_inside(host: TestHost, box: str, outside: Path) -> None:
    run(host, f"ln -s {'../' * 40}{outside} /up; ln -s {outside} /abs; ln -s /proc/1/root /proc1; touch /r; sleep 1000")
    until_there(host, "/r")
    before = contents(outside)
    for path in ("/up", "/abs", "/proc1", "/up/..", "/proc1/tmp", f"/../..{outside}"):
        put(host, path, archive("written"))
        assert SECRET.encode() not in got(host, path)
        assert SECRET.encode() not in got(host, f"{path}/secret")
    assert contents(outside) == before


def until_there(host: TestHost, path: str) -> None:
    deadline = time.monotonic() + 20
    while not got(host, path):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_cve_2019_14271_nothing_is_loaded_from_the_container(host: TestHost, box: str, tmp_path: Path) -> None:
    """docker-tar looked users up after its chroot, and loaded the container's libnss for it. Here the container offers
    everything that an interpreter may look for; none of it is opened by anybody but itself.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    root = tmp_path / "root"
    for place in (f"usr/lib/{version}", f"usr/local/lib/{version}", *(path.lstrip("/") for path in sys.path if path)):
        for name in ("json", "pwd", "grp", "encodings", "corral", "tarfile"):
            module = root / place / f"{name}.py"
            module.parent.mkdir(parents=True, exist_ok=True)
            module.write_text(f"open({str(tmp_path / 'loaded')!r}, 'w').write({name!r})\n")
    library = root / "lib/x86_64-linux-gnu"
    library.mkdir(parents=True)
    for name in ("libnss_files.so.2", "libc.so.6"):
        (library / name).write_bytes(b"\x7fELF and nothing")
    host.docker("create", "--name", "hostile", "--user", "user", "busybox", "sleep", "1000")
    host.docker("cp", f"{root}/.", "hostile:/")
    host.docker("start", "hostile")
    for _ in range(3):
        host.docker("cp", "-a", "/etc/hostname", "hostile:/tmp/x")
        host.docker("cp", "hostile:/tmp/x", str(tmp_path / "x"))
        host.docker("export", "-o", str(tmp_path / "all"), "hostile")
    assert not (tmp_path / "loaded").exists()


def test_cve_2022_24769_files_are_made_without_capabilities_of_the_worker(host: TestHost, box: str) -> None:
    """Inheritable capabilities of the daemon's were once handed on to what ran in the container after a copy."""
    run(host, "sleep 1000")
    put(host, "/tmp", archive("tool", mode=0o755))
    listed = host.docker("exec", "hostile", "grep", "CapInh", "/proc/self/status").stdout
    assert int(listed.split()[1], 16) == 0


def test_a_mount_that_the_container_makes_is_not_a_way_out(host: TestHost, box: str, outside: Path) -> None:
    """It may bind its own files over each other while a copy is under way; the view of the copy is the copy's own."""
    script = "mkdir /a /b; echo b > /b/f; while :; do mount --bind /b /a; umount /a; done"
    run(host, script, "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined")
    before = contents(outside)
    for _ in range(20):
        put(host, "/a", archive("written"))
        got(host, "/a")
    assert contents(outside) == before
    assert host.docker("exec", "hostile", "cat", "/b/f").stdout == "b\n"


def test_devices_are_told_of_and_never_opened(host: TestHost, box: str) -> None:
    run(host, "mkdir /d; mknod /d/disk b 254 0; mkfifo /d/fifo; touch /d/done; sleep 1000", "--privileged")
    until_there(host, "/d/done")
    with tarfile.open(fileobj=io.BytesIO(got(host, "/d"))) as tar:
        assert {member.name: member.type for member in tar if member.name != "d"} == {
            "d/disk": tarfile.BLKTYPE,
            "d/done": tarfile.REGTYPE,
            "d/fifo": tarfile.FIFOTYPE,
        }


def test_directories_deeper_than_any_path(host: TestHost, box: str) -> None:
    nest = "i=0; while [ $i -lt 1000 ]; do mkdir -p deep && cd -P deep || exit 1; i=$((i+1)); done; echo in > file"
    host.docker("run", "--name", "hostile", "busybox", "sh", "-c", f"cd /tmp; {nest}")
    assert len(got(host, "/tmp")) > 1000
    assert host.docker("diff", "hostile", timeout=60).stdout.endswith("deep/file\n")
    refused = host.docker("commit", "hostile", check=False, timeout=60).stderr
    assert refused.endswith(": File name too long\n")
    assert len(refused) < 400
    host.docker("rm", "hostile")
    deadline = time.monotonic() + 30
    while any((host.data_root / "trash").iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_file_that_grows_and_shrinks_while_it_is_read(host: TestHost, box: str) -> None:
    run(host, "while :; do head -c 1000000 /dev/zero > /f; : > /f; done")
    for _ in range(20):
        content = got(host, "/f")
        if content:
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                assert [stat.S_IFMT(member.mode) for member in tar] == [0]
