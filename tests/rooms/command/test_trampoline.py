"""A container reaches its program by the trampoline, or from a sealed interpreter: it cannot tell which."""

from __future__ import annotations

import os
import platform
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.oci import Bundle, Runtime

pytestmark = pytest.mark.requires("root", "namespaces", "busybox", "cgroup")

SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")
USER = {"uid": 1000, "gid": 1000}
NET_RAW = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
"""security.capability, version 2: cap_net_raw=ep."""


def _sets(*names: str, of: tuple[str, ...] = SETS) -> dict[str, Any]:
    return {"capabilities": {name: [f"CAP_{one}" for one in names] for name in of}}


@pytest.fixture(params=["trampoline", "sealed"])
def way(request: pytest.FixtureRequest, bundle: Bundle) -> str:
    """A hook of the container's is one of the reasons to seal."""
    if request.param == "sealed":
        bundle.hook("createContainer", "true")
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("process", "expected"),
    [
        (_sets("KILL"), {"CapBnd": 32, "CapEff": 32, "CapPrm": 32, "CapAmb": 32, "NoNewPrivs": 0}),
        (_sets("KILL", of=("bounding",)), {"CapBnd": 32, "CapEff": 32, "CapPrm": 32, "CapInh": 0}),
        (_sets("KILL", of=("bounding",)) | {"noNewPrivileges": True}, {"CapBnd": 32, "CapEff": 0, "CapPrm": 0}),
        (_sets("KILL", of=SETS[:3]) | {"noNewPrivileges": True}, {"CapBnd": 32, "CapEff": 32, "NoNewPrivs": 1}),
        (_sets("KILL") | {"user": USER}, {"CapBnd": 32, "CapEff": 32, "CapAmb": 32}),
        (_sets("KILL", of=SETS[:3]) | {"user": USER}, {"CapBnd": 32, "CapEff": 0, "CapPrm": 0, "CapAmb": 0}),
        (_sets("KILL") | {"user": USER, "noNewPrivileges": True}, {"CapEff": 32, "CapAmb": 32, "NoNewPrivs": 1}),
        ({"oomScoreAdj": 321}, {"Seccomp": 0}),
    ],
)
def test_the_program_has_the_same_powers(
    runtime: Runtime, bundle: Bundle, process: dict[str, Any], expected: dict[str, int]
) -> None:
    bundle.process.update(process)
    lines = runtime.ok("run", "-b", bundle.runs("cat", "/proc/self/status").path, "c1").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert {name: int(status[name], 16) for name in expected} == expected
    assert status["Name"] == "cat"


@pytest.mark.usefixtures("way")
def test_the_program_has_its_name_arguments_and_environment(runtime: Runtime, bundle: Bundle) -> None:
    bundle.process["env"] = ["PATH=/bin", "A=b c", "EMPTY="]
    bundle.runs("sh", "-c", "tr '\\0' '|' < /proc/$$/cmdline; echo; env; umask; readlink /proc/$$/exe", "$0", "", "x y")
    lines = runtime.ok("run", "-b", bundle.path, "c1").splitlines()
    assert lines[0].endswith("|$0||x y|")
    assert lines[0].startswith("sh|-c|")
    assert {"A=b c", "EMPTY="} <= set(lines)
    assert lines[-1] == "/bin/busybox"


@pytest.mark.usefixtures("way")
def test_descriptors_go_through_both(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("given\n")
    fd = os.open(tmp_path / "given", os.O_RDONLY)
    try:
        os.dup2(fd, 3)
        bundle.runs("sh", "-c", "cat <&3; echo $LISTEN_FDS $LISTEN_PID; ls /proc/self/fd")
        out = runtime.ok("run", "-b", bundle.path, "c1", env={**os.environ, "LISTEN_FDS": "1"}, pass_fds=(3,))
    finally:
        os.close(fd)
    assert out.split() == ["given", "1", "1", "0", "1", "2", "3", "4"]  # 4: the directory that ls reads


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("not a program", 255, "exec /bad: exec format error"),
        ("#!/nowhere\n", 255, "exec /bad: no such file or directory"),
    ],
)
def test_what_only_execve_finds_out_is_said_alike(
    runtime: Runtime, bundle: Bundle, text: str, code: int, said: str
) -> None:
    (bundle.rootfs / "bad").write_text(text)
    (bundle.rootfs / "bad").chmod(0o755)
    done = runtime.call("run", "-b", bundle.runs("/bad").path, "c1")
    assert (done.returncode, done.stderr) == (code, f"{said}\n")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("program", ["/missing", "missing", "/etc"])
def test_a_program_that_cannot_be_is_an_error_of_the_runtimes(runtime: Runtime, bundle: Bundle, program: str) -> None:
    assert "exec: " in runtime.error("run", "-b", bundle.runs(program).path, "c1")


@pytest.mark.usefixtures("way")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="LINUX32 has another name here")
def test_the_personality_holds(runtime: Runtime, bundle: Bundle) -> None:
    bundle.linux["personality"] = {"domain": "LINUX32"}
    assert runtime.ok("run", "-b", bundle.runs("busybox", "uname", "-m").path, "c1") == "i686\n"


@pytest.mark.usefixtures("way")
def test_capabilities_of_a_file_count_as_before(runtime: Runtime, bundle: Bundle) -> None:
    """With no_new_privs it gives a user what the user was permitted already: two execves would have lost that."""
    copy = shutil.copy(bundle.rootfs / "bin/busybox", bundle.rootfs / "bin/raw")
    os.setxattr(copy, "security.capability", NET_RAW)
    bundle.process.update(_sets("NET_RAW", of=SETS[:3]) | {"user": USER, "noNewPrivileges": True})
    Path(copy).rename(bundle.rootfs / "bin/busybox")
    bundle.runs("/bin/busybox", "grep", "CapPrm", "/proc/self/status")
    assert int(runtime.ok("run", "-b", bundle.path, "c1").split()[1], 16) == 1 << 13


@pytest.mark.usefixtures("way")
def test_a_filter_that_forbids_execveat_forbids_nothing_else(runtime: Runtime, bundle: Bundle) -> None:
    rule = {"names": ["execveat"], "action": "SCMP_ACT_ERRNO"}
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}
    out = runtime.ok("run", "-b", bundle.runs("grep", "Seccomp:", "/proc/self/status").path, "c1")
    assert out.split() == ["Seccomp:", "2"]


@pytest.mark.usefixtures("way")
def test_a_container_with_a_user_namespace(runtime: Runtime, bundle: Bundle) -> None:
    bundle.linux["namespaces"].append({"type": "user"})
    entry = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    bundle.linux.update(uidMappings=entry, gidMappings=entry)
    subprocess.run(["chown", "-R", "100000:100000", bundle.rootfs], check=True)
    for directory in (bundle.directory, *bundle.directory.parents[:1]):
        directory.chmod(0o755)
    assert runtime.ok("run", "-b", bundle.runs("cat", "/proc/self/uid_map").path, "c1").split() == [
        "0",
        "100000",
        "65536",
    ]
