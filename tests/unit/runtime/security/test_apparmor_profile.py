"""AppArmor's default profile, as text; what the parser makes of it; who is under which."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from corral.engine.container.security_options import SecurityOptions
from corral.engine.spec.security import apparmor_profile
from corral.runtime.security.apparmor.profile import NAME, all_but, profile_text

PARSER = shutil.which("apparmor_parser", path="/usr/sbin:/sbin")


def matches(globs: list[str], path: str) -> bool:
    patterns = [glob.replace("**", ".*").replace("*", "[^/]*") if "**" not in glob else glob for glob in globs]
    return any(re.fullmatch(pattern.replace("**", ".*"), path) for pattern in patterns)


@pytest.mark.parametrize("path", ["f", "fs/cgroup", "fs/cgroup/memory/x"])
def test_what_is_excepted_is_not_matched(path: str) -> None:
    assert not matches(all_but(["fs/cgroup"]), path)


@pytest.mark.parametrize("path", ["kernel/x", "fs/bpf/x", "firmware", "fs/cg/x", "fs/cgrouq"])
def test_all_others_are(path: str) -> None:
    assert matches(all_but(["fs/cgroup"]), path)


def test_several_exceptions() -> None:
    globs = all_but(["shm", "sem", "msg"])
    assert not any(matches(globs, path) for path in ("shmmax", "sem", "msgmnb", "shm_rmid_forced"))
    assert all(matches(globs, path) for path in ("core_pattern", "sched_x", "modprobe", "shutdown", "hostname"))


def test_digits_may_be_excepted() -> None:
    globs = all_but(["sys"], also="0-9", within="*")
    assert [matches(globs, name) for name in ("1", "99", "sys", "irq", "sysx", "scsi")] == [
        False, False, False, True, False, True,
    ]  # fmt: skip


def test_the_profile_denies_what_leads_to_the_host() -> None:
    text = profile_text(NAME, "unconfined", abi="abi/3.0")
    for rule in ("deny mount", "deny /proc/sysrq-trigger rwklx", "deny /sys/kernel/security/** rwklx"):
        assert f"  {rule},\n" in text
    assert text.startswith("abi <abi/3.0>,\n")
    assert text.count('peer="unconfined"') == 1


def test_the_engines_own_profile_may_send_signals() -> None:
    assert 'signal (receive) peer="engine"' in profile_text(NAME, "engine")


@pytest.mark.skipif(PARSER is None, reason="needs apparmor_parser")
def test_the_parser_understands_the_profile() -> None:
    assert PARSER is not None
    done = subprocess.run(
        [PARSER, "--skip-kernel-load", "--skip-cache", "--stdout"],
        input=profile_text(NAME, "unconfined").encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert NAME.encode() in done.stdout


@pytest.mark.parametrize(
    ("default", "asked", "privileged", "expected"),
    [
        (None, "", False, ""),
        (None, "mine", False, ""),
        ("corral-default", "", False, "corral-default"),
        ("corral-default", "", True, "unconfined"),
        ("corral-default", "mine", True, "mine"),
        ("corral-default", "unconfined", False, "unconfined"),
        ("unconfined", "", False, "unconfined"),
    ],
)
def test_who_is_under_which_profile(default: str | None, asked: str, privileged: bool, expected: str) -> None:
    assert apparmor_profile(default, SecurityOptions(apparmor=asked), privileged=privileged) == expected
