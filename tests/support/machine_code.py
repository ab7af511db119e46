"""What a disassembler makes of programs that are written as machine code."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def count_system_calls(code: bytes, machine: str, directory: Path) -> int:
    """How many instructions of ``code`` are system calls; all of it must be instructions.

    Skips where binutils are missing or do not know the architecture.
    """
    objdump = shutil.which("objdump")
    if objdump is None:
        pytest.skip("objdump is not installed")
    (directory / "code").write_bytes(code)
    architecture = {"x86_64": "i386:x86-64", "aarch64": "aarch64"}[machine]
    command = [objdump, "-D", "-b", "binary", "-m", architecture, directory / "code"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"objdump does not know {architecture}")
    assert "(bad)" not in done.stdout
    assert ".inst" not in done.stdout
    lines = done.stdout.splitlines()
    return len([line for line in lines if line.split()[-1:] == ["syscall"] or "\tsvc\t" in line])
