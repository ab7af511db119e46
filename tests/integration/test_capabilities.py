"""Capabilities of containers and execs: what /proc/self/status says in them, as Docker 28 was seen to give them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from corral.linux import capability
from support.host import TestHost

DEFAULT = 0xA80425FB
NET_ADMIN, CHOWN, SYS_ADMIN, BPF = 1 << 12, 1 << 0, 1 << 21, 1 << 39
ALL = capability.capget().permitted & capability.bounding_set()
"""Of this machine: Docker gives what it has itself."""

SHOW = ("sh", "-c", "grep -E '^(Cap|NoNewPrivs)' /proc/self/status")


def given(status: str) -> dict[str, int]:
    return {name: int(value, 16) for name, _, value in (line.partition(":\t") for line in status.splitlines())}


def expected(bounding: int, *, root: bool = True, no_new_privs: bool = False) -> dict[str, int]:
    """An exec of another user than root clears everything but the bounding set; nothing is ever inheritable."""
    own = bounding if root else 0
    return {
        "CapInh": 0,
        "CapPrm": own,
        "CapEff": own,
        "CapBnd": bounding,
        "CapAmb": 0,
        "NoNewPrivs": int(no_new_privs),
    }


@pytest.mark.parametrize(
    ("flags", "result"),
    [
        ("", expected(DEFAULT)),
        ("--user 1000", expected(DEFAULT, root=False)),
        ("--user 1000 --cap-add NET_ADMIN", expected(DEFAULT | NET_ADMIN, root=False)),
        ("--cap-drop ALL", expected(0)),
        ("--cap-drop ALL --cap-add CHOWN", expected(CHOWN)),
        ("--cap-add net_admin --cap-drop cap_chown", expected((DEFAULT | NET_ADMIN) & ~CHOWN)),
        ("--cap-add CAP_BPF", expected(DEFAULT | BPF)),
        ("--cap-add ALL", expected(ALL)),
        ("--cap-add ALL --cap-drop SYS_ADMIN", expected(ALL & ~SYS_ADMIN)),
        ("--cap-add ALL --cap-drop ALL", expected(ALL)),
        ("--privileged", expected(ALL)),
        ("--privileged --cap-drop CHOWN", expected(ALL)),
        ("--privileged --user 1000", expected(ALL, root=False)),
        ("--security-opt no-new-privileges", expected(DEFAULT, no_new_privs=True)),
        (
            "--user 1000 --security-opt no-new-privileges --cap-add NET_ADMIN",
            expected(DEFAULT | NET_ADMIN, root=False, no_new_privs=True),
        ),
    ],
)
def test_of_a_container(host: TestHost, flags: str, result: dict[str, int]) -> None:
    done = host.docker("run", "--rm", "--network", "none", *shlex.split(flags), "busybox", *SHOW)
    assert given(done.stdout) == result


@pytest.fixture(scope="module")
def running(host: TestHost) -> Iterator[dict[str, str]]:
    made = {
        "plain": host.docker("run", "-d", "--network", "none", "busybox", "sleep", "1000").stdout.strip(),
        "user": host.docker(
            "run", "-d", "--network", "none", "--user", "1000", "--cap-add", "NET_ADMIN", "busybox", "sleep", "1000"
        ).stdout.strip(),
        "privileged": host.docker(
            "run", "-d", "--network", "none", "--privileged", "busybox", "sleep", "1000"
        ).stdout.strip(),
        "confined": host.docker(
            "run", "-d", "--network", "none", "--security-opt", "no-new-privileges", "busybox", "sleep", "1000"
        ).stdout.strip(),
    }
    yield made
    host.docker("rm", "-f", *made.values())


@pytest.mark.parametrize(
    ("container", "flags", "result"),
    [
        ("plain", "", expected(DEFAULT)),
        ("plain", "--privileged", expected(ALL)),
        ("plain", "--user 1000", expected(DEFAULT, root=False)),
        ("plain", "--user 1000 --privileged", expected(ALL, root=False)),
        ("user", "", expected(DEFAULT | NET_ADMIN, root=False)),
        ("user", "--user 0", expected(DEFAULT | NET_ADMIN)),
        ("user", "--privileged", expected(ALL, root=False)),
        ("privileged", "", expected(ALL)),
        ("privileged", "--user 1000", expected(ALL, root=False)),
        ("confined", "", expected(DEFAULT, no_new_privs=True)),
        ("confined", "--privileged", expected(ALL, no_new_privs=True)),
        ("confined", "--user 1000", expected(DEFAULT, root=False, no_new_privs=True)),
    ],
)
def test_of_an_exec(
    host: TestHost, running: dict[str, str], container: str, flags: str, result: dict[str, int]
) -> None:
    done = host.docker("exec", *shlex.split(flags), running[container], *SHOW)
    assert given(done.stdout) == result


@pytest.mark.parametrize("container", ["plain", "confined"])
def test_privileged_execs_stay_under_the_containers_filter(
    host: TestHost, running: dict[str, str], container: str
) -> None:
    done = host.docker("exec", "--privileged", running[container], "grep", "Seccomp:", "/proc/self/status")
    assert done.stdout.split() == ["Seccomp:", "2"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--cap-add FOO", 'invalid CapAdd: unknown capability: "CAP_FOO"'),
        ("--cap-drop FOO", 'invalid CapDrop: unknown capability: "CAP_FOO"'),
        ("--cap-add ALL --cap-add cap_foo", 'invalid CapAdd: unknown capability: "CAP_FOO"'),
    ],
)
def test_capabilities_that_do_not_exist(host: TestHost, flags: str, message: str) -> None:
    done = host.docker("run", "--rm", *shlex.split(flags), "busybox", "true", check=False)
    assert done.returncode == 125
    assert message in done.stderr


@pytest.mark.parametrize(
    ("flags", "mode"),
    [
        ("", "2"),
        ("--security-opt seccomp=unconfined", "0"),
        ("--security-opt seccomp=builtin", "2"),
        ("--privileged", "0"),
    ],
)
def test_who_is_under_a_system_call_filter(host: TestHost, flags: str, mode: str) -> None:
    done = host.docker(
        "run", "--rm", "--network", "none", *shlex.split(flags), "busybox", "grep", "Seccomp:", "/proc/self/status"
    )
    assert done.stdout.split() == ["Seccomp:", mode]


def test_privileged_containers_may_have_a_profile_of_their_own(
    host: TestHost, tmp_path_factory: pytest.TempPathFactory
) -> None:
    profile = tmp_path_factory.mktemp("profile") / "profile.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    done = host.docker(
        "run", "--rm", "--privileged", "--security-opt", f"seccomp={profile}", "busybox",
        "grep", "Seccomp:", "/proc/self/status",
    )  # fmt: skip
    assert done.stdout.split() == ["Seccomp:", "2"]


def test_a_profile_that_says_nothing_is_none(host: TestHost, tmp_path_factory: pytest.TempPathFactory) -> None:
    profile = tmp_path_factory.mktemp("profile") / "profile.json"
    profile.write_text("{}")
    done = host.docker(
        "run", "--rm", "--security-opt", f"seccomp={profile}", "busybox", "grep", "Seccomp:", "/proc/self/status"
    )
    assert done.stdout.split() == ["Seccomp:", "0"]
