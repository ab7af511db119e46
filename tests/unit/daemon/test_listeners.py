"""Addresses and their sockets."""

import os
import socket
import stat

import pytest

from corral.daemon.config import DaemonConfig
from corral.daemon.listeners import Address, open_listeners, parse_host, remove_sockets, tls_context
from corral.errors import Conflict, Invalid, Unavailable


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:///run/x.sock", Address("unix", "/run/x.sock")),
        ("tcp://1.2.3.4:99", Address("tcp", "1.2.3.4", 99)),
        ("tcp://:99", Address("tcp", "127.0.0.1", 99)),
        ("tcp://0.0.0.0", Address("tcp", "0.0.0.0", 2375)),
        ("tcp://[::1]:99", Address("tcp", "::1", 99)),
        ("tcp://[::1]", Address("tcp", "::1", 2375)),
        ("host:99", Address("tcp", "host", 99)),
        ("fd://", Address("fd", "")),
        ("fd://*", Address("fd", "")),
        ("fd://3", Address("fd", "3")),
    ],
)
def test_addresses(text, address):
    assert parse_host(text) == address
    assert parse_host(address.shown) == address or address.kind == "fd"


def test_tls_has_a_port_of_its_own():
    assert parse_host("tcp://0.0.0.0", tls=True).port == 2376


@pytest.mark.parametrize("text", ["foo://x", "unix://x", "tcp://x:y", "tcp://x:0", "tcp://a/b:1", "tcp://x:70000"])
def test_addresses_that_are_none(text):
    with pytest.raises(Invalid, match="invalid bind address"):
        parse_host(text)


def listen(path, **changes):
    return open_listeners(DaemonConfig(hosts=(f"unix://{path}",), **changes), {})


def close(listeners):
    for listener in listeners:
        listener.sock.close()


def test_a_unix_socket_is_for_owner_and_group_only(tmp_path):
    path = tmp_path / "s"
    listeners = listen(path, group=str(os.getgid()))
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert path.stat().st_gid == os.getgid()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    remove_sockets(listeners)
    assert not path.exists()
    close(listeners)


def test_a_group_that_does_not_exist_leaves_the_socket_to_its_owner(tmp_path):
    close(listen(tmp_path / "s", group="no-such-group-here"))
    assert (tmp_path / "s").exists()


def test_a_stale_socket_is_replaced(tmp_path):
    close(listen(tmp_path / "s"))
    close(listen(tmp_path / "s"))


def test_a_socket_in_use_is_not_taken_away(tmp_path):
    first = listen(tmp_path / "s")
    with pytest.raises(Conflict, match="another process listens there"):
        listen(tmp_path / "s")
    close(first)


def test_a_file_is_not_removed_for_a_socket(tmp_path):
    (tmp_path / "s").write_text("precious")
    with pytest.raises(Conflict, match="not a socket"):
        listen(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "precious"


def test_all_or_none(tmp_path):
    with pytest.raises(Unavailable):
        open_listeners(DaemonConfig(hosts=(f"unix://{tmp_path}/a", "fd://")), {})
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
        client.connect(f"{tmp_path}/a")


def test_sockets_of_another_process_are_not_ours():
    with pytest.raises(Unavailable, match="socket activation"):
        open_listeners(DaemonConfig(hosts=("fd://",)), {"LISTEN_PID": "1", "LISTEN_FDS": "1"})


def test_inherited_sockets(tmp_path):
    with socket.socket(socket.AF_UNIX) as mine:
        mine.bind(str(tmp_path / "s"))
        mine.listen()
        number = os.dup(mine.fileno())
    environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(number - 2)}
    [listener] = open_listeners(DaemonConfig(hosts=(f"fd://{number}",)), environment)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
        listener.sock.accept()[0].close()
    assert not os.get_inheritable(number)
    remove_sockets([listener])
    assert (tmp_path / "s").exists()
    listener.sock.close()


def test_tcp_on_loopback():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    [listener] = open_listeners(DaemonConfig(hosts=(f"tcp://127.0.0.1:{port}",)), {})
    with socket.create_connection(("127.0.0.1", port)):
        pass
    with pytest.raises(Unavailable, match=f"cannot listen on tcp://127.0.0.1:{port}: Address already in use"):
        open_listeners(DaemonConfig(hosts=(f"tcp://127.0.0.1:{port}",)), {})
    listener.sock.close()


def test_no_tls_unless_asked_for():
    assert tls_context(DaemonConfig()) is None


def test_tls_without_certificates_is_refused(tmp_path):
    with pytest.raises(Invalid, match="could not load X509 key pair"):
        tls_context(DaemonConfig(tls=True, tlscert=str(tmp_path / "c"), tlskey=str(tmp_path / "k")))
