"""One daemon per data root."""

import os
import stat
import subprocess
import sys

import pytest

from corral.daemon.instance import lock_root, make_directories, pid_file
from corral.errors import Conflict, Unavailable
from corral.store.layout import DataRoot, ExecRoot


def test_directories_have_their_modes_whatever_the_umask(tmp_path):
    data, execution = DataRoot(tmp_path / "data"), ExecRoot(tmp_path / "run")
    before = os.umask(0o077)
    try:
        make_directories(data, execution)
        make_directories(data, execution)
    finally:
        os.umask(before)
    assert stat.S_IMODE(data.root.stat().st_mode) == 0o711
    assert stat.S_IMODE(data.tmp.stat().st_mode) == 0o700
    assert stat.S_IMODE(execution.containers.stat().st_mode) == 0o711


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=f"cannot make the directory {tmp_path}/file/data"):
        make_directories(DataRoot(tmp_path / "file" / "data"), ExecRoot(tmp_path / "run"))


def test_a_second_daemon_refuses(tmp_path):
    with (
        lock_root(DataRoot(tmp_path)),
        pytest.raises(Conflict, match="another corrald is running on the data root"),
    ):
        with lock_root(DataRoot(tmp_path)):
            pass


def test_the_lock_is_free_afterwards(tmp_path):
    for _ in range(2):
        with lock_root(DataRoot(tmp_path)):
            pass


def test_the_pid_file_comes_and_goes(tmp_path):
    path = tmp_path / "new" / "corrald.pid"
    with pid_file(path):
        assert path.read_text() == str(os.getpid())
    assert not path.exists()


@pytest.mark.parametrize("content", ["", "nonsense", "1", "4194305"])
def test_a_stale_pid_file_is_replaced(tmp_path, content):
    path = tmp_path / "pid"
    path.write_text(content)
    with pid_file(path):
        assert path.read_text() == str(os.getpid())


def test_a_running_daemon_keeps_its_pid_file(tmp_path):
    program = "print(flush=True); import time; time.sleep(60) # corrald"
    other = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        other.stdout.readline()  # from here on it has a command line
        path = tmp_path / "pid"
        path.write_text(str(other.pid))
        with pytest.raises(Conflict, match=f"process with PID {other.pid} is still running"), pid_file(path):
            pass
        assert path.read_text() == str(other.pid)
    finally:
        other.kill()
        other.communicate()


def test_another_daemon_s_pid_file_is_not_removed(tmp_path):
    path = tmp_path / "pid"
    with pid_file(path):
        path.write_text("1")
    assert path.read_text() == "1"


def test_an_exec_root_has_one_daemon_too(tmp_path):
    """The second would take the first one's containers for leftovers."""
    with (
        lock_root(ExecRoot(tmp_path)),
        pytest.raises(Conflict, match=f"another corrald is running on the exec root {tmp_path}"),
        lock_root(ExecRoot(tmp_path)),
    ):
        pass


def test_a_lock_makes_its_directory_and_nothing_else(tmp_path):
    with lock_root(DataRoot(tmp_path / "new")):
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["lock"]
