"""AppArmor: what the default profile denies although the container has every capability; other profiles."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from support.host import TestHost

pytestmark = pytest.mark.requires("apparmor")

OPEN = ("--network", "none", "--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined")
ADMIN = (*OPEN, "--cap-add", "ALL")
"""Nothing but AppArmor and the modes of mounts stands in the way."""

CURRENT = ("cat", "/proc/self/attr/current")

MINE = 'profile "corral-test-mine" flags=(attach_disconnected,mediate_deleted) { file, capability, deny /secret r, }'


def test_containers_are_under_the_default_profile(host: TestHost) -> None:
    assert host.docker("run", "--rm", "busybox", *CURRENT).stdout == "corral-default (enforce)\n"
    assert "name=apparmor" in json.loads(host.docker("info", "--format", "{{json .SecurityOptions}}").stdout)


@pytest.mark.parametrize("flags", [("--init",), ("--user", "1000"), ("--security-opt", "no-new-privileges"), ("-t",)])
def test_however_they_are_started(host: TestHost, flags: tuple[str, ...]) -> None:
    done = host.docker("run", "--rm", *flags, "busybox", *CURRENT)
    assert done.stdout.strip() == "corral-default (enforce)"


@pytest.mark.parametrize(
    ("flags", "profile"),
    [
        (("--privileged",), "unconfined"),
        (("--security-opt", "apparmor=unconfined"), "unconfined"),
        (("--privileged", "--security-opt", "apparmor=corral-default"), "corral-default (enforce)"),
    ],
)
def test_who_is_not(host: TestHost, flags: tuple[str, ...], profile: str) -> None:
    assert host.docker("run", "--rm", *flags, "busybox", *CURRENT).stdout.strip() == profile


@pytest.mark.parametrize(
    "action",
    [
        "mkdir -p /m; mount -t tmpfs none /m",
        "mkdir /m; mount -o bind /bin /m",
        "mount -o remount,rw /sys",
        "echo h > /proc/sysrq-trigger",
        "head -c 1 /proc/kcore",
        "echo 1 > /proc/sys/vm/drop_caches",
        "echo core > /proc/sys/kernel/core_pattern",
    ],
)
def test_root_with_every_capability_is_denied(host: TestHost, action: str) -> None:
    script = f"({action}) 2>&1 && echo did"
    denied = host.docker("run", "--rm", *ADMIN, "busybox", "sh", "-c", script, check=False)
    assert "ermission denied" in denied.stdout
    assert "did" not in denied.stdout.splitlines()


def test_it_is_the_profile_that_denies(host: TestHost) -> None:
    script = "mkdir -p /m; mount -t tmpfs none /m && echo did"
    free = host.docker("run", "--rm", *ADMIN, "--security-opt", "apparmor=unconfined", "busybox", "sh", "-c", script)
    assert free.stdout == "did\n"


def test_ordinary_work_is_not_hindered(host: TestHost) -> None:
    script = (
        "echo hello > /tmp/a && chmod 700 /tmp/a && mkfifo /tmp/f && (sleep 100 & kill $!) && ping -c1 127.0.0.1 >&2 "
        "&& cat /proc/self/status /proc/meminfo /sys/kernel/mm/transparent_hugepage/enabled > /dev/null && echo fine"
    )
    assert host.docker("run", "--rm", "busybox", "sh", "-c", script).stdout == "fine\n"


def test_signals_and_stopping_work(host: TestHost) -> None:
    id = host.docker(
        "run", "-d", "busybox", "sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"
    ).stdout.strip()
    try:
        host.docker("stop", "-t", "30", id)
        assert host.docker("inspect", "-f", "{{.State.ExitCode}}", id).stdout.strip() == "7"
    finally:
        host.docker("rm", "-f", id)


def test_execs_are_under_the_containers_profile_also_privileged_ones(host: TestHost) -> None:
    id = host.docker("run", "-d", "busybox", "sleep", "1000").stdout.strip()
    try:
        for flags in ((), ("--privileged",), ("--user", "1000")):
            assert host.docker("exec", *flags, id, *CURRENT).stdout == "corral-default (enforce)\n"
        assert host.docker("inspect", "-f", "{{.AppArmorProfile}}", id).stdout == "corral-default\n"
    finally:
        host.docker("rm", "-f", id)


@pytest.fixture
def mine() -> Iterator[str]:
    parser = shutil.which("apparmor_parser", path="/usr/sbin:/sbin")
    assert parser is not None
    subprocess.run([parser, "-Kr"], input=MINE, text=True, check=True)
    yield "corral-test-mine"
    subprocess.run([parser, "-R"], input=MINE, text=True, check=True)


def test_a_profile_of_the_users(host: TestHost, mine: str) -> None:
    script = "cat /proc/self/attr/current; echo x > /secret; cat /secret || echo denied"
    done = host.docker("run", "--rm", "--security-opt", f"apparmor={mine}", "busybox", "sh", "-c", script)
    assert done.stdout == f"{mine} (enforce)\ndenied\n"


def test_a_profile_that_is_not_loaded(host: TestHost) -> None:
    done = host.docker("run", "--rm", "--security-opt", "apparmor=no-such-profile", "busybox", "true", check=False)
    assert done.returncode == 127  # the client's reading of "no such file or directory"
    assert "unable to apply apparmor profile: apparmor failed to apply profile" in done.stderr


@pytest.mark.parametrize("of", ["start", "exec"])
def test_a_profile_that_somebody_has_unloaded_is_loaded_again(host: TestHost, of: str) -> None:
    parser = shutil.which("apparmor_parser", path="/usr/sbin:/sbin")
    assert parser is not None
    id = host.docker("run", "-d", "busybox", "sleep", "1000").stdout.strip()
    try:
        subprocess.run([parser, "-R"], input='profile "corral-default" { }', text=True, check=True)
        command = ("run", "--rm", "busybox") if of == "start" else ("exec", id)
        assert host.docker(*command, *CURRENT).stdout == "corral-default (enforce)\n"
    finally:
        host.docker("rm", "-f", id)


def test_the_profile_is_there_again_after_a_restart_of_the_daemon(host: TestHost) -> None:
    parser = shutil.which("apparmor_parser", path="/usr/sbin:/sbin")
    assert parser is not None
    subprocess.run([parser, "-R"], input='profile "corral-default" { }', text=True, check=True)
    host.restart()
    assert host.docker("run", "--rm", "busybox", *CURRENT).stdout == "corral-default (enforce)\n"
