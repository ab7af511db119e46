"""Compiled filters, run by an interpreter, against a plain reading of the same description."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.errors import Invalid
from corral.linux import bpf, seccomp
from corral.oci.runtime import Seccomp, SeccompArg, SeccompSyscall
from corral.runtime.security.seccomp.architectures import ARCHITECTURES, X32_BIT, Architecture, native, numbers
from corral.runtime.security.seccomp.compiler import compile_filter
from corral.runtime.security.seccomp.machine import data, run
from corral.runtime.security.seccomp.rules import action_value, flag_bits

ALLOW, KILL = seccomp.SECCOMP_RET_ALLOW, seccomp.SECCOMP_RET_KILL_THREAD
X86_64, X86, X32 = (ARCHITECTURES[f"SCMP_ARCH_{name}"] for name in ("X86_64", "X86", "X32"))
ALL_X86 = ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")
READ = numbers("SCMP_ARCH_X86_64")["read"]


def failing(number: int) -> int:
    return seccomp.SECCOMP_RET_ERRNO | number


def errno_rule(number: int, *names: str, args: tuple[SeccompArg, ...] = ()) -> SeccompSyscall:
    return SeccompSyscall(names, "SCMP_ACT_ERRNO", number, args)


def compiled(
    *rules: SeccompSyscall, default: str = "SCMP_ACT_ALLOW", architectures: tuple[str, ...] = ALL_X86
) -> bytes:
    return compile_filter(Seccomp(default, architectures=architectures, syscalls=rules), "x86_64")


# -- a plain reading of a description, for comparison


def holds(condition: SeccompArg, args: list[int], word: int) -> bool:
    whole = (1 << word) - 1
    value, wanted = args[condition.index] & whole, condition.value & whole
    match condition.op.removeprefix("SCMP_CMP_"):
        case "EQ":
            return value == wanted
        case "NE":
            return value != wanted
        case "LT":
            return value < wanted
        case "LE":
            return value <= wanted
        case "GT":
            return value > wanted
        case "GE":
            return value >= wanted
        case _:
            return value & wanted == condition.value_two & wanted


# An argument that the kernel takes for an int: its upper half is rubbish.
NARROW = {("personality", 0)}


def applies(rule: SeccompSyscall, name: str, args: list[int], word: int) -> bool:
    indexes = [c.index for c in rule.args]
    results = [holds(c, args, 32 if (name, c.index) in NARROW else word) for c in rule.args]
    return all(results) if len(set(indexes)) == len(indexes) else any(results)


def plainly(description: Seccomp, architecture: Architecture, number: int, args: list[int]) -> int:
    default = action_value(description.default_action, description.default_errno_ret)
    names = numbers(architecture.name)
    name = next((n for n in NAMES if names.get(n) == number), "")
    mine = [rule for rule in description.syscalls if name in rule.names]
    mine = [rule for rule in mine if action_value(rule.action, rule.errno_ret) != default]
    for rule in [r for r in mine if not r.args] or mine:
        if applies(rule, name, args, architecture.word):
            return action_value(rule.action, rule.errno_ret)
    permissive = description.default_action in ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE")
    if not permissive and is_new(description, architecture, number):
        return failing(errno.ENOSYS)
    return default


def is_new(description: Seccomp, architecture: Architecture, number: int) -> bool:
    """Newer than all that the description names. x32 counts as x86_64; the 36 calls of its own are not new."""
    if architecture is X32:
        number -= X32_BIT
        if 512 <= number < 548:
            return False
        architecture = X86_64
    names = numbers(architecture.name)
    return number > max([names[n] for rule in description.syscalls for n in rule.names if n in names], default=-1)


# Not the calls that socketcall and ipc stand for: the plain reading knows nothing of them.
NAMES = ["read", "write", "open", "close", "personality", "clone", "ptrace", "mount", "bpf", "clone3", "not_a_call"]
WORDS = st.one_of(
    st.integers(0, (1 << 64) - 1),
    st.sampled_from([0, 1, 7, 8, 0xFFFFFFFF, 1 << 32, (1 << 32) + 7, 1 << 63, (1 << 64) - 1]),
)
ACTIONS = ["ALLOW", "ERRNO", "KILL", "KILL_PROCESS", "TRAP", "TRACE", "LOG"]
CONDITIONS = st.builds(
    SeccompArg,
    index=st.integers(0, 5),
    value=WORDS,
    op=st.sampled_from([f"SCMP_CMP_{op}" for op in ("EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ")]),
    value_two=WORDS,
)
RULES = st.builds(
    SeccompSyscall,
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(tuple),
    action=st.sampled_from([f"SCMP_ACT_{name}" for name in ACTIONS]),
    errno_ret=st.one_of(st.none(), st.integers(0, 133)),
    args=st.lists(CONDITIONS, max_size=3).map(tuple),
)
DESCRIPTIONS = st.builds(
    Seccomp,
    default_action=st.sampled_from([f"SCMP_ACT_{name}" for name in ACTIONS]),
    default_errno_ret=st.one_of(st.none(), st.integers(0, 133)),
    architectures=st.just(ALL_X86),
    syscalls=st.lists(RULES, max_size=8).map(tuple),
)


@settings(max_examples=100, deadline=None)
@given(DESCRIPTIONS, st.lists(st.lists(WORDS, min_size=6, max_size=6), min_size=3, max_size=6))
def test_filter_does_what_the_description_says(description: Seccomp, all_args: list[list[int]]) -> None:
    program = compile_filter(description, "x86_64")
    interesting = [c.value for r in description.syscalls for c in r.args][:2]
    for args in [*all_args, *([value] * 6 for value in interesting)]:
        for architecture in (X86_64, X86, X32):
            names = numbers(architecture.name)
            bit = X32_BIT if architecture is X32 else 0
            calls = {names[n] + d for n in NAMES if n in names for d in (-1, 0, 1)} | {bit, bit + 1000}
            if architecture is X32:  # what it does not have is answered somehow
                calls &= {*names.values(), bit + 1000}
            for number in calls - {-1, X32_BIT - 1}:
                expected = plainly(description, architecture, number, args)
                assert run(program, data(architecture.audit, number, args)) == expected, (architecture.name, number)


# -- meaning


def test_rule_without_arguments_beats_rules_with_them() -> None:
    special = errno_rule(5, "read", args=(SeccompArg(0, 7, "SCMP_CMP_EQ"),))
    for rules in ((special, errno_rule(6, "read")), (errno_rule(6, "read"), special)):
        assert run(compiled(*rules), data(X86_64.audit, READ, [7])) == failing(6)


def test_first_of_two_rules_without_arguments_counts() -> None:
    assert run(compiled(errno_rule(6, "read"), errno_rule(7, "read")), data(X86_64.audit, READ)) == failing(6)


def test_conditions_on_the_same_argument_are_alternatives() -> None:
    between = (SeccompArg(0, 70, "SCMP_CMP_GT"), SeccompArg(0, 80, "SCMP_CMP_LT"))
    program = compiled(errno_rule(6, "read", args=between))
    assert [run(program, data(X86_64.audit, READ, [n])) for n in (60, 75, 90)] == [failing(6)] * 3


def test_conditions_on_different_arguments_must_all_hold() -> None:
    both = (SeccompArg(0, 1, "SCMP_CMP_EQ"), SeccompArg(3, 2, "SCMP_CMP_EQ"))
    program = compiled(errno_rule(6, "read", args=both))
    assert run(program, data(X86_64.audit, READ, [1, 0, 0, 2])) == failing(6)
    assert run(program, data(X86_64.audit, READ, [1, 0, 0, 3])) == ALLOW
    assert run(program, data(X86_64.audit, READ, [0, 0, 0, 2])) == ALLOW


def test_upper_half_of_an_argument_counts_where_there_is_one() -> None:
    program = compiled(errno_rule(6, "read", args=(SeccompArg(0, (1 << 32) + 7, "SCMP_CMP_EQ"),)))
    assert run(program, data(X86_64.audit, READ, [7])) == ALLOW
    assert run(program, data(X86_64.audit, READ, [(1 << 32) + 7])) == failing(6)
    assert run(program, data(X86.audit, numbers(X86.name)["read"], [7])) == failing(6)


def test_i386_socketcall_does_not_go_round_a_refused_socket() -> None:
    program = compiled(errno_rule(6, "socket"))
    multiplexer = numbers(X86.name)["socketcall"]
    assert run(program, data(X86.audit, multiplexer, [1])) == failing(6)
    assert run(program, data(X86.audit, multiplexer, [2])) == ALLOW


def test_i386_ipc_does_not_go_round_a_refused_shmget() -> None:
    program = compiled(errno_rule(6, "shmget"))
    multiplexer = numbers(X86.name)["ipc"]
    assert [run(program, data(X86.audit, multiplexer, [n])) for n in (23, 24)] == [failing(6), ALLOW]


def test_x32_does_not_go_round_a_filter_for_x86_64_only() -> None:
    program = compiled(errno_rule(6, "read"), architectures=("SCMP_ARCH_X86_64",))
    assert run(program, data(X86_64.audit, X32_BIT | READ)) == KILL


def test_i386_does_not_go_round_a_filter_for_x86_64_only() -> None:
    program = compiled(errno_rule(6, "read"), architectures=())
    assert run(program, data(X86.audit, 3)) == KILL


def test_native_architecture_is_always_covered() -> None:
    program = compiled(errno_rule(6, "read"), architectures=("SCMP_ARCH_X86",))
    assert run(program, data(X86_64.audit, READ)) == failing(6)


def test_call_that_a_tracer_skips_is_not_one_of_x32() -> None:
    program = compiled(errno_rule(6, "read"), architectures=("SCMP_ARCH_X86_64",))
    assert run(program, data(X86_64.audit, 0xFFFFFFFF)) == ALLOW


def test_unknown_architecture_kills() -> None:
    assert run(compiled(), data(0x1234, 0)) == KILL


def test_unknown_calls_are_left_out() -> None:
    assert run(compiled(errno_rule(6, "read", "no_such_call")), data(X86_64.audit, READ)) == failing(6)


def test_calls_newer_than_the_description_do_not_exist() -> None:
    allow = SeccompSyscall(("read", "write"), "SCMP_ACT_ALLOW")
    program = compiled(allow, default="SCMP_ACT_ERRNO")
    assert run(program, data(X86_64.audit, 1)) == ALLOW
    assert run(program, data(X86_64.audit, 2)) == failing(errno.ENOSYS)


def test_programs_longer_than_a_short_jump_are_right() -> None:
    table = numbers(X86_64.name)
    rules = [
        errno_rule(1 + index % 100, name, args=(SeccompArg(0, index, "SCMP_CMP_GE"),))
        for index, name in enumerate(sorted(table))
    ]
    program = compiled(*rules, architectures=("SCMP_ARCH_X86_64",))
    assert len(bpf.decode(program)) > 700
    for index, name in enumerate(sorted(table)):
        assert run(program, data(X86_64.audit, table[name], [index])) == failing(1 + index % 100)
        assert index == 0 or run(program, data(X86_64.audit, table[name], [index - 1])) == ALLOW


def test_too_long_a_program_is_refused() -> None:
    conditions = [tuple(SeccompArg(i, n * 7 + i, "SCMP_CMP_GT") for i in range(6)) for n in range(200)]
    with pytest.raises(Invalid, match="too large"):
        compiled(*(errno_rule(1 + n % 100, "read", args=c) for n, c in enumerate(conditions)))


@pytest.mark.parametrize(
    "description",
    [
        Seccomp("SCMP_ACT_NOPE"),
        Seccomp("SCMP_ACT_ALLOW", syscalls=(SeccompSyscall(("read",), "SCMP_ACT_NOPE"),)),
        Seccomp("SCMP_ACT_ALLOW", syscalls=(errno_rule(1, "read", args=(SeccompArg(0, 1, "NOPE"),)),)),
        Seccomp("SCMP_ACT_ALLOW", architectures=("NOPE",)),
    ],
)
def test_words_that_do_not_exist_are_refused(description: Seccomp) -> None:
    with pytest.raises(Invalid, match="invalid seccomp"):
        compile_filter(description, "x86_64")


def test_upper_half_of_an_int_does_not_go_round_a_refusal() -> None:
    """The kernel drops it: socket((1 << 32) + AF_VSOCK) is an AF_VSOCK socket."""
    program = compiled(errno_rule(6, "socket", args=(SeccompArg(0, 40, "SCMP_CMP_EQ"),)))
    call = numbers(X86_64.name)["socket"]
    assert [run(program, data(X86_64.audit, call, [n])) for n in (40, (1 << 32) + 40)] == [failing(6)] * 2


def test_x32_shares_the_tree_of_x86_64() -> None:
    rules = [errno_rule(6, name) for name in sorted(numbers(X86_64.name))[::5]]
    alone = compiled(*rules, architectures=("SCMP_ARCH_X86_64",))
    both = compiled(*rules, architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_X32"))
    assert len(both) < 1.5 * len(alone)


def test_notification_is_an_answer_as_others() -> None:
    program = compiled(SeccompSyscall(("read",), "SCMP_ACT_NOTIFY"))
    assert run(program, data(X86_64.audit, READ)) == seccomp.SECCOMP_RET_USER_NOTIF


def test_machine_without_tables_is_refused() -> None:
    with pytest.raises(Invalid, match="not supported on s390x"):
        compile_filter(Seccomp("SCMP_ACT_ALLOW"), "s390x")


def test_arm_covers_its_32_bit_half() -> None:
    description = Seccomp(
        "SCMP_ACT_ALLOW", architectures=("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"), syscalls=(errno_rule(6, "read"),)
    )
    program = compile_filter(description, "aarch64")
    assert run(program, data(seccomp.AUDIT_ARCH_AARCH64, 63)) == failing(6)
    assert run(program, data(seccomp.AUDIT_ARCH_ARM, 3)) == failing(6)
    assert run(program, data(seccomp.AUDIT_ARCH_AARCH64, 64)) == ALLOW


def test_flags() -> None:
    assert flag_bits(()) == seccomp.SECCOMP_FILTER_FLAG_SPEC_ALLOW
    assert flag_bits(("SECCOMP_FILTER_FLAG_LOG",)) == seccomp.SECCOMP_FILTER_FLAG_LOG
    with pytest.raises(Invalid):
        flag_bits(("SECCOMP_FILTER_FLAG_NEW",))


@pytest.mark.parametrize(
    ("machine", "name"),
    [("x86_64", "X86_64"), ("i586", "X86"), ("aarch64", "AARCH64"), ("armv7l", "ARM"), ("armv6l", "ARM")],
)
def test_machines_have_their_architecture(machine: str, name: str) -> None:
    found = native(machine)
    assert found is not None
    assert found.name == f"SCMP_ARCH_{name}"


@pytest.mark.parametrize(
    ("architecture", "call", "number"),
    [
        ("X86_64", "execve", 59),
        ("X86", "execve", 11),
        ("X32", "execve", X32_BIT | 520),
        ("X32", "read", X32_BIT),
        ("AARCH64", "execve", 221),
        ("ARM", "execve", 11),
        ("ARM", "set_tls", 0xF0005),
    ],
)
def test_call_numbers(architecture: str, call: str, number: int) -> None:
    assert numbers(f"SCMP_ARCH_{architecture}")[call] == number
