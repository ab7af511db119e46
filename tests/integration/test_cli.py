"""corral's own command line against corral's own engine: terminals, signals, pipes, and the daemon on demand."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.host import TestHost

PROGRAM = Path(sys.executable).parent / "corral"
LOCAL = termios.ECHO | termios.ICANON
_numbers = iter(range(10**6))


class Terminal:
    """corral on a pseudo-terminal, as somebody types and reads there."""

    def __init__(self, host: TestHost, *arguments: str, rows: int = 30, columns: int = 100) -> None:
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.slave = slave  # kept open: its settings outlive the program
        self.seen = b""
        self.process = subprocess.Popen(
            [PROGRAM, "-H", host.url, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=self._take_over,
        )

    def _take_over(self) -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, text: str) -> None:
        """Reads until ``text`` appears after what was expected before."""
        wanted = text.encode()
        deadline = time.monotonic() + 20
        while wanted not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], (text, self.seen)
            self.seen += os.read(self.master, 65536)
        self.seen = self.seen.partition(wanted)[2]

    def wait(self) -> int:
        """The exit code; what is written meanwhile is read."""
        deadline = time.monotonic() + 20
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen
            if select.select([self.master], [], [], 0.02)[0]:
                self.seen += os.read(self.master, 65536)
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        return self.process.returncode

    @property
    def raw(self) -> bool:
        return not termios.tcgetattr(self.slave)[3] & LOCAL

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def name(host: TestHost) -> Iterator[str]:
    made = f"cli{next(_numbers)}"
    yield made
    host.corral("rm", "-f", made, check=False)


@contextlib.contextmanager
def terminal(host: TestHost, *arguments: str, rows: int = 30, columns: int = 100) -> Iterator[Terminal]:
    made = Terminal(host, *arguments, rows=rows, columns=columns)
    try:
        yield made
    finally:
        made.close()


# -- terminals


def test_the_window_is_right_from_the_first_byte_and_follows(host: TestHost, name: str) -> None:
    script = "stty size; trap 'stty size' WINCH; while :; do sleep 0.1; done"
    with terminal(host, "run", "-it", "--name", name, "busybox", "sh", "-c", script, rows=31, columns=97) as screen:
        screen.expect("31 97")
        assert screen.raw
        screen.resize(41, 111)
        screen.expect("41 111")


def test_detach_attach_and_execute(host: TestHost, name: str) -> None:
    with terminal(host, "run", "-it", "--name", name, "busybox", "sh") as screen:
        screen.expect("# ")
        screen.type("\x10\x11")
        assert screen.wait() == 0
        assert not screen.raw
    assert host.corral("inspect", "-f", "{{.State.Status}}", name).stdout == "running\n"
    with terminal(host, "exec", "-it", name, "sh") as screen:
        screen.expect("# ")
        screen.type("stty size; exit 4\r")
        screen.expect("30 100")
        assert screen.wait() == 4
    with terminal(host, "attach", "--detach-keys", "x,y", name) as screen:
        screen.type("echo he''re\r")
        screen.expect("here")
        screen.type("xy")
        assert screen.wait() == 1
        assert b"read escape sequence" in screen.seen
    with terminal(host, "attach", name) as screen:
        screen.type("exit 6\r")
        assert screen.wait() == 6
    with terminal(host, "start", "-ai", name) as screen:
        screen.expect("# ")
        screen.type("exit 7\r")
        assert screen.wait() == 7


def test_a_signal_that_ends_the_client_gives_the_terminal_back(host: TestHost, name: str) -> None:
    with terminal(host, "run", "-it", "--name", name, "busybox", "sh") as screen:
        screen.expect("# ")
        assert screen.raw
        screen.process.send_signal(signal.SIGTERM)
        assert screen.wait() == -signal.SIGTERM
        assert not screen.raw
    assert host.corral("inspect", "-f", "{{.State.Running}}", name).stdout == "true\n"


def test_control_keys_belong_to_the_program_inside(host: TestHost) -> None:
    script = "trap 'echo INT; exit 3' INT; echo up; while :; do sleep 0.1; done"
    with terminal(host, "run", "-it", "--rm", "busybox", "sh", "-c", script) as screen:
        screen.expect("up")
        screen.type("\x03")
        assert screen.wait() == 3
        assert b"INT" in screen.seen


@pytest.mark.parametrize(("key", "word"), [("\x03", "INT"), ("\x1c", "QUIT")])
def test_without_a_terminal_inside_signals_are_passed_on(host: TestHost, key: str, word: str) -> None:
    script = f"trap 'echo {word}; exit 3' {word}; echo up; while :; do sleep 0.1; done"
    with terminal(host, "run", "--rm", "busybox", "sh", "-c", script) as screen:
        screen.expect("up")
        screen.type(key)
        assert screen.wait() == 3
        assert word.encode() in screen.seen


# -- pipes


def test_much_input_and_output_arrives_whole(host: TestHost) -> None:
    data = os.urandom(1 << 20).hex() * 4
    done = host.corral("run", "-i", "--rm", "--network", "none", "busybox", "cat", input=data)
    assert done.stdout == data


def test_streams_stay_apart_and_the_code_is_the_programs(host: TestHost) -> None:
    done = host.corral("run", "--rm", "busybox", "sh", "-c", "echo o; echo e >&2; exit 7", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "o\n", "e\n")


def test_a_closed_pipe_is_silent(host: TestHost, name: str) -> None:
    host.corral("run", "--name", name, "busybox", "sh", "-c", "yes | head -n 200000")
    command = f"{PROGRAM} -H {host.url} logs {name} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command + "; echo ${PIPESTATUS[0]}"], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("y\n141\n", "")


def test_logs_follow_until_interrupted(host: TestHost, name: str) -> None:
    host.corral("run", "-d", "--name", name, "busybox", "sh", "-c", "while :; do echo tick; sleep 0.1; done")
    with terminal(host, "logs", "-f", name) as screen:
        screen.expect("tick")
        screen.expect("tick")
        screen.type("\x03")
        assert screen.wait() == 130
        assert b"Traceback" not in screen.seen


# -- words


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'),
        (["/etc/passwd"], 126, 'exec: "/etc/passwd": permission denied'),
        (["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], 137, ""),
    ],
)
def test_exit_codes_of_what_cannot_run(host: TestHost, command: list[str], code: int, words: str) -> None:
    done = host.corral("run", "--rm", "busybox", *command, check=False)
    assert done.returncode == code
    assert words in done.stderr


def test_a_missing_image_names_the_way_to_one(host: TestHost) -> None:
    done = host.corral("run", "nosuch:1", check=False)
    assert done.returncode == 125
    assert done.stderr.startswith("Unable to find image 'nosuch:1' locally\ncorral: Error response from daemon: ")
    assert "corral image bootstrap" in done.stderr


def test_many_at_once(host: TestHost) -> None:
    ids = [host.corral("run", "-d", "--network", "none", "busybox", "sleep", "1000").stdout.strip() for _ in range(8)]
    assert set(ids) <= set(host.corral("ps", "-q", "--no-trunc").stdout.split())
    done = host.corral("rm", "-f", ids[0], "nosuch", *ids[1:], check=False)
    assert done.stdout.split() == ids
    assert (done.returncode, done.stderr) == (1, "Error response from daemon: No such container: nosuch\n")


# -- the daemon on demand


@pytest.mark.requires("root", "namespaces", "cgroup", "overlay")
def test_the_daemon_starts_when_it_is_needed(tmp_path: Path) -> None:
    """In a machine of its own (mounts, processes, network): two first commands, one daemon, both answered."""
    script = f"""
    set -e
    mount -t tmpfs tmpfs /run
    mkdir -p /var/lib/corral
    mount -t tmpfs tmpfs /var/lib/corral
    {PROGRAM} ps > {tmp_path}/one 2>&1 &
    {PROGRAM} version -f '{{{{.Server.Version}}}}' > {tmp_path}/two 2>&1
    wait $!
    CORRAL_AUTOSTART=0 {PROGRAM} images -q > {tmp_path}/three 2>&1
    pgrep -c -x corrald > {tmp_path}/count
    kill $(cat /run/corral/corrald.pid)
    """
    made = Path("/var/lib/corral").exists()
    environment = {name: value for name, value in os.environ.items() if name not in ("CORRAL_HOST", "DOCKER_HOST")}
    done = subprocess.run(
        ["unshare", "-m", "-n", "-p", "-f", "--mount-proc", "--kill-child", "bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=90,
        env=environment,
    )
    if not made:
        with contextlib.suppress(OSError):
            Path("/var/lib/corral").rmdir()
    files = [tmp_path / name for name in ("one", "two", "three", "count")]
    answers = {file.name: file.read_text() for file in files if file.exists()}
    assert done.returncode == 0, (done.stderr, answers)
    assert answers["one"].startswith("CONTAINER ID")
    assert answers["two"].startswith("0.")
    assert answers["three"] == ""
    assert answers["count"] == "1\n"


# -- the daemon's absence


def test_an_attached_run_outlives_the_daemon(fresh_host: TestHost) -> None:
    """kill -9 of the daemon: output keeps coming, and the exit code arrives when it is back."""
    script = "echo up; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo after; exit 5"
    client = subprocess.Popen(
        [PROGRAM, "-H", fresh_host.url, "run", "--name", "lasting", "busybox", "sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "up\n"
    fresh_host.restart(signal.SIGKILL)
    fresh_host.corral("exec", "lasting", "touch", "/tmp/go")
    out, err = client.communicate(timeout=30)
    assert (client.returncode, out, err) == (5, "after\n", "")


def test_ssh_addresses_reach_the_daemon(host: TestHost, tmp_path: Path) -> None:
    """With a stand-in for OpenSSH that runs the remote command here."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift 2\nPATH={PROGRAM.parent}:$PATH exec "$@"\n')
    ssh.chmod(0o755)
    path = host.url.removeprefix("unix://")
    done = subprocess.run(
        [PROGRAM, "-H", f"ssh://somebody@somewhere:22{path}", "run", "-i", "--rm", "busybox", "cat"],
        input="through",
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "through", "")


def test_the_name_of_what_could_not_start_is_free_at_once(host: TestHost) -> None:
    for _ in range(3):
        done = host.corral("run", "--rm", "--name", "unable", "busybox", "nosuch", check=False)
        assert done.returncode == 127, done.stderr
    assert host.corral("ps", "-aq", "--filter", "name=unable").stdout == ""
