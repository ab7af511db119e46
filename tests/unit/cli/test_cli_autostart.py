"""The daemon on demand, with a stand-in for it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.cli.autostart import last_line, listening

FAKE = """\
#!{python} -I
import os, signal, socket, sys, time
open({log!r}, "a").write(f"{{os.getpid()}} {{os.getsid(0) == os.getpid()}} {{os.getcwd()}}\\n")
{body}
"""
SERVE = """\
time.sleep(0.2)
s = socket.socket(socket.AF_UNIX); s.bind({sock!r}); s.listen(8)
signal.alarm(30)
answer = b"HTTP/1.1 200 OK\\r\\nApi-Version: 1.51\\r\\nConnection: close\\r\\nContent-Length: 2\\r\\n\\r\\n[]"
while True:
    c, _ = s.accept()
    data = c.recv(65536)
    if data:
        c.sendall(answer if not data.startswith(b"HEAD") else answer[:-2])
    c.close()
"""


class Stage:
    """A directory with a fake corrald next to a corral, whose default socket and exec root lie in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = path / "corral.sock"
        self.log = path / "starts"
        self.client = path / "client.py"
        self.client.write_text(
            "import sys\nfrom corral.client import address\nimport corral.cli.session as session\n"
            "import corral.cli.autostart as autostart\n"
            f"session.DEFAULT_HOST = 'unix://{self.socket}'\n"
            f"autostart.EXEC_ROOT = '{path}/run'\n"
            "autostart.DEADLINE = 5.0\n"
            "autostart.may_start = lambda: __import__('os').environ.get('CORRAL_AUTOSTART') != '0'\n"
            "import corral.cli.main as m\nm.entry()\n"
        )

    def daemon(self, body: str) -> None:
        script = self.path / "corrald"
        text = FAKE.format(python=sys.executable, log=str(self.log), body=textwrap.dedent(body))
        script.write_text(text.replace("{sock!r}", repr(str(self.socket))))
        script.chmod(0o755)

    def start(self, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, self.client, "ps"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path), "HOME": "/nonexistent", **environment},
        )

    def starts(self) -> list[list[str]]:
        return [line.split() for line in self.log.read_text().splitlines()] if self.log.exists() else []


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    for pid, *_ in made.starts():
        try:
            os.kill(int(pid), 9)
        except ProcessLookupError:
            continue


def test_two_commands_at_once_start_one_daemon(stage: Stage) -> None:
    stage.daemon(SERVE)
    clients = [stage.start() for _ in range(2)]
    for client in clients:
        out, err = client.communicate(timeout=30)
        assert (client.returncode, err) == (0, "")
        assert out.startswith("CONTAINER ID")
    assert len(stage.starts()) == 1
    assert stage.starts()[0][1:] == ["True", "/"]  # a session of its own, in no one's directory


def test_the_logs_last_line_says_why_it_did_not_start(stage: Stage) -> None:
    stage.daemon("print('first'); print('no cgroups here', flush=True); sys.exit(1)")
    client = stage.start()
    _, err = client.communicate(timeout=30)
    assert client.returncode == 1
    assert err == f"the corral daemon did not start: no cgroups here (log: {stage.path}/run.log)\n"


def test_it_is_not_started_when_that_is_not_wanted(stage: Stage) -> None:
    stage.daemon(SERVE)
    for environment in ({"CORRAL_AUTOSTART": "0"}, {"CORRAL_HOST": f"unix://{stage.socket}"}):
        client = stage.start(**environment)
        _, err = client.communicate(timeout=30)
        assert client.returncode == 1
        assert "Is the corral daemon running?" in err
    assert stage.starts() == []


def test_an_abandoned_socket_does_not_count_as_a_daemon(stage: Stage) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(stage.socket))
    assert not listening(str(stage.socket))
    stage.daemon("os.unlink({sock!r})\n" + SERVE)
    client = stage.start()
    assert client.communicate(timeout=30)[1] == ""
    assert client.returncode == 0


def test_last_lines(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\ny\n\n")
    (tmp_path / "b").touch()
    assert last_line(str(tmp_path / "a")) == "y"
    assert last_line(str(tmp_path / "b")) == "its log is empty"
    assert last_line(str(tmp_path / "c")).startswith("no log: ")
