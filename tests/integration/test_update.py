"""update: limits and restart policy of containers that run, through the docker command line client and our own.

What is compared with are Docker's answers; all of a change is in force, or nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corral.runtime.cgroups import Hierarchies
from support.host import TestHost

pytestmark = pytest.mark.requires("cgroup")

MEGABYTE = 1 << 20


@pytest.fixture
def web(host: TestHost) -> Iterator[str]:
    host.docker("run", "-d", "--name", "update-web", "-m", "64m", "busybox", "sleep", "1000")
    yield "update-web"
    host.docker("rm", "-f", "update-web")


@pytest.fixture
def limit(host: TestHost) -> Callable[[str, str, str, str], str]:
    """Reads a control file of a container: (container, controller, version 1 file, version 2 file)."""
    hierarchies = Hierarchies.of_host()

    def read(name: str, controller: str, v1: str, v2: str) -> str:
        place = hierarchies.of(controller)
        if place is None:
            pytest.skip(f"no {controller} controller")
        id = host.docker("inspect", "-f", "{{.Id}}", name).stdout.strip()
        directory = Path(place.mount_point, host.cgroup_parent.strip("/"), id)
        return (directory / (v1 if place.version == 1 else v2)).read_text().strip()

    return read


Limit = Callable[[str, str, str, str], str]


def inspect(host: TestHost, name: str, field: str) -> str:
    return host.docker("inspect", "-f", f"{{{{.HostConfig.{field}}}}}", name).stdout.strip()


@pytest.mark.parametrize("client", ["docker", "corral"])
def test_limits_change_under_a_running_container(host: TestHost, web: str, limit: Limit, client: str) -> None:
    run = getattr(host, client)
    flags = "--memory 96m --memory-swap 128m --cpus 0.5 --pids-limit 33 --cpuset-cpus 0 --cpu-shares 512"
    assert run("update", *flags.split(), web).stdout == f"{web}\n"
    assert limit(web, "memory", "memory.limit_in_bytes", "memory.max") == str(96 * MEGABYTE)
    assert limit(web, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"
    assert limit(web, "pids", "pids.max", "pids.max") == "33"
    assert limit(web, "cpuset", "cpuset.cpus", "cpuset.cpus") == "0"
    fields = ("Memory", "MemorySwap", "NanoCpus", "PidsLimit", "CpusetCpus", "CpuShares")
    found = [inspect(host, web, field) for field in fields]
    assert found == [str(96 * MEGABYTE), str(128 * MEGABYTE), "500000000", "33", "0", "512"]


def test_limit_of_processes_is_taken_away_again(host: TestHost, web: str, limit: Limit) -> None:
    host.docker("update", "--pids-limit", "20", web)
    host.docker("update", "--pids-limit", "0", web)
    assert limit(web, "pids", "pids.max", "pids.max") == "20"
    host.docker("update", "--pids-limit", "-1", web)
    assert limit(web, "pids", "pids.max", "pids.max") == "max"
    assert inspect(host, web, "PidsLimit") == "0"


def test_memory_above_its_sum_with_swap_is_refused(host: TestHost, web: str, limit: Limit) -> None:
    refused = host.docker("update", "-m", "200m", web, check=False)
    assert "Memory limit should be smaller than already set memoryswap limit" in refused.stderr
    assert limit(web, "memory", "memory.limit_in_bytes", "memory.max") == str(64 * MEGABYTE)
    host.docker("update", "-m", "200m", "--memory-swap", "-1", web)
    assert limit(web, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max") in ("max", "9223372036854771712")


def test_refused_limit_leaves_the_others_as_they_were(host: TestHost, web: str, limit: Limit) -> None:
    """The kernel refuses swap below memory when the others are written already."""
    refused = host.docker("update", "--pids-limit", "9", "--memory-swap", "32m", "--cpus", "1", web, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error response from daemon: Cannot update container ")
    assert limit(web, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0] in ("-1", "max")
    assert limit(web, "memory", "memory.limit_in_bytes", "memory.max") == str(64 * MEGABYTE)
    assert [inspect(host, web, field) for field in ("NanoCpus", "MemorySwap")] == ["0", str(128 * MEGABYTE)]
    assert inspect(host, web, "PidsLimit") == "<nil>"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--cpu-quota 1000", "CPU Quota cannot be updated as NanoCPUs has already been set"),
        ("--cpu-period 1000", "CPU Period cannot be updated as NanoCPUs has already been set"),
        ("--cpus 99", "range of CPUs is from 0.01 to"),
        ("--cpuset-cpus 900", "Requested CPUs are not available - requested 900, available: "),
        ("--cpuset-cpus x", "Invalid value x for cpuset cpus: invalid format: x"),
        ("-m 1m", "Minimum memory limit allowed is 6MB"),
        ("--restart bogus", "invalid restart policy"),
    ],
)
def test_refusals_have_dockers_words(host: TestHost, web: str, flags: str, message: str) -> None:
    host.docker("update", "--cpus", "0.5", web)
    refused = host.docker("update", *flags.split(), web, check=False)
    assert refused.returncode == 1
    assert message in refused.stderr


def test_restart_policy_of_a_container_that_removes_itself(host: TestHost) -> None:
    host.docker("run", "-d", "--rm", "--name", "update-rm", "busybox", "sleep", "1000")
    refused = host.docker("update", "--restart", "always", "update-rm", check=False)
    assert "Restart policy cannot be updated because AutoRemove is enabled for the container" in refused.stderr
    assert host.docker("update", "--restart", "no", "update-rm").returncode == 0
    host.docker("rm", "-f", "update-rm")


def test_stopped_container_starts_with_the_new_limits(host: TestHost, web: str, limit: Limit) -> None:
    host.docker("kill", web)
    host.docker("update", "-m", "32m", "--memory-swap", "32m", "--restart", "unless-stopped", web)
    host.docker("start", web)
    assert limit(web, "memory", "memory.limit_in_bytes", "memory.max") == str(32 * MEGABYTE)
    assert inspect(host, web, "RestartPolicy.Name") == "unless-stopped"


def test_oom_kill_names_the_containers_own_limit(host: TestHost) -> None:
    try:
        host.docker("run", "--name", "update-oom", "-m", "16m", "--memory-swap", "16m", "busybox", "tail", "/dev/zero",
                    check=False)  # fmt: skip
        client = host.sdk()
        state = client.api.inspect_container("update-oom")["State"]
        assert (state["OOMKilled"], state["OOMLimit"]) == (True, "container")
        filters = {"container": ["update-oom"], "event": ["oom"]}
        until = int(time.time()) + 1
        told = list(client.api.events(since=until - 60, until=until, filters=filters, decode=True))
        client.close()
        assert {event["Actor"]["Attributes"]["limit"] for event in told} == {"container"}
    finally:
        host.docker("rm", "-f", "update-oom")
