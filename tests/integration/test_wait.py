"""wait: each condition, with the docker client and straight through the API."""

from __future__ import annotations

import concurrent.futures
import subprocess
import threading
import time
from collections.abc import Iterator

import docker
import pytest

from support.host import TestHost

pytestmark = pytest.mark.usefixtures("clean")


@pytest.fixture
def sdk(host: TestHost) -> Iterator[docker.DockerClient]:
    client = host.sdk()
    yield client
    client.close()


def test_wait_answers_with_the_exit_code_and_at_once_when_it_is_over(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "job", "busybox", "sh", "-c", "sleep 0.3; exit 9")
    assert host.docker("wait", "job").stdout == "9\n"
    assert host.docker("wait", "job").stdout == "9\n"
    assert "No such container: nosuch" in host.docker("wait", "nosuch", check=False).stderr


def test_not_running_is_true_of_a_container_that_was_never_started(host: TestHost) -> None:
    host.docker("create", "--name", "idle", "busybox")
    assert host.docker("wait", "idle").stdout == "0\n"


def test_next_exit_ignores_exits_of_the_past(sdk: docker.DockerClient) -> None:
    container = sdk.containers.run("busybox", ["sh", "-c", "sleep 0.2; exit 5"], detach=True, network_mode="none")
    assert container.wait()["StatusCode"] == 5
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(container.wait(condition="next-exit")["StatusCode"]))
    waiting.start()
    time.sleep(0.3)
    assert answers == []
    container.start()
    waiting.join(10)
    assert answers == [5]


def test_removed_is_answered_when_the_name_is_free(host: TestHost, sdk: docker.DockerClient) -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for _ in range(5):
            container = sdk.containers.create("busybox", ["sh", "-c", "exit 3"], name="once", auto_remove=True)
            answer = pool.submit(container.wait, condition="removed")
            time.sleep(0.05)
            container.start()
            assert answer.result(10)["StatusCode"] == 3


def test_several_clients_wait_for_the_same_container(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "job", "busybox", "sh", "-c", "sleep 0.5; exit 2")
    command = ["docker", "-H", host.url, "wait", "job"]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    assert [client.communicate(timeout=20)[0] for client in clients] == ["2\n"] * 8


def test_removal_wakes_those_who_wait_for_the_end(host: TestHost) -> None:
    host.docker("run", "-d", "--name", "job", "busybox", "sleep", "1000")
    client = subprocess.Popen(["docker", "-H", host.url, "wait", "job"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    host.docker("rm", "-f", "job")
    assert client.communicate(timeout=20)[0] == "137\n"
