"""cp, diff and export through the docker client and our own: what arrives, and from where."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from support.host import TestHost

pytestmark = pytest.mark.usefixtures("clean")

CLIENTS = ("docker", "corral")


def cp(host: TestHost, client: str, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    return getattr(host, client)("cp", *arguments, check=check)  # type: ignore[no-any-return]


def make(directory: Path) -> None:
    """A tree with everything that there is."""
    (directory / "sub").mkdir(parents=True)
    (directory / "file").write_text("content\n")
    (directory / "sub" / "large").write_bytes(os.urandom(3_000_000))
    (directory / "empty").touch(0o600)
    os.link(directory / "file", directory / "hard")
    (directory / "way").symlink_to("sub/large")
    (directory / "nowhere").symlink_to("/no/where")
    os.mkfifo(directory / "fifo")
    with (directory / "holes").open("wb") as holes:
        holes.truncate(1 << 20)
    (directory / "file").chmod(0o4751)
    (directory / "sub").chmod(0o2711)
    os.utime(directory / "file", ns=(1, 1_234_567_890_123_456_789))
    os.utime(directory / "sub", (1, 1_100_000_000))
    os.chown(directory / "empty", 123, 456)


def described(directory: Path, *, owners: bool) -> list[tuple[object, ...]]:
    found = []
    for path in sorted(directory.rglob("*")):
        info = path.lstat()
        kind = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else info.st_mode
        size = info.st_size if path.is_file() else 0
        who = (info.st_uid, info.st_gid) if owners else ()
        mode = 0 if path.is_symlink() else info.st_mode
        found.append((path.relative_to(directory), kind, mode, int(info.st_mtime), size, info.st_nlink, *who))
    return found


@pytest.fixture(params=["running", "stopped", "paused"])
def box(request: pytest.FixtureRequest, host: TestHost) -> str:
    """A container in each state that it can be copied from and to."""
    host.docker("run", "-d", "--name", "box", "-v", "vol:/vol", "--tmpfs", "/scratch", "busybox", "sleep", "1000")
    if request.param == "stopped":
        host.docker("kill", "box")
    elif request.param == "paused":
        host.docker("pause", "box")
    return "box"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("place", ["/", "/vol"])
def test_a_tree_goes_in_and_comes_out_the_same(
    host: TestHost, box: str, client: str, place: str, tmp_path: Path
) -> None:
    make(tmp_path / "tree")
    cp(host, client, tmp_path / "tree", f"{box}:{place}")
    (tmp_path / "out").mkdir()
    cp(host, client, f"{box}:{place.rstrip('/')}/tree", tmp_path / "out")
    ours = described(tmp_path / "out" / "tree", owners=False)
    assert ours == described(tmp_path / "tree", owners=False)


@pytest.mark.parametrize("client", CLIENTS)
def test_numbers_of_owners_go_in_as_they_are_unless_the_user_is_to_own_it(
    host: TestHost, client: str, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("x")
    os.chown(tmp_path / "mine", 123, 456)
    host.docker("create", "--name", "owned", "--user", "user", "busybox", "stat", "-c", "%u %g", "/a", "/b")
    cp(host, client, tmp_path / "mine", "owned:/a")
    cp(host, client, "-a", tmp_path / "mine", "owned:/b")
    assert host.docker("start", "-a", "owned").stdout == "123 456\n1000 1000\n"


@pytest.mark.parametrize("client", CLIENTS)
def test_streams(host: TestHost, box: str, client: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("from/stdin")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"tar\n"))
    getattr(host, client)("cp", "-", f"{box}:/var", input=buffer.getvalue())
    with tarfile.open(fileobj=io.BytesIO(_bytes(host, "cp", f"{box}:/var/from", "-"))) as archive:
        assert archive.getnames() == ["from", "from/stdin"]


def test_a_tmpfs_is_seen_while_it_is_there(host: TestHost, tmp_path: Path) -> None:
    """Docker does not see it, and writes below it."""
    host.docker("run", "-d", "--name", "box", "--tmpfs", "/scratch", "busybox", "sleep", "1000")
    (tmp_path / "file").write_text("hello\n")
    host.docker("cp", tmp_path / "file", "box:/scratch/file")
    assert host.docker("exec", "box", "cat", "/scratch/file").stdout == "hello\n"


def test_what_the_kernel_tells_is_not_copied(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "box", "busybox", "sleep", "1000")
    for path in ("/proc/self/environ", "/proc/1/root", "/sys/kernel", "/dev/null"):
        refused = host.docker("cp", f"box:{path}", "-", check=False)
        assert refused.stderr == f"Error response from daemon: Could not find the file {path} in container box\n"


def test_a_volume_is_filled_from_the_image_before_something_is_copied_into_it(host: TestHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello\n")
    host.docker("create", "--name", "box", "-v", "/etc", "busybox", "ls", "/etc/passwd", "/etc/file")
    host.docker("cp", tmp_path / "file", "box:/etc/file")
    assert host.docker("start", "-a", "box").stdout == "/etc/file\n/etc/passwd\n"


def test_read_only_is_refused(host: TestHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello\n")
    mounts = ("-v", "vol:/ro:ro", "-v", "vol:/rw")
    host.docker("run", "-d", "--name", "box", "--read-only", *mounts, "busybox", "sleep", "99")
    for state in ("running", "stopped"):
        for path, reason in (("/", "container rootfs"), ("/ro", "mounted volume")):
            refused = host.docker("cp", tmp_path / "file", f"box:{path}", check=False)
            assert refused.stderr == f"Error response from daemon: {reason} is marked read-only\n", state
        host.docker("cp", tmp_path / "file", "box:/rw")
        host.docker("kill", "box", check=False)


def test_containers_with_ids_of_their_own(host: TestHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello\n")
    os.chown(tmp_path / "file", 5, 6)
    host.corral("run", "-d", "--name", "box", "--userns", "auto", "-v", "vol:/vol", "busybox", "sleep", "1000")
    host.docker("cp", tmp_path / "file", "box:/running")
    host.docker("cp", tmp_path / "file", "box:/vol/running")
    host.docker("kill", "box")
    host.docker("cp", tmp_path / "file", "box:/stopped")
    host.docker("start", "box")
    looked = host.docker("exec", "box", "stat", "-c", "%u %g", "/running", "/vol/running", "/stopped").stdout
    assert looked == "5 6\n" * 3
    for _ in range(2):
        with tarfile.open(fileobj=io.BytesIO(_bytes(host, "cp", "box:/running", "-"))) as archive:
            assert [(member.uid, member.gid) for member in archive] == [(5, 6)]
        with tarfile.open(fileobj=io.BytesIO(_bytes(host, "export", "box"))) as archive:
            assert archive.getmember("etc/passwd").uid == 0
            assert archive.getmember("running").gid == 6
        host.docker("kill", "box", check=False)


def _bytes(host: TestHost, *arguments: str) -> bytes:
    return subprocess.run(["docker", "-H", host.url, *arguments], capture_output=True, check=True).stdout


def test_an_export_is_the_root_without_what_is_mounted_in_it(host: TestHost, box: str) -> None:
    with tarfile.open(fileobj=io.BytesIO(_bytes(host, "export", box))) as archive:
        names = archive.getnames()
    assert {"bin/busybox", "etc/passwd", "proc", "sys", "dev", "vol", "scratch", "etc/hosts"} <= set(names)
    assert not [name for name in names if name.startswith(("proc/", "sys/", "vol/", "dev/null"))]
    archive_file = host.base / "export.tar"
    host.corral("export", "-o", archive_file, box)
    image = host.docker("import", archive_file, "exported").stdout.strip()
    assert host.docker("run", "--rm", "exported", "cat", "/etc/passwd").stdout.startswith("root:")
    host.docker("rmi", image)


def test_a_container_may_start_while_it_is_exported(host: TestHost) -> None:
    host.docker("create", "--name", "box", "busybox", "true")
    export = subprocess.Popen(["docker", "-H", host.url, "export", "box"], stdout=subprocess.PIPE)
    assert export.stdout is not None
    export.stdout.read(1)
    host.docker("start", "-a", "box", timeout=20)
    export.stdout.read()
    assert export.wait() == 0


def test_a_client_that_goes_away_lets_the_container_start(host: TestHost, tmp_path: Path) -> None:
    host.docker("create", "--name", "box", "busybox", "true")
    with subprocess.Popen(["docker", "-H", host.url, "cp", "-", "box:/"], stdin=subprocess.PIPE) as copy:
        assert copy.stdin is not None
        copy.stdin.write(bytes(100))
        copy.stdin.flush()
        copy.kill()
    host.docker("start", "-a", "box", timeout=20)


def test_diff_tells_what_the_container_changed(host: TestHost) -> None:
    script = "mkdir /new; touch /new/file; rm /etc/group; chmod 700 /var; touch /etc/passwd; rm -r /home; mkdir /home"
    host.docker("run", "--name", "box", "-v", "/vol", "busybox", "sh", "-c", script)
    told = host.docker("diff", "box").stdout.splitlines()
    assert told == ["C /etc", "C /etc/passwd", "D /etc/group", "A /new", "A /new/file", "C /var", "A /vol"]
    assert host.corral("diff", "box").stdout.splitlines() == told
