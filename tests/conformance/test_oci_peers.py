"""Other people's engines with our runtime command line as theirs: podman, buildah, dockerd, containerd.

Each engine is a real one of the peers' root, with its own monitor (conmon, containerd-shim-runc-v2). Asserted is what a
user of that engine sees.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator

import pytest

from support import peer_root
from support.peer_root import ARCHIVE, RUNTIME, PeerRoot

pytestmark = pytest.mark.requires("root", "namespaces", "cgroup", "overlay")

FOREVER = ("sleep", "1000")


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Engine:
    """``docker``-like command line of an engine in the peers' root."""

    def __init__(self, root: PeerRoot, command: tuple[str, ...], *more: str, at_once: tuple[str, ...] = ()) -> None:
        """``more``: for every run; ``at_once``: for rm, not to wait before it kills."""
        self.root = root
        self.command = command
        self._more = more
        self._at_once = at_once

    def ok(self, *arguments: str) -> str:
        return self.root.run(*self.command, *arguments).strip()

    def status(self, *arguments: str) -> int:
        return self.root.call(*self.command, *arguments).returncode

    def error(self, *arguments: str) -> str:
        done = self.root.call(*self.command, *arguments)
        assert done.returncode
        return done.stderr

    def run(self, *arguments: str) -> tuple[str, ...]:
        return ("run", *self._more, "--network", "none", *arguments)

    def remove(self, name: str) -> None:
        self.ok("rm", "-f", *self._at_once, name)

    def state(self, name: str) -> str:
        return self.ok("inspect", "--format", "{{.State.Status}}", name)

    def pid(self, name: str) -> int:
        """As the peers' root numbers it."""
        return int(self.ok("inspect", "--format", "{{.State.Pid}}", name))


@pytest.fixture(scope="module")
def root(mark: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerRoot]:
    if reason := peer_root.missing("sleep"):
        pytest.skip(reason)
    root = PeerRoot(tmp_path_factory.mktemp("peers"), f"{mark}oci")
    yield root
    root.close()


def _needed(program: str) -> None:
    if reason := peer_root.missing(program):
        pytest.skip(reason)


def _podman(root: PeerRoot) -> Engine:
    _needed("podman")
    root.write("/etc/containers/containers.conf", "")
    storage = ("--root", "/storage/podman", "--runroot", "/run/podman")
    command = ("env", "PODMAN_IGNORE_CGROUPSV1_WARNING=1", "podman", *storage, "--runtime", RUNTIME)
    command += ("--cgroup-manager", "cgroupfs", "--events-backend", "file")
    root.run(*command, "import", "-", "busybox:latest", stdin=ARCHIVE.read_bytes())
    # The machine may forbid to raise limits, which podman wants by default.
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    return Engine(root, command, "--cgroup-parent", f"/{root.mark}", *limits, at_once=("-t", "0"))


def _docker(root: PeerRoot) -> Engine:
    _needed("dockerd")
    settings = {
        "runtimes": {"corral": {"path": RUNTIME}},
        "default-runtime": "corral",
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "data-root": "/storage/docker",
        "exec-root": "/run/dockerd",
        "pidfile": "/run/dockerd.pid",
        "cgroup-parent": f"/{root.mark}",
    }
    root.write("/etc/docker/daemon.json", json.dumps(settings))
    socket = "unix:///run/dockerd.sock"
    root.daemon("dockerd", "-H", socket, log="dockerd.log")
    command = ("docker", "-H", socket)
    root.wait_for(*command, "version")
    root.run(*command, "import", "-", "busybox:latest", stdin=ARCHIVE.read_bytes())
    return Engine(root, command)


@pytest.fixture(scope="module", params=[_podman, _docker], ids=["podman", "docker"])
def engine(request: pytest.FixtureRequest, root: PeerRoot) -> Engine:
    return request.param(root)  # type: ignore[no-any-return]


@pytest.fixture
def running(engine: Engine, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"oci-{abs(hash(request.node.name)) % 10**8}"
    engine.ok(*engine.run("-d", "--name", name, "busybox", *FOREVER))
    yield name
    engine.remove(name)


def test_it_is_the_runtime_that_runs(engine: Engine, running: str) -> None:
    assert "corral" in engine.ok("inspect", running)
    assert running in engine.ok("ps", "--format", "{{.Names}}")


def test_run_prints_and_hands_on_the_exit_code(engine: Engine) -> None:
    assert engine.ok(*engine.run("--rm", "busybox", "echo", "hello")) == "hello"
    assert engine.status(*engine.run("--rm", "busybox", "sh", "-c", "exit 9")) == 9


def test_run_reads_its_input(engine: Engine) -> None:
    command = [*engine.command, *engine.run("--rm", "-i", "busybox", "cat")]
    assert engine.root.run(*command, stdin="from outside\n") == "from outside\n"


def test_run_with_a_terminal(engine: Engine) -> None:
    assert engine.ok(*engine.run("--rm", "-t", "busybox", "tty")) == "/dev/pts/0"


def test_a_program_that_is_not_there_is_127_and_one_that_is_none_is_126(engine: Engine) -> None:
    assert engine.status(*engine.run("--rm", "busybox", "no-such-program")) == 127
    assert "executable file not found" in engine.error(*engine.run("--rm", "busybox", "no-such-program"))
    assert engine.status(*engine.run("--rm", "busybox", "/etc/passwd")) == 126


def test_exec_shares_the_containers_processes_and_hands_on_its_exit_code(engine: Engine, running: str) -> None:
    assert "sleep 1000" in engine.ok("exec", running, "ps")
    assert engine.status("exec", running, "sh", "-c", "exit 5") == 5
    assert engine.status("exec", running, "no-such-program") == 127


def test_exec_with_a_terminal_user_environment_and_directory(engine: Engine, running: str) -> None:
    assert engine.ok("exec", "-t", running, "tty").startswith("/dev/pts/")
    assert engine.ok(
        "exec", "-u", "7:8", "-e", "WORD=x", "-w", "/tmp", running, "sh", "-c", "id -u; echo $WORD; pwd"
    ) == ("7\nx\n/tmp")


def test_a_detached_exec_goes_on(engine: Engine, running: str) -> None:
    engine.ok("exec", "-d", running, "sleep", "777")
    assert eventually(lambda: "sleep 777" in engine.ok("exec", running, "ps"))


def test_kill_sends_the_signal_that_was_named(engine: Engine) -> None:
    script = "trap 'exit 33' USR1; touch /ready; while :; do sleep 0.1; done"
    engine.ok(*engine.run("-d", "--name", "oci-kill", "busybox", "sh", "-c", script))
    try:
        assert eventually(lambda: engine.status("exec", "oci-kill", "test", "-e", "/ready") == 0)
        engine.ok("kill", "-s", "USR1", "oci-kill")
        assert engine.ok("wait", "oci-kill") == "33"
    finally:
        engine.remove("oci-kill")


def test_stop_start_and_restart(engine: Engine, running: str) -> None:
    engine.ok("stop", "-t", "0", running)
    assert engine.state(running) == "exited"
    engine.ok("start", running)
    before = engine.pid(running)
    engine.ok("restart", "-t", "0", running)
    assert engine.state(running) == "running"
    assert engine.pid(running) != before


def test_pause_and_unpause(engine: Engine, running: str) -> None:
    engine.ok("pause", running)
    assert engine.state(running) == "paused"
    assert engine.status("exec", running, "true")
    engine.ok("unpause", running)
    assert engine.state(running) == "running"
    assert engine.status("exec", running, "true") == 0


def test_a_paused_container_can_be_removed(engine: Engine) -> None:
    engine.ok(*engine.run("-d", "--name", "oci-paused", "busybox", *FOREVER))
    engine.ok("pause", "oci-paused")
    engine.remove("oci-paused")


def test_stats_and_top(engine: Engine, running: str) -> None:
    assert "%" in engine.ok("stats", "--no-stream", "--format", "{{.MemPerc}} {{.PIDs}}", running)
    assert "sleep" in engine.ok("top", running)


def _memory_limit(engine: Engine, name: str) -> int:
    pid = engine.pid(name)
    script = (
        f"p=$(sed -n 's/^[0-9]*:memory://p' /proc/{pid}/cgroup); cat /sys/fs/cgroup/memory$p/memory.limit_in_bytes || "
        f"cat /sys/fs/cgroup$(sed -n 's/^0:://p' /proc/{pid}/cgroup)/memory.max"
    )
    return int(engine.root.run("sh", "-c", script))


def test_limits_hold_and_can_be_updated(engine: Engine) -> None:
    limits = ("--memory", "64m", "--cpus", "0.5", "--pids-limit", "50")
    engine.ok(*engine.run("-d", "--name", "oci-limits", *limits, "busybox", *FOREVER))
    try:
        assert _memory_limit(engine, "oci-limits") == 64 << 20
        engine.ok("update", "--memory", "128m", "--memory-swap", "256m", "oci-limits")
        assert _memory_limit(engine, "oci-limits") == 128 << 20
    finally:
        engine.remove("oci-limits")


def test_volumes_capabilities_and_read_only_roots(engine: Engine) -> None:
    engine.root.run("mkdir", "-p", "/storage/shared")
    script = "echo there > /shared/file; touch /nothing 2>&1; grep CapEff /proc/self/status"
    flags = ("-v", "/storage/shared:/shared", "--read-only", "--cap-drop", "ALL", "--cap-add", "CHOWN")
    out = engine.ok(*engine.run("--rm", *flags, "busybox", "sh", "-c", script))
    assert "Read-only file system" in out
    assert out.splitlines()[-1].split()[1] == "0000000000000001"
    assert engine.root.run("cat", "/storage/shared/file") == "there\n"


def test_an_init_process_reaps(engine: Engine) -> None:
    assert "tini" in (out := engine.ok(*engine.run("--rm", "--init", "busybox", "ps"))) or "init" in out


def test_nothing_is_left_when_all_are_removed(engine: Engine, root: PeerRoot) -> None:
    engine.ok(*engine.run("--rm", "busybox", "true"))
    assert eventually(lambda: not _state_directories(root))


def _state_directories(root: PeerRoot) -> str:
    places = "/run/corral-oci /run/dockerd/runtime-corral/moby /run/docker/runtime-corral/moby /run/containerd/runc"
    return root.call("sh", "-c", f"find {places} -name state.json 2>/dev/null").stdout


# -- buildah


def test_buildah_runs_commands_in_working_containers(root: PeerRoot) -> None:
    _needed("buildah")
    command = ("buildah", "--root", "/storage/buildah", "--runroot", "/run/buildah", "--storage-driver", "vfs")
    name = root.run(*command, "from", "scratch").strip()
    root.run("sh", "-c", "cat > /storage/busybox.tar", stdin=ARCHIVE.read_bytes())
    root.run(*command, "add", name, "/storage/busybox.tar", "/")
    run = (*command, "run", "--runtime", RUNTIME, "--network", "none", name, "--")
    assert root.run(*run, "echo", "built") == "built\n"
    root.run(*run, "sh", "-c", "echo kept > /kept")
    assert root.run(*run, "cat", "/kept") == "kept\n"
    assert root.call(*run, "sh", "-c", "exit 4").returncode == 4
    assert root.call(*run, "no-such-program").returncode
    root.run(*command, "rm", name)


# -- containerd


@pytest.fixture(scope="module")
def ctr(root: PeerRoot) -> tuple[str, ...]:
    _needed("containerd")
    root.write("/etc/containerd/corral.toml", "version = 2\nroot = '/storage/containerd'\nstate = '/run/ctrd'\n")
    root.daemon("containerd", "-c", "/etc/containerd/corral.toml", "-a", "/run/ctrd.sock", log="containerd.log")
    command = ("ctr", "-a", "/run/ctrd.sock")
    root.wait_for(*command, "version")
    docker_archive = _image_archive(root)
    root.run(*command, "image", "import", docker_archive)
    return command


def _image_archive(root: PeerRoot) -> str:
    """An image in the format of ``docker save``."""
    layer = ARCHIVE.read_bytes()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": ["docker.io/library/busybox:latest"], "Layers": ["layer.tar"]}])
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in ((name, config), ("layer.tar", layer), ("manifest.json", manifest.encode())):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    root.run("sh", "-c", "cat > /storage/image.tar", stdin=buffer.getvalue())
    return "/storage/image.tar"


IMAGE = "docker.io/library/busybox:latest"


def _ctr_run(root: PeerRoot, *flags: str) -> tuple[str, ...]:
    return ("run", "--runc-binary", RUNTIME, "--cgroup", f"/{root.mark}/ctr", *flags)


def test_containerd_runs_and_hands_on_the_exit_code(root: PeerRoot, ctr: tuple[str, ...]) -> None:
    run = (*ctr, *_ctr_run(root, "--rm", IMAGE))
    assert root.run(*run, "one", "echo", "hello") == "hello\n"
    assert root.call(*run, "two", "sh", "-c", "exit 6").returncode == 6


def test_containerd_task_verbs(root: PeerRoot, ctr: tuple[str, ...]) -> None:
    root.run(*ctr, *_ctr_run(root, "-d", IMAGE, "verbs", *FOREVER))
    try:
        assert root.call(*ctr, "task", "exec", "--exec-id", "e1", "verbs", "sh", "-c", "exit 3").returncode == 3
        assert "sleep" in root.run(*ctr, "task", "exec", "--exec-id", "e2", "verbs", "ps")
        root.run(*ctr, "task", "pause", "verbs")
        assert "PAUSED" in root.run(*ctr, "task", "ls")
        root.run(*ctr, "task", "resume", "verbs")
        assert "RUNNING" in root.run(*ctr, "task", "ls")
        assert root.run(*ctr, "task", "ps", "verbs").count("\n") >= 2
        assert "verbs" in root.run(*ctr, "task", "metrics", "verbs")
        root.run(*ctr, "task", "kill", "-s", "TERM", "verbs")  # process 1 without a handler: nothing happens
        assert "RUNNING" in root.run(*ctr, "task", "ls")
    finally:
        root.run(*ctr, "task", "kill", "-s", "KILL", "verbs")
        root.wait_for(*ctr, "task", "rm", "verbs")
        root.run(*ctr, "container", "rm", "verbs")
