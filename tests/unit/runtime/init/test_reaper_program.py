"""The reaper's machine code: its file, its disassembly, and run as an ordinary process with a child."""

from __future__ import annotations

import os
import platform
import signal
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from corral.runtime.init.reaper_program import program
from support.machine_code import count_system_calls

MACHINES = ("x86_64", "aarch64")
runnable = pytest.mark.skipif(platform.machine() not in MACHINES, reason="there is no reaper for this machine")


@pytest.mark.parametrize("machine", MACHINES)
def test_it_is_a_static_executable_without_an_executable_stack(machine: str) -> None:
    code = program(2, machine)
    assert code is not None
    assert code[:6] == b"\x7fELF\x02\x01"
    kind, number, _, entry, headers = struct.unpack_from("<HHIQQ", code, 16)
    assert (kind, number, headers) == (2, {"x86_64": 62, "aarch64": 183}[machine], 64)
    load, stack = (struct.unpack_from("<IIQQQQQQ", code, 64 + n * 56) for n in range(2))
    assert load[:3] == (1, 5, 0)
    assert load[5] == load[6] == len(code)
    assert load[3] < entry < load[3] + len(code)
    assert stack[:2] == (0x6474E551, 6)


def test_a_machine_that_is_not_known_has_none() -> None:
    assert program(2, "vax") is None


@pytest.mark.parametrize("machine", MACHINES)
def test_it_disassembles_to_the_calls_it_is_made_of(machine: str, tmp_path: Path) -> None:
    """Where binutils know the architecture: nothing is misread, and the four system calls are there."""
    code = program(0x01020304, machine)
    assert code is not None
    assert count_system_calls(code[64 + 2 * 56 :], machine, tmp_path) == 4


def reaped(tmp_path: Path, child: Callable[[], None]) -> int:
    """Exit code of the reaper, which is executed by a process that had forked ``child``."""
    path = tmp_path / "reaper"
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.set_inheritable(tell, False)
        signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
        program_pid = os.fork()
        if program_pid == 0:
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, ())
                os.close(tell)
                os.read(ready, 1)
                child()
            finally:
                os._exit(99)
        code = program(program_pid, platform.machine())
        assert code is not None
        path.write_bytes(code)
        path.chmod(0o755)
        os.execv(path, ["reaper"])
    os.close(tell)
    os.close(ready)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@runnable
@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_it_exits_with_the_code_of_its_child(tmp_path: Path, code: int) -> None:
    assert reaped(tmp_path, lambda: os._exit(code)) == code


@runnable
def test_it_exits_with_128_and_the_signal_of_its_child(tmp_path: Path) -> None:
    assert reaped(tmp_path, lambda: os.kill(os.getpid(), signal.SIGKILL)) == 137


@runnable
def test_it_forwards_a_signal_to_its_child(tmp_path: Path) -> None:
    def child() -> None:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
        os.kill(os.getppid(), signal.SIGTERM)
        signal.pause()

    assert reaped(tmp_path, child) == 7
