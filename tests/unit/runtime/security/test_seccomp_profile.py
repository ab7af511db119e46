"""Docker's profile format; the default profile against what Docker 28's was observed to do; the cache of filters."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.linux import seccomp
from corral.oci.runtime import Seccomp
from corral.runtime.security import capabilities
from corral.runtime.security.seccomp import load
from corral.runtime.security.seccomp.architectures import ARCHITECTURES, X32_BIT, native, numbers
from corral.runtime.security.seccomp.cache import FilterCache
from corral.runtime.security.seccomp.compiler import compile_filter
from corral.runtime.security.seccomp.default import DEFAULT
from corral.runtime.security.seccomp.machine import data, run
from corral.runtime.security.seccomp.profile import Profile, kernel_version, narrow, parse

AMD64 = ARCHITECTURES["SCMP_ARCH_X86_64"]
ALLOW = seccomp.SECCOMP_RET_ALLOW
DENY = seccomp.SECCOMP_RET_ERRNO | errno.EPERM
KERNEL = (6, 1)

# What the filter of Docker 28.5.2 (runc 1.3.6, libseccomp 2.6.1) was seen to answer, read back from a container by
# PTRACE_SECCOMP_GET_FILTER, for calls 0-1023 with arguments of zero: without capabilities, and what each one adds.
OBSERVED = json.loads(Path(__file__).with_name("docker-28.json").read_text())


def default_for(*caps: str) -> bytes:
    return compile_filter(narrow(DEFAULT, caps, AMD64, KERNEL), "x86_64")


def numbers_in(ranges: str) -> set[int]:
    found: set[int] = set()
    for part in ranges.split():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


@pytest.mark.parametrize("cap", ["", *OBSERVED["with_capability"], "CAP_NET_ADMIN", "CAP_CHOWN"])
@pytest.mark.parametrize("arch", ["x86_64", "x86", "x32"])
def test_default_equals_dockers_for_every_call(arch: str, cap: str) -> None:
    architecture = ARCHITECTURES[f"SCMP_ARCH_{arch.upper()}"]
    bit = X32_BIT if arch == "x32" else 0
    extra = numbers_in(OBSERVED["with_capability"].get(cap, {}).get(arch, ""))
    allowed = numbers_in(OBSERVED["allowed"][arch]) | extra
    missing = numbers_in(OBSERVED["enosys"][arch]) - extra
    if arch == "x32":  # as new as on x86_64
        missing |= {number for number in numbers_in(OBSERVED["enosys"]["x86_64"]) if number < 512} - extra
    program = default_for(cap) if cap else default_for()
    for number in range(1024):
        if arch == "x32" and number < 512 and number | bit not in numbers(architecture.name).values():
            continue  # the kernel answers ENOSYS, whatever the filter says
        expected = DENY
        if number in allowed:
            expected = ALLOW
        elif number in missing:
            expected = seccomp.SECCOMP_RET_ERRNO | errno.ENOSYS
        assert run(program, data(architecture.audit, number | bit)) == expected, number


@pytest.mark.parametrize("audit", [seccomp.AUDIT_ARCH_AARCH64, seccomp.AUDIT_ARCH_ARM, 0])
def test_default_kills_foreign_architectures(audit: int) -> None:
    assert run(default_for(), data(audit, 0)) == seccomp.SECCOMP_RET_KILL_THREAD


def test_default_refuses_new_namespaces_by_clone() -> None:
    program = default_for()
    clone = 56
    bits = [n for n in range(64) if run(program, data(AMD64.audit, clone, [1 << n])) != ALLOW]
    assert bits == [17, 25, 26, 27, 28, 29, 30]
    assert run(default_for("CAP_SYS_ADMIN"), data(AMD64.audit, clone, [1 << 28])) == ALLOW


@pytest.mark.parametrize("rubbish", [0, 1 << 32])
def test_default_refuses_af_alg_and_af_vsock(rubbish: int) -> None:
    program = default_for(*capabilities.NUMBERS)
    assert [n for n in range(64) if run(program, data(AMD64.audit, 41, [n + rubbish])) != ALLOW] == [38, 40]


def test_default_allows_five_personalities() -> None:
    program = default_for()
    asked = [*range(0x40000), 0xFFFFFFFF, (1 << 64) - 1, 1 << 32]
    allowed = [n for n in asked if run(program, data(AMD64.audit, 135, [n])) == ALLOW]
    assert allowed == [0, 8, 0x20000, 0x20008, 0xFFFFFFFF, (1 << 64) - 1, 1 << 32]  # the kernel takes an int


def test_default_is_small_enough_for_every_set_of_capabilities() -> None:
    for caps in ((), capabilities.DEFAULT, tuple(capabilities.NUMBERS)):
        assert len(default_for(*caps)) // 8 < 450


def test_default_works_on_arm() -> None:
    arm = native("aarch64")
    assert arm is not None
    program = compile_filter(narrow(DEFAULT, (), arm, KERNEL), "aarch64")
    assert run(program, data(seccomp.AUDIT_ARCH_AARCH64, 221)) == ALLOW  # execve
    assert run(program, data(seccomp.AUDIT_ARCH_ARM, 0xF0005)) == ALLOW  # set_tls
    assert run(program, data(seccomp.AUDIT_ARCH_AARCH64, 40)) == DENY  # mount
    assert run(program, data(seccomp.AUDIT_ARCH_X86_64, 0)) == seccomp.SECCOMP_RET_KILL_THREAD


# -- the format


def profile(**fields: object) -> Profile:
    return parse(json.dumps({"defaultAction": "SCMP_ACT_ERRNO", **fields}))


def rule(**fields: object) -> dict[str, object]:
    return {"names": ["read"], "action": "SCMP_ACT_ALLOW", **fields}


def names(narrowed: Seccomp) -> list[str]:
    return [name for call in narrowed.syscalls for name in call.names]


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        ({"includes": {"caps": ["CAP_SYS_ADMIN"]}}, True),
        ({"includes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]}}, False),
        ({"excludes": {"caps": ["CAP_BPF", "CAP_SYS_ADMIN"]}}, False),
        ({"excludes": {"caps": ["CAP_BPF"]}}, True),
        ({"includes": {"arches": ["amd64", "x32"]}}, True),
        ({"includes": {"arches": ["arm64"]}}, False),
        ({"excludes": {"arches": ["amd64"]}}, False),
        ({"includes": {"minKernel": "4.8"}}, True),
        ({"includes": {"minKernel": "6.2"}}, False),
        ({"excludes": {"minKernel": "6.1"}}, False),
        ({"includes": {}, "excludes": {}}, True),
        ({"includes": None, "excludes": None}, True),
    ],
)
def test_conditions_on_entries(condition: dict[str, object], applies: bool) -> None:
    narrowed = narrow(profile(syscalls=[rule(**condition)]), ("CAP_SYS_ADMIN",), AMD64, KERNEL)
    assert names(narrowed) == (["read"] if applies else [])


def test_single_name_stands_for_names() -> None:
    narrowed = narrow(profile(syscalls=[{"name": "read", "action": "SCMP_ACT_ALLOW", "args": []}]), (), AMD64, KERNEL)
    assert names(narrowed) == ["read"]


def test_arch_map_gives_the_native_entry_and_its_companions() -> None:
    mapped = profile(
        archMap=[
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        ]
    )
    assert narrow(mapped, (), AMD64, KERNEL).architectures == ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86")


def test_arguments_errno_and_flags_are_kept() -> None:
    argument = {"index": 1, "value": 2, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}
    given = profile(
        defaultErrnoRet=38,
        flags=["SECCOMP_FILTER_FLAG_LOG"],
        syscalls=[rule(action="SCMP_ACT_ERRNO", errnoRet=5, args=[argument])],
    )
    narrowed = narrow(given, (), AMD64, KERNEL)
    assert (narrowed.default_errno_ret, narrowed.flags) == (38, ("SECCOMP_FILTER_FLAG_LOG",))
    call = narrowed.syscalls[0]
    assert (call.errno_ret, call.args[0].index, call.args[0].value, call.args[0].value_two) == (5, 1, 2, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"defaultAction": "", "syscalls": [rule()]},
        {"defaultAction": "SCMP_ACT_NOPE"},
        {"syscalls": [{"names": ["read"]}]},
        {"syscalls": [rule(action="NOPE")]},
        {"syscalls": [rule(args=[{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}])]},
        {"syscalls": [rule(args=[{"index": 0, "value": 1, "op": "=="}])]},
        {"syscalls": [rule(args=[{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}])]},
        {"syscalls": [rule(names="read")]},
        {"syscalls": [rule(includes={"minKernel": "new"})]},
        {"syscalls": [rule(excludes={"minKernel": "0.0"})]},
        {"syscalls": [rule(excludes={"minKernel": "5.10.1"})]},
        {"syscalls": 1},
        {"archMap": [{}]},
    ],
)
def test_profiles_that_cannot_be_right_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(Invalid, match="Decoding seccomp profile failed"):
        profile(**fields)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '"x"'])
def test_texts_that_are_no_profile_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="Decoding seccomp profile failed"):
        parse(text)


def test_both_names_and_both_ways_to_name_architectures_are_refused() -> None:
    with pytest.raises(Invalid, match="use either 'name' or 'names'"):
        profile(syscalls=[rule(name="write")])
    with pytest.raises(Invalid, match="use either 'architectures' or 'archMap'"):
        profile(architectures=["SCMP_ARCH_X86"], archMap=[{"architecture": "SCMP_ARCH_X86_64"}])


def test_kernel_versions() -> None:
    assert kernel_version("6.18.44-fc-v657") == (6, 18)
    with pytest.raises(ValueError, match="invalid kernel version"):
        kernel_version("linux")


# -- the cache


def test_cache_compiles_once_and_finds_the_file_again(tmp_path: Path) -> None:
    first = FilterCache(tmp_path / "seccomp", machine="x86_64", release="6.1.0").get(DEFAULT, capabilities.DEFAULT)
    written = first.path.stat().st_mtime_ns
    cache = FilterCache(tmp_path / "seccomp", machine="x86_64", release="6.1.0")
    again = cache.get(DEFAULT, reversed(capabilities.DEFAULT))
    assert again == first
    assert cache.get(DEFAULT, capabilities.DEFAULT) is again
    assert first.path.stat().st_mtime_ns == written
    assert [path.name for path in first.path.parent.iterdir()] == [first.path.name]


def test_cache_tells_capabilities_profiles_and_machines_apart(tmp_path: Path) -> None:
    cache = FilterCache(tmp_path, machine="x86_64", release="6.1.0")
    other = FilterCache(tmp_path, machine="aarch64", release="6.1.0")
    open_profile = profile(defaultAction="SCMP_ACT_ALLOW")
    filters = [
        cache.get(DEFAULT, ()),
        cache.get(DEFAULT, ("CAP_SYS_ADMIN",)),
        cache.get(open_profile, ()),
        other.get(DEFAULT, ()),
    ]
    assert len({f.path for f in filters}) == 4


def test_cache_shares_files_between_capabilities_that_make_no_difference(tmp_path: Path) -> None:
    cache = FilterCache(tmp_path, machine="x86_64", release="6.1.0")
    assert cache.get(DEFAULT, ()).path == cache.get(DEFAULT, ("CAP_CHOWN",)).path


def test_cache_compiles_again_when_the_file_is_gone(tmp_path: Path) -> None:
    cache = FilterCache(tmp_path, machine="x86_64", release="6.1.0")
    cache.get(DEFAULT, ()).path.unlink()
    assert cache.get(DEFAULT, ()).path.exists()


def test_what_the_cache_writes_is_what_the_child_reads(tmp_path: Path) -> None:
    compiled = FilterCache(tmp_path, machine="x86_64", release="6.1.0").get(DEFAULT, ())
    found = load.read(compiled.annotations, None)
    assert found == load.Filter(default_for(), seccomp.SECCOMP_FILTER_FLAG_SPEC_ALLOW)


def test_cache_answers_with_annotations_for_the_default_and_for_a_text(tmp_path: Path) -> None:
    text = json.dumps({"defaultAction": "SCMP_ACT_ALLOW"})
    cache = FilterCache(tmp_path, machine="x86_64", release="6.1.0")
    assert cache.annotations(None, ()) == cache.get(DEFAULT, ()).annotations
    assert cache.annotations(text, ()) == cache.get(parse(text), ()).annotations
    other_default = FilterCache(tmp_path, default=parse(text), machine="x86_64", release="6.1.0")
    assert other_default.annotations(None, ()) == cache.annotations(text, ())
    with pytest.raises(Invalid):
        cache.annotations("{", ())


def test_description_without_a_file_is_compiled_on_the_spot() -> None:
    found = load.read({}, Seccomp("SCMP_ACT_ALLOW", flags=("SECCOMP_FILTER_FLAG_LOG",)))
    assert found is not None
    assert found.flags == seccomp.SECCOMP_FILTER_FLAG_LOG


def test_no_description_means_unconfined() -> None:
    assert load.read({}, None) is None


def test_default_is_small() -> None:
    """The kernel translates it for every container."""
    assert len(default_for(*capabilities.DEFAULT)) // 8 <= 160


@pytest.mark.parametrize("text", ["{}", '{"defaultAction": "", "syscalls": []}'])
def test_a_profile_that_says_nothing_is_no_filter(text: str, tmp_path: Path) -> None:
    cache = FilterCache(tmp_path)
    assert cache.annotations(text, ()) == {}
    assert cache.description(text, ()) is None
