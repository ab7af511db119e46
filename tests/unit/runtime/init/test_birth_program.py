"""The program that bears an exec: its file, and run as an ordinary process."""

from __future__ import annotations

import os
import platform
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from corral.runtime.init import birth_program
from corral.runtime.init.birth_program import ARGUMENTS, CALLS, FIRST, program

MACHINES = ("x86_64", "aarch64")


def _run(tmp_path: Path, machine: str, monkeypatch: pytest.MonkeyPatch, path: str, *args: str) -> tuple[int, str]:
    """Exit code of the parent and output of who is born: an ordinary child, since emulators do not know others."""
    monkeypatch.setattr(birth_program, "_FLAGS", 0x100000 | 17)
    code = program(machine)
    assert code is not None
    file = tmp_path / "program"
    file.write_bytes(code)
    file.chmod(0o755)
    page = os.memfd_create("page", 0)
    os.ftruncate(page, 4096)
    arguments = [chr(FIRST + page), path, f"exec {path}: ", *args]
    command, executable = arguments, str(file)
    if platform.machine() != machine:
        emulator = shutil.which(f"qemu-{machine}")
        if emulator is None:
            pytest.skip(f"no processor and no emulator for {machine}")
        command, executable = [emulator, "-0", arguments[0], str(file), *arguments[1:]], emulator
    done = subprocess.run(
        command, executable=executable, capture_output=True, text=True, check=False, env={"NAME": "value"},
        pass_fds=(page,), timeout=30,
    )  # fmt: skip
    born = struct.unpack("=i", os.pread(page, 4, 0))[0]
    os.close(page)
    assert born > 0
    return done.returncode, done.stdout + done.stderr


def test_a_machine_that_is_not_known_has_none() -> None:
    assert program("vax") is None


@pytest.mark.parametrize("machine", MACHINES)
def test_its_file_is_a_static_executable(machine: str) -> None:
    code = program(machine)
    assert code is not None
    assert code[:6] == b"\x7fELF\x02\x01"
    load = struct.unpack_from("<IIQQQQQQ", code, 64)
    assert load[5] == load[6] == len(code)
    (entry,) = struct.unpack_from("<Q", code, 24)
    assert load[3] < entry < load[3] + len(code)
    assert entry % 4 == 0
    assert len(CALLS[machine]) == len(ARGUMENTS)


@pytest.mark.parametrize("machine", MACHINES)
def test_who_is_born_is_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    script = "echo $0 $1 $NAME; cut -d' ' -f6 /proc/$$/stat; echo $$"
    code, out = _run(tmp_path, machine, monkeypatch, "/bin/sh", "sh", "-c", script, "zero", "one")
    said, session, own = out.splitlines()
    assert (code, said, session) == (0, "zero one value", own)


@pytest.mark.parametrize("machine", MACHINES)
def test_why_it_cannot_be_executed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    code, out = _run(tmp_path, machine, monkeypatch, "/nowhere", "sh")
    assert (code, out) == (0, "exec /nowhere: no such file or directory\n")
