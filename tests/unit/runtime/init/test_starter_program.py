"""The machine code that starts a program and reaps: run as an ordinary process, where the machine can run it."""

from __future__ import annotations

import platform
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from corral.runtime.init.starter_program import candidates, program

MACHINES = ("x86_64", "aarch64")


def _command(machine: str) -> list[str]:
    """What runs programs of ``machine`` here."""
    if platform.machine() == machine:
        return []
    emulator = shutil.which(f"qemu-{machine}")
    if emulator is None:
        pytest.skip(f"no processor and no emulator for {machine}")
    return [emulator]


def _run(tmp_path: Path, machine: str, *args: str) -> subprocess.CompletedProcess[str]:
    code = program(candidates(args[0], "/nowhere:/usr/bin:/bin"), f"exec {args[0]} failed\n", machine)
    assert code is not None
    path = tmp_path / "starter"
    path.write_bytes(code)
    path.chmod(0o755)
    command = [*_command(machine), path, "--", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"NAME": "value"}, timeout=30)


def test_names_without_a_slash_are_looked_for() -> None:
    assert candidates("sh", "/a:/b:") == ["/a/sh", "/b/sh", "./sh"]
    assert candidates("./sh", "/a:/b") == ["./sh"]


def test_a_machine_that_is_not_known_has_none() -> None:
    assert program(["/bin/sh"], "", "vax") is None


@pytest.mark.parametrize("machine", MACHINES)
def test_its_file_is_a_static_executable(machine: str) -> None:
    code = program(["/bin/sh"], "failed", machine)
    assert code is not None
    assert code[:6] == b"\x7fELF\x02\x01"
    load = struct.unpack_from("<IIQQQQQQ", code, 64)
    assert load[5] == load[6] == len(code)
    (entry,) = struct.unpack_from("<Q", code, 24)
    assert load[3] < entry < load[3] + len(code)
    assert entry % 4 == 0


@pytest.mark.parametrize("machine", MACHINES)
def test_program_gets_arguments_and_environment_and_passes_its_code_on(tmp_path: Path, machine: str) -> None:
    done = _run(tmp_path, machine, "sh", "-c", 'echo "$NAME" "$@"; exit 42', "zero", "one", "two")
    assert (done.stdout, done.returncode) == ("value one two\n", 42)


@pytest.mark.parametrize("machine", MACHINES)
def test_signal_of_the_program_is_128_and_its_number(tmp_path: Path, machine: str) -> None:
    assert _run(tmp_path, machine, "sh", "-c", "kill -9 $$").returncode == 137


@pytest.mark.parametrize("machine", MACHINES)
def test_program_that_is_not_there(tmp_path: Path, machine: str) -> None:
    done = _run(tmp_path, machine, "nope")
    assert (done.returncode, done.stderr) == (127, "exec nope failed\n")


@pytest.mark.parametrize("machine", MACHINES)
def test_program_has_default_signals(tmp_path: Path, machine: str) -> None:
    done = _run(tmp_path, machine, "sh", "-c", "grep SigBlk /proc/self/status")
    assert done.stdout.split() == ["SigBlk:", "0000000000000000"]
