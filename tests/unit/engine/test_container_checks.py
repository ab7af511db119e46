"""What create refuses, and in which words; warnings; what the engine fills in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from corral.api.types.common import HealthConfig
from corral.api.types.container import Config
from corral.api.types.host_config import LogConfig, PortBinding, RestartPolicy, Ulimit
from corral.engine.container.checks import check_request, config
from corral.engine.container.checks.resources import parse_list
from corral.engine.container.defaults import MASKED_PATHS, complete_config, complete_host_config
from corral.engine.container.logfile import rotation
from corral.engine.container.settings import Settings
from corral.engine.container.signals import parse as parse_signal
from corral.engine.spec.host import HostFacts
from corral.errors import Invalid
from corral.oci.image import ContainerConfig
from unit.engine.fakes import create_request

HOST = HostFacts(cpus=2, online_cpus="0-1", memory_nodes="0")
MB = 1 << 20


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"memory": MB}, "Minimum memory limit allowed is 6MB"),
        ({"memory_reservation": MB}, "Minimum memory reservation allowed is 6MB"),
        (
            {"memory": 10 * MB, "memory_swap": 5 * MB},
            "Minimum memoryswap limit should be larger than memory limit, see usage",
        ),
        ({"memory_swap": 5 * MB}, "You should always set the Memory limit when using Memoryswap limit, see usage"),
        (
            {"memory": 10 * MB, "memory_reservation": 20 * MB},
            "Minimum memory limit can not be less than memory reservation limit, see usage",
        ),
        ({"memory_swappiness": 101}, "invalid value: 101, valid memory swappiness range is 0-100"),
        ({"nano_cpus": 100 * 10**9}, "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
        ({"nano_cpus": 10**9, "cpu_quota": 5000}, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
        ({"nano_cpus": 10**9, "cpu_period": 5000}, "Conflicting options: Nano CPUs and CPU Period cannot both be set"),
        ({"cpu_quota": 10}, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
        ({"cpuset_cpus": "77"}, "Requested CPUs are not available - requested 77, available: 0-1"),
        ({"cpuset_cpus": "a"}, "Invalid value a for cpuset cpus: invalid format: a"),
        ({"cpuset_mems": "3"}, "Requested memory nodes are not available - requested 3, available: 0"),
        ({"blkio_weight": 5}, "Range of blkio weight is from 10 to 1000"),
        ({"oom_score_adj": 2000}, "Invalid value 2000, range for oom score adj is [-1000, 1000]"),
        ({"shm_size": -1}, "SHM size can not be less than 0"),
        ({"runtime": "foo"}, "unknown or invalid runtime name: foo"),
        (
            {"security_opt": ["apparmor=mine"]},
            "--security-opt apparmor=mine: this host's kernel does not confine by AppArmor; "
            "leave the option out to run without it",
        ),
        (
            {"security_opt": ["label=type:t"]},
            "--security-opt label=type:t: this daemon does not use SELinux (selinux-enabled, and a kernel that has "
            "it); leave the option out to run without it",
        ),
        ({"isolation": "hyperv"}, "invalid isolation 'hyperv' on linux"),
        (
            {"restart_policy": RestartPolicy("bad")},
            "invalid restart policy: unknown policy 'bad'; "
            "use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
        ),
        (
            {"restart_policy": RestartPolicy("always", 3)},
            "invalid restart policy: maximum retry count can only be used with 'on-failure'",
        ),
        (
            {"restart_policy": RestartPolicy("always"), "auto_remove": True},
            "can't create 'AutoRemove' container with restart policy",
        ),
        ({"log_config": LogConfig("foo")}, 'error looking up logging plugin foo: plugin "foo" not found'),
        (
            {"log_config": LogConfig("json-file", {"foo": "1"})},
            "unknown log opt 'foo' for json-file log driver",
        ),
        ({"cap_add": ["FOO"]}, 'invalid CapAdd: unknown capability: "CAP_FOO"'),
        ({"security_opt": ["foo=bar"]}, 'invalid --security-opt 2: "foo=bar"'),
        ({"security_opt": ["foo"]}, 'invalid --security-opt 1: "foo"'),
        ({"ulimits": [Ulimit("foo", 1, 1)]}, "invalid ulimit type: foo"),
        (
            {"ulimits": [Ulimit("nofile", 3, 5)]},
            "ulimit soft limit must be less than or equal to hard limit: 5 > 3",
        ),
        ({"ipc_mode": "foo"}, "invalid IPC mode: foo"),
        ({"pid_mode": "foo"}, "invalid PID mode: foo"),
        ({"uts_mode": "foo"}, "invalid UTS mode: foo"),
        ({"userns_mode": "foo"}, "invalid user namespace mode: foo"),
        ({"cgroupns_mode": "foo"}, "invalid cgroup namespace mode: foo"),
        ({"extra_hosts": ["a"]}, 'bad format for add-host: "a"'),
        ({"extra_hosts": ["a:b"]}, 'invalid IP address in add-host: "b"'),
        ({"port_bindings": {"x/tcp": []}}, "invalid port specification: x/tcp"),
        ({"port_bindings": {"80/foo": []}}, "invalid proto: foo"),
        ({"port_bindings": {"80/tcp": [PortBinding(host_port="70000")]}}, 'invalid port specification: "70000"'),
        (
            {"network_mode": "container:x", "port_bindings": {"80/tcp": []}},
            "conflicting options: port publishing and the container type network mode",
        ),
        (
            {"network_mode": "container:x", "hostname": "h"},
            "conflicting options: hostname and the network mode",
        ),
        ({"network_mode": "container:"}, "invalid network mode: invalid container format container:<name|id>"),
        ({"ipc_mode": "container:"}, 'failed to join IPC namespace: invalid name or ID supplied: ""'),
        ({"uts_mode": "host", "hostname": "h"}, "conflicting options: hostname and the UTS mode"),
        (
            {"working_dir": "relative"},
            "the working directory 'relative' is invalid, it needs to be an absolute path",
        ),
        ({"env": ["=x"]}, "invalid environment variable: =x"),
        ({"stop_signal": "FOO"}, "invalid signal: FOO"),
        ({"healthcheck": HealthConfig(interval=5)}, "Interval in Healthcheck cannot be less than one millisecond"),
    ],
)
def test_refusals_have_dockers_words(fields: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid) as error:
        check_request(create_request(**fields), Settings(), HOST)
    assert str(error.value) == message


@pytest.mark.parametrize("option", ["apparmor=unconfined", "apparmor=docker-default", "label=disable", "label:disable"])
def test_no_confinement_and_the_default_are_fine_without_security_modules(option: str) -> None:
    check_request(create_request(security_opt=[option]), Settings(), HOST)


@pytest.mark.parametrize(
    ("fields", "host", "warning"),
    [
        (
            {"network_mode": "host", "port_bindings": {"80/tcp": []}},
            HOST,
            "Published ports are discarded when using host network mode",
        ),
        ({}, replace(HOST, ip_forward=False), "IPv4 forwarding is disabled. Networking will not work."),
        (
            {"oom_kill_disable": True},
            HOST,
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the system "
            "running out of resources.",
        ),
        (
            {"memory": 10 * MB},
            replace(HOST, swap_limit=False),
            "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
            "Memory limited without swap.",
        ),
        (
            {"blkio_weight": 5},
            replace(HOST, blkio_weight=False),
            "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.",
        ),
    ],
)
def test_what_the_host_cannot_do_is_a_warning(fields: dict[str, object], host: HostFacts, warning: str) -> None:
    assert check_request(create_request(**fields), Settings(), host) == [warning]


def test_an_ordinary_request_has_no_warnings() -> None:
    request = create_request(memory=64 * MB, nano_cpus=10**9, cpuset_cpus="0-1", pids_limit=10)
    assert check_request(request, Settings(), HOST) == []


def test_the_images_configuration_is_beneath_the_users() -> None:
    image = ContainerConfig(
        env=["PATH=/bin", "A=image"],
        entrypoint=["/entry"],
        cmd=["image"],
        labels={"a": "1", "b": "1"},
        exposed_ports={"80/tcp": {}},
        working_dir="/work",
        user="nobody",
        stop_signal="SIGINT",
    )
    merged = complete_config(create_request(cmd=None, env=["A=user"], labels={"b": "2"}), image)
    assert merged.env == ["A=user", "PATH=/bin"]
    assert (merged.entrypoint, merged.cmd) == (["/entry"], ["image"])
    assert merged.labels == {"a": "1", "b": "2"}
    assert (merged.working_dir, merged.user, merged.stop_signal) == ("/work", "nobody", "SIGINT")


def test_an_entrypoint_of_ones_own_discards_the_images_command() -> None:
    image = ContainerConfig(entrypoint=["/entry"], cmd=["image"])
    assert complete_config(create_request(cmd=None, entrypoint=["sh"]), image).cmd is None
    merged = complete_config(create_request(cmd=["true"], entrypoint=[""]), image)
    assert (merged.entrypoint, merged.cmd) == (None, ["true"])


def test_defaults_are_filled_in_for_inspect() -> None:
    given = create_request(memory=10 * MB, memory_swappiness=-1, pids_limit=0).host_config
    complete = complete_host_config(given, Settings(), HOST)
    assert complete.network_mode == "bridge"
    assert (complete.ipc_mode, complete.cgroupns_mode, complete.runtime) == ("private", "host", "corral")
    assert (complete.shm_size, complete.memory_swap) == (64 * MB, 20 * MB)
    assert (complete.restart_policy.name, complete.log_config.type) == ("no", "json-file")
    assert complete.masked_paths == MASKED_PATHS.split()
    assert (complete.memory_swappiness, complete.pids_limit) == (None, None)


def test_privileged_containers_see_everything() -> None:
    complete = complete_host_config(create_request(privileged=True).host_config, Settings(), HOST)
    assert (complete.masked_paths, complete.readonly_paths) == (None, None)


def test_systempaths_unconfined_stays_empty() -> None:
    complete = complete_host_config(create_request(masked_paths=[], readonly_paths=[]).host_config, Settings(), HOST)
    assert (complete.masked_paths, complete.readonly_paths) == ([], [])


@pytest.mark.parametrize(
    ("text", "number"),
    [("KILL", 9), ("SIGTERM", 15), ("sigusr1", 10), ("15", 15), ("RTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX-1", 63)],
)
def test_signals_are_understood_in_every_spelling(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["FOO", "0", "65", "RTMAX+1", "-9", ""])
def test_signals_that_there_are_not_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid signal"):
        parse_signal(text)


def test_logs_rotate_by_default_and_as_asked() -> None:
    assert rotation({}) == (20 * MB, 5, False)
    assert rotation({"max-size": "10m", "max-file": "3", "compress": "true"}) == (10 * MB, 3, True)
    assert rotation({"max-size": "-1"}) == (0, 1, False)
    assert rotation({"max-size": "1.5k"}) == (1536, 1, False)


@pytest.mark.parametrize("options", [{"max-file": "0"}, {"max-size": "x"}, {"compress": "maybe"}, {"max-file": "x"}])
def test_rotation_that_makes_no_sense_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        rotation(options)


def test_cpu_lists() -> None:
    assert parse_list("0-2,7") == {0, 1, 2, 7}
    for bad in ("", "a", "3-1", "1-", "-1", "9999999"):
        with pytest.raises(ValueError):
            parse_list(bad)


def test_a_health_check_that_is_not_run_is_warned_about() -> None:
    assert config.warnings(Config(healthcheck=HealthConfig(test=["CMD", "true"])))
    assert config.warnings(Config(healthcheck=HealthConfig(test=["NONE"]))) == []
    assert config.warnings(Config()) == []


def test_parents_under_systemd_are_slices() -> None:
    settings = Settings(cgroup_driver="systemd", cgroup_parent="system.slice")
    check_request(create_request(cgroup_parent="a-b.slice"), settings, HOST)
    with pytest.raises(Invalid) as error:
        check_request(create_request(cgroup_parent="/mine"), settings, HOST)
    assert str(error.value) == 'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"'
