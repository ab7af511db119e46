"""Texts to values: signals, limits, intervals, processes, tables."""

from __future__ import annotations

import json
import signal

import pytest

from corral.errors import Invalid
from corral.runtime.cgroups.stats import BlkioEntry, CgroupStats, CpuStats, MemoryStats, PidsStats
from corral.runtime.command import events, kill, update
from corral.runtime.command import exec as exec_verb
from corral.runtime.command.arguments import parse
from corral.runtime.command.context import rfc3339
from corral.runtime.command.devices import with_defaults
from corral.runtime.command.ps import selected
from corral.runtime.command.records import check_id
from corral.runtime.command.spec import example, rootless
from corral.runtime.validation import validate


@pytest.mark.parametrize("text", ["9", "KILL", "SIGKILL", "kill", "sigkill"])
def test_signals_by_number_and_by_name(text: str) -> None:
    assert kill.number_of(text) == signal.SIGKILL


def test_every_signal_of_this_machine_has_its_name() -> None:
    for number in signal.valid_signals():
        if isinstance(number, signal.Signals) and number not in (signal.SIGRTMIN, signal.SIGRTMAX):
            assert kill.number_of(number.name) == number
    assert kill.number_of("SIGRTMIN+3") == 37
    assert kill.number_of("RTMAX-1") == 63


@pytest.mark.parametrize("text", ["", "0", "65", "-1", "NOPE", "RTMIN+31", "RTMIN+x"])
def test_what_is_no_signal_is_an_error(text: str) -> None:
    with pytest.raises(Invalid):
        kill.number_of(text)


def test_limits_become_resources() -> None:
    options = parse(
        update.FLAGS, ["--memory", "1g", "--memory-swap=-1", "--cpu-share", "5", "--cpuset-cpus", "0-1", "ID"]
    )
    assert update.asked(options) == {
        "memory": {"limit": 1 << 30, "swap": -1},
        "cpu": {"shares": 5, "cpus": "0-1"},
    }
    with pytest.raises(Invalid):
        update.asked(parse(update.FLAGS, ["--memory", "lots", "ID"]))


def test_changed_resources_are_merged_into_the_configuration() -> None:
    before = {"linux": {"resources": {"memory": {"limit": 1, "swap": 2}, "devices": []}, "x": 1}}
    changes = {"linux": {"resources": {"memory": {"limit": 5}, "pids": {"limit": 3}}}}
    assert update.merged(before, changes) == {
        "linux": {"resources": {"memory": {"limit": 5, "swap": 2}, "devices": [], "pids": {"limit": 3}}, "x": 1}
    }


def test_intervals() -> None:
    assert [events.seconds(text) for text in ("5s", "500ms", "2m", "1.5s")] == [5.0, 0.5, 120.0, 1.5]
    for text in ("", "5", "0s", "-1s", "xs"):
        with pytest.raises(Invalid):
            events.seconds(text)


def test_statistics_have_the_names_that_callers_read() -> None:
    stats = CgroupStats(
        version=1,
        exists=True,
        memory=MemoryStats(usage=5, max_usage=6, limit=7, failcnt=1, stat={"cache": 2}),
        cpu=CpuStats(total=10, user=3, system=4, periods=1, throttled_periods=2, throttled_time=3),
        pids=PidsStats(2, 9),
        io_bytes=(BlkioEntry(8, 0, "read", 1),),
    )
    data = json.loads(json.dumps(events.statistics(stats)))
    assert data["cpu"]["usage"] == {"total": 10, "kernel": 4, "user": 3}
    assert data["cpu"]["throttling"] == {"periods": 1, "throttledPeriods": 2, "throttledTime": 3}
    assert data["memory"]["usage"] == {"limit": 7, "usage": 5, "max": 6, "failcnt": 1}
    assert data["pids"] == {"current": 2, "limit": 9}
    assert data["blkio"]["ioServiceBytesRecursive"] == [{"major": 8, "minor": 0, "op": "Read", "value": 1}]


def test_an_exec_takes_the_containers_process_and_changes_what_was_said() -> None:
    first = {
        "args": ["sh"], "cwd": "/", "env": ["A=1"], "terminal": True, "noNewPrivileges": True,
        "user": {"uid": 1, "gid": 2, "additionalGids": [3]}, "capabilities": {"bounding": ["CAP_KILL"], "ambient": []},
    }  # fmt: skip
    words = ["-e", "B=2", "--cap", "CAP_CHOWN", "-g", "4", "ID", "ls", "-l"]
    process = exec_verb.describe(first, parse(exec_verb.FLAGS, words, mixed=False))
    assert process["args"] == ["ls", "-l"]
    assert process["env"] == ["A=1", "B=2"]
    assert process["terminal"] is False
    assert process["user"] == {"uid": 1, "gid": 2, "additionalGids": [3, 4]}
    assert process["capabilities"] == {
        "bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"], "ambient": [],
    }  # fmt: skip
    assert process["noNewPrivileges"] is True
    with pytest.raises(Invalid, match="args cannot be empty"):
        exec_verb.describe(first, parse(exec_verb.FLAGS, ["ID"], mixed=False))


def test_ps_keeps_the_lines_of_the_containers_processes() -> None:
    table = "UID   PID  CMD\nroot  12   sh\nroot  1    init 12\n"
    assert selected(table, [12]) == "UID   PID  CMD\nroot  12   sh\n"
    with pytest.raises(Invalid):
        selected("USER COMMAND\n", [1])


def test_the_example_is_valid_with_and_without_root() -> None:
    assert list(validate(example())) == []
    changed = rootless(example(), 1000, 100)
    assert list(validate(changed)) == []
    assert changed["linux"]["uidMappings"] == [{"containerID": 0, "hostID": 1000, "size": 1}]
    assert "resources" not in changed["linux"]


def test_default_devices_follow_the_rules_of_the_configuration() -> None:
    rules = with_defaults(None).devices
    assert (rules[0].allow, rules[0].type) == (False, "a")
    assert any(rule.allow and (rule.major, rule.minor) == (1, 3) for rule in rules)


def test_ids() -> None:
    assert check_id("a_B-1.2+c") == "a_B-1.2+c"
    for text in ("", ".", "..", "a/b", "a b", "ä"):
        with pytest.raises(Invalid):
            check_id(text)


def test_times_are_rfc3339() -> None:
    assert rfc3339(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456789Z"
    assert rfc3339(1_700_000_000_123_456_789, digits=0) == "2023-11-14T22:13:20Z"
