"""Images that attack who runs them, and who else is on the host. Each test is one of the published attacks, tried with
a real client on the whole engine; docs/security.md has the list."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.child import in_child
from support.host import TestHost

NOBODY = 65534


@pytest.fixture
def image(host: TestHost, busybox: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """busybox with the Dockerfile instructions that are the fixture's parameter."""
    name = "hostile:latest"
    changes = [word for line in request.param for word in ("--change", line)]
    host.docker("import", *changes, busybox, name)
    yield name
    host.docker("rmi", "-f", name)


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.mark.parametrize("image", [['VOLUME ["/proc"]'], ['VOLUME ["/proc/self/attr"]']], indirect=True)
def test_cve_2019_16884_a_volume_of_the_image_covers_proc(host: TestHost, image: str) -> None:
    done = host.docker("run", "--rm", image, "true", check=False)
    assert done.returncode != 0
    assert "cannot be mounted because it is" in done.stderr
    assert host.docker("ps", "-aq").stdout == ""


@pytest.mark.parametrize(
    "image", [[f"WORKDIR /proc/self/fd/{number}"] for number in (3, 5, 7, 8, 9, 20)], indirect=True
)
def test_cve_2024_21626_the_working_directory_is_a_descriptor(host: TestHost, image: str) -> None:
    done = host.docker("run", "--rm", image, "ls", "../../../../../../etc/hostname", check=False)
    assert done.returncode != 0, done.stdout
    assert "chdir to cwd" in done.stderr


def test_cve_2024_21626_the_program_is_found_by_way_of_a_descriptor(host: TestHost) -> None:
    program = os.path.realpath("/bin/busybox")
    for number in range(3, 40):
        path = f"/proc/self/fd/{number}{'/..' * 12}{program}"
        done = host.docker("run", "--rm", "--entrypoint", path, "busybox", "true", check=False)
        assert done.returncode in (125, 126, 127), done


@pytest.mark.parametrize("program", ["/proc/self/exe", "/proc/1/exe", "/bin/evil", "/bin/link"])
def test_cve_2019_5736_the_program_is_the_engine_itself(
    host: TestHost, busybox: Path, tmp_path: Path, program: str
) -> None:
    """Directly, by a link, or as the interpreter of a script; it would then write to itself."""
    before = digest(os.path.realpath(sys.executable))
    archive = tmp_path / "evil.tar"
    shutil.copy(busybox, archive)
    with tarfile.open(archive, "a") as tar:
        script = tarfile.TarInfo("bin/evil")
        script.mode, content = 0o755, b"#!/proc/self/exe\n"
        script.size = len(content)
        tar.addfile(script, io.BytesIO(content))
        link = tarfile.TarInfo("bin/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/proc/self/exe"
        tar.addfile(link)
    host.docker("import", archive, "evil:latest")
    try:
        code = "open('/proc/self/exe', 'r+b')"
        done = host.docker("run", "--rm", "--entrypoint", program, "evil:latest", "-c", code, check=False, timeout=30)
        assert done.returncode != 0
    finally:
        host.docker("rmi", "-f", "evil:latest")
    assert digest(os.path.realpath(sys.executable)) == before
    assert host.docker("run", "--rm", "busybox", "echo", "fine").stdout == "fine\n"


def test_cve_2021_41091_others_on_the_host_reach_no_files_of_images(host: TestHost) -> None:
    """They could run set-user-id programs of a container's, or change what everybody may write."""
    host.docker("run", "-d", "--name", "victim", "busybox", "sh", "-c", "touch /open; chmod 777 /open; sleep 1000")
    try:
        pid = host.docker("inspect", "-f", "{{.State.Pid}}", "victim").stdout.strip()
        upper = host.docker("inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "victim").stdout.strip()
        assert Path(upper, "open").exists()
        directories = [host.data_root, *(path for path in host.data_root.iterdir() if path.is_dir())]
        directories += [host.exec_root / "containers", *(host.exec_root / "containers").iterdir()]
        paths = [upper, f"{upper}/open", f"/proc/{pid}/root", *map(str, directories)]

        def look() -> list[str]:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            seen = []
            for path in paths:
                try:
                    os.listdir(path) if os.path.isdir(path) else open(path, "rb").close()
                    seen.append(path)
                except OSError:
                    continue
            return seen

        assert in_child(look) == []
    finally:
        host.docker("rm", "-f", "victim")


@pytest.mark.parametrize("flags", [[], ["--security-opt", "seccomp=unconfined"], ["--cgroupns", "host"]])
def test_cve_2022_0492_a_release_agent_is_installed(host: TestHost, flags: list[str]) -> None:
    script = """
        mkdir /tmp/c; for how in "" "unshare -UrmC"; do $how sh -c 'for c in rdma misc hugetlb pids memory; do
            mount -t cgroup -o $c cgroup /tmp/c && echo /attack > /tmp/c/release_agent && echo SET; umount /tmp/c
        done'; done 2>/dev/null
        for f in $(find / -xdev -name release_agent; find /sys/fs/cgroup -name release_agent); do
            echo /attack > $f && echo SET; done 2>/dev/null
        echo tried
    """
    assert host.docker("run", "--rm", *flags, "busybox", "sh", "-c", script).stdout == "tried\n"
    for agent in Path("/sys/fs/cgroup").glob("*/release_agent"):
        assert "attack" not in agent.read_text()


@pytest.mark.parametrize("flags", [[], ["--user", "user"], ["--cap-add", "NET_RAW"], ["--privileged"]])
def test_cve_2022_24769_no_capability_is_inheritable(host: TestHost, flags: list[str]) -> None:
    """With --privileged they may be, as with Docker: there is nothing left to gain."""
    host.docker("run", "-d", "--name", "caps", *flags, "busybox", "sleep", "1000")
    try:
        for word in ("1", "self"):
            script = f"grep CapInh /proc/{word}/status"
            out = host.docker("exec", "caps", "sh", "-c", script).stdout
            assert out.split()[1] == "0" * 16 or "--privileged" in flags
    finally:
        host.docker("rm", "-f", "caps")
