"""wait: each condition, with the docker client and straight through the API."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from support.host import TestHost

pytestmark = pytest.mark.usefixtures("clean")


def test_wait_answers_with_the_exit_code_and_at_once_when_it_is_over(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "job", "busybox", "sh", "-c", "sleep 0.3; exit 9")
    assert host.docker("wait", "job").stdout == "9\n"
    assert host.docker("wait", "job").stdout == "9\n"
    assert "No such container: nosuch" in host.docker("wait", "nosuch", check=False).stderr


def test_not_running_is_true_of_a_container_that_was_never_started(host: TestHost) -> None:
    host.docker("create", "--name", "idle", "busybox")
    assert host.docker("wait", "idle").stdout == "0\n"


def test_next_exit_ignores_exits_of_the_past(host: TestHost) -> None:
    host.docker("run", "--name", "job", "busybox", "sh", "-c", "exit 5", check=False)
    with begun(host, "/containers/job/wait?condition=next-exit") as answer:
        assert select.select([answer], [], [], 0.2)[0] == []
        host.docker("start", "job")
        assert json.loads(answer.readline())["StatusCode"] == 5


def test_removed_is_answered_when_the_name_is_free(host: TestHost) -> None:
    for _ in range(5):
        host.docker("create", "--name", "once", "--rm", "busybox", "sh", "-c", "exit 3")
        with begun(host, "/containers/once/wait?condition=removed") as answer:
            host.docker("start", "once")
            assert json.loads(answer.readline())["StatusCode"] == 3


def test_several_clients_wait_for_the_same_container(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "job", "busybox", "sh", "-c", "sleep 0.5; exit 2")
    command = ["docker", "-H", host.url, "wait", "job"]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    assert [client.communicate(timeout=20)[0] for client in clients] == ["2\n"] * 8


def test_removal_wakes_those_who_wait_for_the_end(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "job", "busybox", "sleep", "1000")
    with begun(host, "/containers/job/wait?condition=next-exit") as answer:
        host.docker("rm", "-f", "job")
        assert json.loads(answer.readline())["StatusCode"] == 137


@contextlib.contextmanager
def begun(host: TestHost, path: str) -> Iterator[BinaryIO]:
    """A POST whose answer's head has come: the engine is waiting. Gives the lines of the body without framing."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(host.socket))
        connection.sendall(f"POST {path} HTTP/1.0\r\nHost: corral\r\nContent-Length: 0\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            while answer.readline() not in (b"\r\n", b""):
                pass
            yield answer
