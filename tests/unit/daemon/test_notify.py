"""systemd's readiness protocol."""

import socket

import pytest

from corral.daemon.notify import notify


@pytest.mark.parametrize("abstract", [False, True])
def test_the_state_arrives(tmp_path, abstract):
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name if abstract else name)
        manager.settimeout(5)
        notify({"NOTIFY_SOCKET": "@" + name if abstract else name}, "READY=1")
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("path", ["", "relative", "/nope/socket"])
def test_nobody_listening_is_no_error(path):
    notify({"NOTIFY_SOCKET": path}, "READY=1")
