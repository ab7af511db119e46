"""From ``slice:prefix:name`` to units and paths, and limits in systemd's words."""

from __future__ import annotations

import pytest

from corral.errors import Invalid
from corral.oci.runtime import BlockIO, Cpu, DeviceRule, Memory, Pids, Resources
from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.cgroups.devices import DEFAULT_RULES
from corral.runtime.cgroups.hierarchies import Hierarchy
from corral.runtime.cgroups.systemd import names, properties, variant
from corral.runtime.cgroups.systemd.annotations import of_annotations
from corral.runtime.cgroups.systemd.group import SystemdCgroup

V2 = Hierarchies((), Hierarchy("/cg", 2, frozenset({"cpu", "memory", "pids"})))
INFINITY = 2**64 - 1


@pytest.mark.parametrize(
    ("text", "unit", "path"),
    [
        ("system.slice:corral:0a1b", "corral-0a1b.scope", "/system.slice/corral-0a1b.scope"),
        (":corral:x", "corral-x.scope", "/system.slice/corral-x.scope"),
        ("a-b.slice::x", "x.scope", "/a.slice/a-b.slice/x.scope"),
        ("-.slice:c:x", "c-x.scope", "/c-x.scope"),
        ("user.slice:ignored:user-7.slice", "user-7.slice", "/user.slice/user-7.slice"),
    ],
)
def test_place_under_systemd(text: str, unit: str, path: str) -> None:
    found = names.parse(text)
    assert (found.unit, found.path) == (unit, path)
    assert names.resolve(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "a.slice:b",
        "a:b:c:d",
        "a.slice:b:",
        "a:b:c",
        "x/y.slice:b:c",
        "a--b.slice:b:c",
        ".slice:b:c",
        "a.slice:b:c/d",
    ],
)
def test_place_that_is_none(text: str) -> None:
    with pytest.raises(Invalid):
        names.parse(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [("system.slice", "/system.slice"), ("a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"), ("-.slice", "/")],
)
def test_slices_are_nested_by_their_dashes(text: str, path: str) -> None:
    assert names.slice_path(text) == path


@pytest.mark.parametrize("text", ["system", "a/b.slice", "-a.slice", "a--b.slice", ".slice", ""])
def test_what_is_no_slice(text: str) -> None:
    assert not names.is_slice(text)


def test_paths_stay_paths() -> None:
    assert names.resolve("/corral/x") == "/corral/x"
    assert names.resolve("/a:b:c") == "/a:b:c"


def test_group_is_systemds_when_the_place_says_so() -> None:
    assert isinstance(Cgroup.at(V2, "system.slice:corral:x"), SystemdCgroup)
    assert type(Cgroup.at(V2, "/system.slice/corral-x.scope")) is Cgroup
    assert Cgroup.at(V2, "system.slice:corral:x").path == "/system.slice/corral-x.scope"


def described(resources: Resources, version: int = 2) -> dict[str, object]:
    return {name: value for name, (_, value) in properties.of_resources(resources, version, lambda _: {136: "pts"})}


def test_limits_of_version_2() -> None:
    given = Resources(
        memory=Memory(limit=100, swap=150, reservation=50),
        cpu=Cpu(shares=1024, quota=25_500, period=50_000, cpus="0-1,9", mems="0"),
        pids=Pids(7),
        block_io=BlockIO(weight=500),
    )
    assert described(given) == {
        "MemoryMax": 100,
        "MemorySwapMax": 50,
        "MemoryLow": 50,
        "CPUWeight": 100,
        "CPUQuotaPeriodUSec": 50_000,
        "CPUQuotaPerSecUSec": 510_000,
        "AllowedCPUs": b"\x03\x02",
        "AllowedMemoryNodes": b"\x01",
        "TasksMax": 7,
        "IOWeight": 4950,
    }


def test_files_by_name_are_told_where_systemd_writes_them_too() -> None:
    files = {
        "memory.min": "1000",
        "memory.high": "max",
        "memory.zswap.max": "0",
        "pids.max": "12",
        "cpu.max": "5000 10000",
        "cpu.weight": "50",
        "cpuset.cpus": "0-1",
        "io.weight": "default 30",
        "io.latency": "8:0 target=75",
        "cgroup.max.depth": "3",
        "memory.low": "nonsense",
    }
    assert described(Resources(unified=files)) == {
        "MemoryMin": 1000,
        "MemoryHigh": INFINITY,
        "MemoryZSwapMax": 0,
        "TasksMax": 12,
        "CPUQuotaPeriodUSec": 10_000,
        "CPUQuotaPerSecUSec": 500_000,
        "CPUWeight": 50,
        "AllowedCPUs": b"\x03",
        "IOWeight": 30,
    }
    assert described(Resources(unified={"cpu.max": "max"})) == {"CPUQuotaPerSecUSec": INFINITY}
    assert described(Resources(unified={"cpu.idle": "1"})) == {"CPUWeight": 0}


def test_idle_is_a_weight_of_nothing() -> None:
    assert described(Resources(cpu=Cpu(idle=1, shares=512))) == {"CPUWeight": 0}
    assert described(Resources(cpu=Cpu(idle=1, shares=512)), 1) == {"CPUShares": 512}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'inactive-or-failed'", ("s", "inactive-or-failed")),
        ('"it\'s"', ("s", "it's")),
        (r"'a\'b'", ("s", "a'b")),
        ("true", ("b", True)),
        ("42", ("i", 42)),
        (" uint64 42 ", ("t", 42)),
        ("byte 0x1f", ("y", 31)),
        ("int16 -1", ("n", -1)),
        ("objectpath '/a'", ("o", "/a")),
        ("['a', 'b']", ("as", ["a", "b"])),
        ("[ uint64 1,2 ]", ("at", [1, 2])),
        ("@as []", ("as", [])),
    ],
)
def test_values_of_annotations(text: str, value: tuple[str, object]) -> None:
    assert variant.parse(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "uint64 -1", "byte 256", "nine 9", "'a", "['a', 1]", "[]", "1 2", "[1] 2", "[1,", "uint32 'x'"],
)
def test_values_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"unexpected|wanted"):
        variant.parse(text)


def test_annotations_name_properties() -> None:
    given = {
        "org.systemd.property.CollectMode": "'inactive-or-failed'",
        "org.systemd.property.TimeoutStopSec": "9",
        "io.podman": "true",
    }
    assert of_annotations(given) == [
        ("CollectMode", ("s", "inactive-or-failed")),
        ("TimeoutStopUSec", ("t", 9_000_000)),
    ]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("a-b", "true", "name incorrect"),
        ("ab", "true", "name incorrect"),
        ("CollectMode", "nonsense", "value parse error"),
        ("TimeoutStopSec", "'9s'", "not a number of seconds"),
        ("TimeoutStopSec", "-9", "not a number of seconds"),
    ],
)
def test_annotations_that_are_wrong_are_named(key: str, value: str, words: str) -> None:
    with pytest.raises(Invalid, match=f"annotation org.systemd.property.{key}={value} .*{words}"):
        of_annotations({f"org.systemd.property.{key}": value})


def test_limits_of_version_1() -> None:
    given = Resources(memory=Memory(limit=100, swap=150), cpu=Cpu(shares=512, cpus="0"), block_io=BlockIO(weight=500))
    assert described(given, 1) == {"MemoryLimit": 100, "CPUShares": 512, "BlockIOWeight": 500}


def test_no_limit_is_infinity_and_quotas_are_whole_per_cents() -> None:
    given = Resources(memory=Memory(limit=-1, swap=-1), cpu=Cpu(quota=-1, period=100_000), pids=Pids(-1))
    assert {value for name, value in described(given).items() if name != "CPUQuotaPeriodUSec"} == {INFINITY}
    assert described(Resources(cpu=Cpu(quota=12_345)))["CPUQuotaPerSecUSec"] == 130_000


def test_devices_are_allowed_by_path_and_by_name() -> None:
    found = described(Resources(devices=DEFAULT_RULES))
    allowed = found["DeviceAllow"]
    named = [name for name, _ in properties.of_resources(Resources(devices=DEFAULT_RULES), 2, lambda _: {})]
    assert named == ["DevicePolicy", "DeviceAllow", "DeviceAllow"]  # an empty list first, or this one would be added
    assert found["DevicePolicy"] == "strict"
    assert isinstance(allowed, list)
    assert {("char-*", "m"), ("block-*", "m"), ("/dev/char/1:3", "rwm"), ("char-pts", "rwm")} <= set(allowed)


def test_devices_that_are_only_denied_are_not_systemds_to_know() -> None:
    denied = DeviceRule(False, "c", 1, 3, "rw")
    assert described(Resources(devices=(denied,))) == {"DevicePolicy": "auto", "DeviceAllow": []}
    everything = [("char-*", "rwm"), ("block-*", "rwm")]
    assert described(Resources(devices=(denied,)), 1) == {"DevicePolicy": "auto", "DeviceAllow": everything}
