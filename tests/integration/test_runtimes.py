"""--runtime and the runtimes of the configuration: containers that runc makes, through the clients."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.host import TestHost

pytestmark = pytest.mark.skipif(shutil.which("runc") is None, reason="runc is not installed")


@pytest.fixture
def box(host: TestHost) -> Iterator[str]:
    """The name for one container of the test."""
    yield "runtime-box"
    host.docker("rm", "-f", "-v", "runtime-box", check=False)


@pytest.mark.parametrize("client", ["docker", "corral"])
def test_run(host: TestHost, client: str) -> None:
    run = getattr(host, client)
    script = "echo out; echo err >&2; exit 3"
    done = run("run", "--rm", "--network", "none", "--runtime", "runc", "busybox", "sh", "-c", script, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


@pytest.mark.parametrize("client", ["docker", "corral"])
def test_unknown_runtime_is_refused_in_docker_words(host: TestHost, client: str) -> None:
    done = getattr(host, client)("run", "--rm", "--runtime", "nope", "busybox", "true", check=False)
    assert done.returncode == 125
    assert "unknown or invalid runtime name: nope" in done.stderr


def test_program_that_is_not_there_is_127(host: TestHost) -> None:
    done = host.docker("run", "--rm", "--runtime", "runc", "busybox", "nope", check=False)
    assert done.returncode == 127
    assert "failed to create task for container: failed to create shim task: OCI runtime create failed: " in done.stderr
    assert 'exec: "nope": executable file not found in $PATH' in done.stderr


def test_info_and_inspect_name_the_runtimes(host: TestHost, box: str) -> None:
    runtimes = json.loads(host.docker("info", "--format", "{{json .Runtimes}}").stdout)
    assert runtimes["runc"]["path"] == "runc"
    assert runtimes["corral"]["path"] == "corral"
    assert host.docker("info", "--format", "{{.DefaultRuntime}}").stdout.strip() == "corral"
    host.docker("create", "--name", box, "--runtime", "runc", "busybox")
    assert host.docker("inspect", "--format", "{{.HostConfig.Runtime}}", box).stdout.strip() == "runc"


def test_container_is_confined_as_by_our_own_runtime(host: TestHost) -> None:
    script = "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status; id; hostname; ls /dev | sort"
    arguments = (
        "run",
        "--rm",
        "--hostname",
        "box",
        "--user",
        "user",
        "--cap-add",
        "SYS_PTRACE",
        "busybox",
        "sh",
        "-c",
        script,
    )
    ours = host.docker(*arguments).stdout
    theirs = host.docker(arguments[0], "--runtime", "runc", *arguments[1:]).stdout
    assert theirs == ours


def test_network_files_and_volumes(host: TestHost, box: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("of the host\n")
    script = "cat /data/file; cat /etc/hostname; grep -c box /etc/hosts; ls /vol; ip -o -4 addr show eth0 | wc -l"
    done = host.docker(
        "run", "--name", box, "--runtime", "runc", "--hostname", "box", "-v", f"{tmp_path}:/data:ro",
        "-v", "runtime-volume:/vol", "busybox", "sh", "-c", script,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["of the host", "box", "1", "1"]
    host.docker("rm", box)
    host.docker("volume", "rm", "runtime-volume")


def test_new_volume_begins_with_what_the_image_has(host: TestHost, box: str) -> None:
    done = host.docker(
        "run", "--name", box, "--runtime", "runc", "-v", "runtime-etc:/etc", "busybox", "cat", "/etc/group"
    )
    assert "extra:x:2000:user" in done.stdout
    host.docker("rm", box)
    host.docker("volume", "rm", "runtime-etc")


def test_ids_of_its_own(host: TestHost, box: str) -> None:
    script = "cat /proc/self/uid_map; stat -c %u / /bin/sh /etc /etc/group /etc/new; touch /new"
    done = host.corral(
        "run", "--name", box, "--runtime", "runc", "--userns", "auto", "--network", "none",
        "-v", "runtime-mapped:/etc", "busybox", "sh", "-c", f"touch /etc/new; {script}", check=False,
    )  # fmt: skip
    inside, outside, size = done.stdout.splitlines()[0].split()
    assert (inside, size) == ("0", "65536")
    assert int(outside) > 0
    assert (done.returncode, done.stdout.splitlines()[1:], done.stderr) == (0, ["0"] * 5, "")
    host.docker("rm", box)
    host.docker("volume", "rm", "runtime-mapped")


def test_life_of_a_container(host: TestHost, box: str) -> None:
    host.docker("run", "-d", "--name", box, "--runtime", "runc", "busybox", "sleep", "1000")
    assert host.docker("exec", box, "sh", "-c", "echo kept > /file; exit 7", check=False).returncode == 7
    assert "sleep 1000" in host.docker("top", box).stdout
    host.docker("pause", box)
    assert "(Paused)" in host.docker("ps").stdout
    host.docker("unpause", box)
    host.docker("update", "--memory", "40m", "--memory-swap", "40m", box)
    host.docker("restart", "-t", "0", box)
    assert host.docker("exec", box, "cat", "/file").stdout == "kept\n"
    host.docker("kill", box)
    assert host.docker("wait", box).stdout == "137\n"


def test_terminal(host: TestHost) -> None:
    assert host.docker("run", "--rm", "-t", "--runtime", "runc", "busybox", "tty").stdout == "/dev/pts/0\r\n"


def test_init(host: TestHost) -> None:
    done = host.docker(
        "run", "--rm", "--init", "--runtime", "runc", "busybox", "sh", "-c", "cat /proc/1/cmdline; echo $$"
    )
    assert done.stdout.startswith("/sbin/docker-init\0--\0sh")
    assert not done.stdout.endswith("1\n")


def test_out_of_memory_is_known(host: TestHost, box: str) -> None:
    script = "x=a; while :; do x=$x$x; done"
    host.docker("run", "--name", box, "--runtime", "runc", "-m", "16m", "busybox", "sh", "-c", script, check=False)
    state = host.docker("inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", box).stdout.split()
    assert state == ["137", "true"]


def test_nothing_of_a_running_container_shows_on_the_host(host: TestHost, box: str) -> None:
    id = host.docker(
        "run", "-d", "--name", box, "--runtime", "runc", "--network", "none", "busybox", "sleep", "1000"
    ).stdout
    mounts = Path("/proc/self/mountinfo").read_text()
    assert id.strip() not in mounts


def test_container_outlives_the_daemon_and_the_supervisor(fresh_host: TestHost) -> None:
    host = fresh_host
    host.docker("run", "-d", "--name", "box", "--runtime", "runc", "busybox", "sh", "-c", "sleep 1000; exit 3")
    before = host.docker("inspect", "--format", "{{.State.Pid}}", "box").stdout
    host.restart()
    for pid in host.processes("supervisor/main.py"):  # keeper and supervisor: whoever is left starts the other one
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
        assert (
            host.docker("inspect", "--format", "{{.State.Status}} {{.State.Pid}}", "box").stdout == f"running {before}"
        )
    assert host.docker("exec", "box", "echo", "there").stdout == "there\n"
    host.docker("stop", "-t", "0", "box")
    host.docker("rm", "box")


def test_runtime_of_the_configuration_is_the_default(mark: str, busybox: Path) -> None:
    host = TestHost(mark)
    configuration = host.base / "daemon.json"
    configuration.write_text(
        json.dumps(
            {
                "runtimes": {
                    "mine": {"path": "runc", "runtimeArgs": ["--debug"]},
                    "gone": {"path": "/nowhere/runtime"},
                },
                "default-runtime": "mine",
            }
        )
    )
    try:
        host.start("--config-file", str(configuration))
        host.import_busybox(busybox)
        info = json.loads(host.docker("info", "--format", "{{json .}}").stdout)
        assert info["DefaultRuntime"] == "mine"
        assert info["Runtimes"]["mine"] == {"path": "runc", "runtimeArgs": ["--debug"]}
        assert host.docker("run", "--name", "box", "busybox", "echo", "hi").stdout == "hi\n"
        assert host.docker("inspect", "--format", "{{.HostConfig.Runtime}}", "box").stdout.strip() == "mine"
        host.docker("rm", "box")
        done = host.docker("run", "--rm", "--runtime", "gone", "busybox", "true", check=False)
        assert done.returncode == 127
        assert "/nowhere/runtime: no such file or directory" in done.stderr
    finally:
        host.close()


def test_start_with_a_runtime_that_is_not_configured_any_more(mark: str, busybox: Path) -> None:
    host = TestHost(mark)
    try:
        host.start("--add-runtime", "mine=runc")
        host.import_busybox(busybox)
        host.docker("create", "--name", "box", "--runtime", "mine", "busybox", "true")
        host.restart()
        done = host.docker("start", "box", check=False)
        assert "unknown or invalid runtime name: mine" in done.stderr
    finally:
        host.close()


def test_runtimes_are_read_again_on_sighup(mark: str, busybox: Path) -> None:
    host = TestHost(mark)
    configuration = host.base / "daemon.json"
    configuration.write_text("{}")
    try:
        host.start("--config-file", str(configuration))
        host.import_busybox(busybox)
        host.docker("create", "--name", "before", "busybox", "true")
        configuration.write_text(json.dumps({"runtimes": {"mine": {"path": "runc"}}, "default-runtime": "mine"}))
        assert host.daemon is not None
        host.daemon.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while host.docker("info", "--format", "{{.DefaultRuntime}}").stdout.strip() != "mine":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert host.docker("run", "--name", "after", "busybox", "echo", "hi").stdout == "hi\n"
        shown = host.docker("inspect", "--format", "{{.HostConfig.Runtime}}", "before", "after").stdout
        assert shown.split() == ["corral", "mine"]
        configuration.write_text("{}")
        host.daemon.send_signal(signal.SIGHUP)
        while host.docker("info", "--format", "{{.DefaultRuntime}}").stdout.strip() == "mine":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert "unknown or invalid runtime name: mine" in host.docker("start", "after", check=False).stderr
        host.docker("rm", "before", "after")
    finally:
        host.close()
