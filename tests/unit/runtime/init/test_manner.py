"""What is unusual about a process, as far as it can be known before it is cloned."""

from __future__ import annotations

import json

import pytest

from corral.linux import mempolicy
from corral.oci.runtime import (
    ExecCPUAffinity,
    Hook,
    Hooks,
    IOPriority,
    Linux,
    MemoryPolicy,
    Personality,
    Process,
    Scheduler,
    Spec,
)
from corral.runtime.init import hooks
from corral.runtime.init.failure import SetupError
from corral.runtime.init.manner import like_the_first, manner_of
from corral.runtime.init.messages import encode
from corral.runtime.init.plan import Options, make_plan
from corral.runtime.init.scheduling import numbers


def test_an_ordinary_process_has_none() -> None:
    assert manner_of(Process(args=("true",)), Linux()) is None
    assert make_plan(Spec(process=Process(args=("true",))), (), "/b").manner is None


@pytest.mark.parametrize(
    ("process", "linux"),
    [
        (Process(scheduler=Scheduler("SCHED_IDLE")), Linux()),
        (Process(io_priority=IOPriority("IOPRIO_CLASS_BE", 4)), Linux()),
        (Process(), Linux(memory_policy=MemoryPolicy("MPOL_LOCAL"))),
        (Process(), Linux(personality=Personality("LINUX32"))),
    ],
)
def test_what_is_asked_for_makes_one(process: Process, linux: Linux) -> None:
    assert manner_of(process, linux) is not None


def test_hooks_before_the_program_make_one_and_others_do_not() -> None:
    def manner(made: Hooks) -> object:
        return make_plan(Spec(process=Process(args=("true",)), hooks=made), (), "/b", Options(id="x")).manner

    assert manner(Hooks(start_container=(Hook("/x"),))) is not None
    assert manner(Hooks(prestart=(Hook("/x"),), poststop=(Hook("/x"),))) is None


def test_an_exec_is_like_the_first_process_unless_it_says_otherwise() -> None:
    plain, own = Process(args=("x",)), Scheduler("SCHED_IDLE")
    assert like_the_first(plain, Process()) is plain
    first = Process(scheduler=Scheduler("SCHED_BATCH"), exec_cpu_affinity=ExecCPUAffinity(final="1"))
    assert like_the_first(plain, first) == Process(
        args=("x",), scheduler=Scheduler("SCHED_BATCH"), exec_cpu_affinity=ExecCPUAffinity(final="1")
    )
    assert like_the_first(Process(scheduler=own), first).scheduler == own


@pytest.mark.parametrize(
    ("text", "found"),
    [("", set()), ("0", {0}), ("0-3,7", {0, 1, 2, 3, 7}), (" 1 , 3-4 ", {1, 3, 4}), ("2-2", {2}), ("5,", {5})],
)
def test_lists_of_processors(text: str, found: set[int]) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize("text", ["a", "-1", "3-1", "0-", "1-2-3", "0x1", "0-99999999"])
def test_what_is_no_list(text: str) -> None:
    with pytest.raises(SetupError, match="invalid list"):
        numbers(text)


def test_constants_are_the_kernels() -> None:
    """From <linux/mempolicy.h>."""
    assert mempolicy.MODES["MPOL_WEIGHTED_INTERLEAVE"] == 6
    assert mempolicy.FLAGS["MPOL_F_STATIC_NODES"] == 0x8000


def test_the_state_of_a_container_is_that_of_the_specification() -> None:
    state = json.loads(hooks.state("box", "creating", 7, "/bundle", {"a": "b"}))
    assert state == {
        "ociVersion": "1.2.0",
        "id": "box",
        "status": "creating",
        "pid": 7,
        "bundle": "/bundle",
        "annotations": {"a": "b"},
    }
    assert "pid" not in json.loads(hooks.state("box", "stopped", 0, "/bundle", {}))


def test_what_a_child_that_waits_is_told() -> None:
    assert hooks.answer(Hooks(), b"{}") == encode({"type": "hooked", "error": ""})
    failing = Hooks(prestart=(Hook("/nowhere"),), create_runtime=(Hook("/elsewhere"),))
    assert json.loads(hooks.answer(failing, b"{}"))["error"] == (
        "error running prestart hook #0: fork/exec /nowhere: no such file or directory"
    )
