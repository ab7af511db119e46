"""Restart policies: who comes back, how often, and how to end it."""

from __future__ import annotations

import json
import time

import pytest

from support.host import TestHost
from support.poll import until


def look(host: TestHost, name: str) -> tuple[str, int]:
    """Status and number of restarts."""
    found = json.loads(host.docker("inspect", name).stdout)[0]
    return found["State"]["Status"], found["RestartCount"]


def test_on_failure_tries_as_often_as_it_may(clean: None, host: TestHost) -> None:
    host.docker("run", "-d", "--name", "job", "--restart", "on-failure:3", "busybox", "sh", "-c", "echo x; exit 4")
    until(lambda: look(host, "job") == ("exited", 3))
    assert host.docker("logs", "job").stdout == "x\n" * 4
    assert host.docker("wait", "job").stdout == "4\n"


def test_on_failure_is_content_with_success(clean: None, host: TestHost) -> None:
    host.docker("run", "-d", "--name", "job", "--restart", "on-failure", "busybox", "true")
    until(lambda: look(host, "job")[0] == "exited")
    time.sleep(0.3)
    assert look(host, "job") == ("exited", 0)


def test_always_comes_back_with_growing_pauses(clean: None, host: TestHost) -> None:
    host.docker("run", "-d", "--name", "loop", "--restart", "always", "busybox", "true")
    until(lambda: look(host, "loop")[1] >= 4)
    assert look(host, "loop")[0] in ("restarting", "running")
    line = host.docker("ps", "--format", "{{.State}} {{.Status}}").stdout
    assert "restarting Restarting (0)" in line or "running Up" in line


@pytest.mark.parametrize("verb", [["stop", "-t", "0"], ["kill"], ["rm", "-f"]])
def test_a_container_that_restarts_for_ever_can_be_ended(clean: None, host: TestHost, verb: list[str]) -> None:
    host.docker("run", "-d", "--name", "loop", "--restart", "always", "busybox", "false")
    until(lambda: look(host, "loop")[1] >= 3)
    host.docker(*verb, "loop")
    if verb[0] == "rm":
        assert host.docker("ps", "-aq").stdout == ""
        return
    assert look(host, "loop")[0] == "exited"
    time.sleep(1)
    assert look(host, "loop")[0] == "exited"


def test_after_a_restart_of_the_daemon_policies_are_applied(fresh_host: TestHost) -> None:
    host = fresh_host
    for name, policy in (
        ("never", "no"),
        ("always", "always"),
        ("unless", "unless-stopped"),
        ("stopped", "unless-stopped"),
    ):
        host.docker("run", "-d", "--name", name, "--restart", policy, "busybox", "sleep", "1000")
    for name in ("always", "stopped"):
        host.docker("stop", "-t", "0", name)
    host.restart()
    until(lambda: look(host, "always")[0] == "running")
    assert look(host, "never")[0] == "running"  # it never stopped
    assert look(host, "unless")[0] == "running"
    assert look(host, "stopped")[0] == "exited"
